//! The chain behind an artifact: what it was made from, what that was made from in turn, down to where
//! nothing more is known.
//!
//! Provenance names every package that entered a build with the digest of the attestation that was
//! verified for it then, so the chain is walked by digest and nothing is searched for. Each link is
//! verified again, offline, out of a [`Pool`] of envelopes. Where the chain ends it says with what
//! and why ([`EndKind`]); an attestation that is named and not there is a gap, and a gap is never fine.

mod affected;
mod bundle;
mod ends;
mod node;
mod pool;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use affected::{Affected, Search};
pub use bundle::{
    BundleError, BundleHeader, BundleLimits, BundleSchema, BundleTarget, read_bundle,
    read_bundle_lines, write_bundle,
};
pub use ends::{End, EndCount, EndKind};
pub use node::{Artifact, Member, Node, Verdict};
pub use pool::Pool;
pub use tree::role_words;
pub use walk::{ARTIFACT_LIMIT, Chain, Demand, Walk};
