//! One function for each parser that meets strangers' bytes, with seeds for it.
//!
//! [`TARGETS`] is the list that everything else goes by: `tests/sample.rs` runs each function over
//! its seeds and a bounded number of seeded mutations on every `cargo test`; `fuzz/fuzz_targets`
//! hands the same functions to libFuzzer, for `cargo xtask soak fuzz`.
//!
//! A function panics when the parser does, or when a property of the parser does not hold: what is
//! accepted reads back as the same value, leaves no root, stays below its limits. Seeds are made by
//! the crates' own writers, so no file of unknown origin is needed and they follow the format.
//! Inputs that once failed stand in `fuzz/regressions/<target>/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a target fails by panicking"
)]

mod apk;
mod attest;
mod debian;
mod guest;
mod image;
mod input;
mod jailer;
mod license;
mod mutate;
mod package;
mod policy;
mod proxy;
mod recipe;
mod registry;
mod sift;
mod signer;
#[path = "../../../crates/attest/src/test_documents.rs"]
#[allow(
    dead_code,
    reason = "only the documents are wanted, not every way to change them"
)]
mod test_documents;
mod tlog;

// What the shared documents call `crate::derive` and `crate::documents`.
use bessemer_attest::{BuilderKind, derive, documents};
pub use mutate::Mutator;

/// One parser.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As in `fuzz/fuzz_targets/<name>.rs`.
    pub name: &'static str,
    /// Feeds it; panics on a finding.
    pub run: fn(&[u8]),
    /// Inputs that get far, made anew.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format, for mutations.
    pub words: &'static [&'static str],
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    apk::PACKAGE,
    apk::INDEX,
    apk::INSTALLED,
    apk::PKGINFO,
    apk::VERSION,
    attest::BUNDLE,
    attest::DOCUMENT,
    attest::ENVELOPE,
    attest::STATEMENT,
    attest::TRUST_ROOT,
    debian::CONTROL,
    guest::ARCHIVE,
    guest::FRAME,
    guest::EVENT,
    image::EROFS,
    image::FILE,
    image::LAYERS,
    image::LOCK,
    proxy::STREAMS,
    jailer::REQUEST,
    license::ARCHIVE,
    package::DETECT,
    package::LINT,
    policy::FILE,
    policy::SUMMARY,
    license::QUERY,
    proxy::HTTP,
    recipe::EVALUATED,
    recipe::RECIPE,
    recipe::TEMPLATE,
    registry::ATTESTATION,
    registry::CHALLENGE,
    registry::DOCKER_CONFIG,
    registry::MANIFEST,
    registry::REFERENCE,
    sift::PACKED,
    signer::COSIGN_KEY,
    signer::PEM,
    signer::FRAME,
    signer::URI,
    tlog::NOTE,
    tlog::PROOF,
    tlog::BUNDLE,
    tlog::TOKEN_URI,
];

/// The target with this name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> &'static Target {
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("a target of this name")
}
