//! Statements, envelopes, provenance, the factory's documents, and their verification.
//!
//! The documents ([`documents`]) say what was asked and what was observed; statements are derived
//! from them by pure functions, wrapped in DSSE envelopes by whoever implements a signer, and
//! checked against a trust root.
//!
//! Invariants: no IO, no private key type, no clock, no environment.

pub mod documents;
mod statement;

pub use statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
