//! Policy files, and reports of a factory of the tests' own held against them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod factory;
mod hostile;
mod images;
mod packages;
mod schema;
mod sources;
mod starter;
mod table;
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

// What the shared documents call `crate::derive` and so on.
use bessemer_attest::{
    BuilderKind, PublicKey, SignError, Signer, derive, documents, predicates, verify,
};
