//! Statements, envelopes, provenance, the factory's documents, and their verification.
//!
//! The documents ([`documents`]) say what was asked and what was observed; statements are derived
//! from them by pure functions, wrapped in DSSE envelopes by whoever implements a signer, and
//! checked against a trust root.
//!
//! Invariants: no IO, no private key type, no clock, no environment.

mod builder;
pub mod chain;
pub mod compare;
pub mod derive;
pub mod documents;
mod envelope;
pub mod go_json;
mod logged;
mod pem;
pub mod predicates;
mod public_key;
mod sidecar;
mod statement;
#[cfg(test)]
mod test_documents;
#[cfg(test)]
mod test_images;
#[cfg(test)]
mod test_keys;
mod trust_root;
pub mod verify;

pub use builder::{BuilderKind, UnknownBuilder};
pub use envelope::{Envelope, EnvelopeError, PAYLOAD_TYPE, SignError, Signer, pae};
pub use logged::LoggedSignature;
pub use pem::{PemError, decode_pem, encode_pem};
pub use public_key::{PublicKey, PublicKeyError, ed25519_spki};
pub use sidecar::{ENVELOPE_COUNT_LIMIT, PROOFS_LIMIT, SIDECAR_LIMIT, Sidecar, SidecarError};
pub use statement::{ResourceDescriptor, STATEMENT_TYPE, Statement};
pub use trust_root::{
    Algorithm, IMAGE_LEVEL, LOCAL_BASE, Role, TrustRoot, TrustRootError, TrustRootSchema,
    TrustedKey,
};
