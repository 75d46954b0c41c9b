//! Policies: what a consumer expects of packages and images, and what of it a report does not meet.
//!
//! [`Policy::parse`] reads a policy file; every mistake in it is a diagnostic with a place. [`check`]
//! holds a report of `attest` against it and gives every [`Violation`] in a fixed order, each with the
//! place in the policy that demands otherwise. Source attestations, which are strangers' envelopes, are
//! verified once by [`SourceEvidence::of`] and then asked for many reports. `docs/policy.md` is the
//! reference of keys.
//!
//! Invariants: no IO (key files are read by whoever calls), no clock, no environment. What a policy does
//! not know is a violation, and what it demands and is missing is one, too.

mod age;
mod check;
mod expectations;
mod pattern;
mod place;
mod policy;
mod read;
mod schema;
mod source;
mod starter;
mod violation;
mod written;

pub use bessemer_yaml::{Diagnostic, SourceFile};
pub use check::{Subject, check};
pub use place::Place;
pub use policy::Policy;
pub use schema::policy_schema;
pub use source::{
    SOURCE_ENVELOPES_LIMIT, SourceAttestations, SourceAttestationsError, SourceEvidence,
};
pub use starter::starting_policy;
pub use violation::{Code, Violation};
