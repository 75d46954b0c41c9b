//! in-toto test result v0.1.
//!
//! Source: in-toto attestation framework, `spec/predicates/test-result.md`. The extension
//! `bessemer_run` binds it to the run that the provenance is about. Names of tests come from the
//! recipe and what they mean from inside the guest: they are listed in
//! `bessemer_tenantReported`.

use crate::ResourceDescriptor;
use serde::{Deserialize, Serialize};

/// Predicate type of test results.
pub const TEST_RESULT_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// What the test of one package gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// The verdict.
    pub result: TestVerdict,
    /// What it was tested with: recipe, lock, kernel, initramfs, agent, environment disk, log.
    pub configuration: Vec<ResourceDescriptor>,
    /// Steps that exited with 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_tests: Vec<String>,
    /// The run.
    #[serde(rename = "bessemer_run")]
    pub run: TestRunFacts,
    /// Fields of this predicate that tenants wrote.
    #[serde(
        rename = "bessemer_tenantReported",
        default,
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tenant_reported: Vec<String>,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestVerdict {
    /// Every test passed.
    Passed,
    /// Some gave a warning.
    Warned,
    /// Some failed.
    Failed,
}

/// The run that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRunFacts {
    /// The build's invocation id.
    pub invocation_id: String,
    /// What ran the test VM: `kvm` or `tcg`.
    pub accelerator: String,
    /// Host clock at the start.
    pub started_on: String,
    /// Host clock at the end.
    pub finished_on: String,
}
