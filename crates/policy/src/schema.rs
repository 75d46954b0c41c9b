//! JSON Schema of policy files, for editors.

use crate::written::Document;
use bessemer_yaml::{Required, schema};
use serde_json::Value;

/// The schema of a policy file.
pub fn policy_schema() -> Value {
    schema::<Document>(
        "Policy",
        "A policy: what is expected of packages and images",
        REQUIRED,
    )
}

/// Keys without which a mapping is refused; a test holds them against the reader.
pub(crate) const REQUIRED: Required = &[
    ("Document", &["schema"]),
    ("SourceVerifier", &["id"]),
    ("PackageRule", &["names"]),
    ("Source", &["repository"]),
    ("ImageRule", &["names"]),
];
