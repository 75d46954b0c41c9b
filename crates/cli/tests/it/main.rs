//! Whole commands: the programs a user runs, on a bootstrapped repository, with real guests.
//!
//! `cargo xtask test` provides programs and repository (`BESSEMER_TEST_*`) and runs the ignored
//! tests, one at a time. `BLESS=1` rewrites the texts that tests compare with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apk;
mod apk_install;
mod beside;
mod bills;
mod caches;
mod chains;
mod commands;
mod diagnostics;
mod direct;
mod edited;
mod entered;
mod failures;
mod fixture;
mod gate;
mod git;
mod host;
mod image;
mod image_bases;
mod image_chain;
mod image_publish;
mod images;
mod interrupts;
mod killed;
mod languages;
mod linting;
mod makefile;
mod network;
mod own_kernel;
mod policies;
mod provisioned;
mod publishing;
mod reach;
mod reading;
mod rebuilding;
mod released;
mod remote;
mod reproduced;
mod reproducible;
mod sources;
#[path = "../../../attest/src/test_documents.rs"]
#[allow(
    dead_code,
    reason = "only the documents are wanted, not every way to change them"
)]
mod test_documents;
#[path = "../../../attest/src/test_images.rs"]
#[allow(
    dead_code,
    reason = "only the documents are wanted, not every way to change them"
)]
mod test_images;
#[path = "../../../attest/src/test_keys.rs"]
mod test_keys;
mod told;
mod traces;
mod verification;

// What the shared documents and keys call `crate::derive` and so on.
use bessemer_attest::{
    BuilderKind, PublicKey, SignError, Signer, derive, documents, predicates, verify,
};
