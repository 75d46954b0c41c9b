//! Statements as pure functions of the documents.
//!
//! [`Derivation::new`] holds a finished run's documents against each other and refuses what does
//! not agree; after that every statement is a function of them, the same bytes each time. Whoever
//! holds keys calls this, so nobody hands a statement to a signer.

mod check;
mod dependencies;
mod environment;
mod guest_inputs;
mod identity;
mod image;
mod image_admission;
mod image_base;
#[cfg(test)]
mod image_base_tests;
mod image_check;
#[cfg(test)]
mod image_tests;
mod image_text;
mod import;
mod network;
mod provenance;
mod reproduced;
mod summary;
mod test_result;
#[cfg(test)]
mod tests;
mod tests_check;
mod text;

pub use environment::{
    BuildEnvironment, EnvironmentRequest, MEASURED_PROPERTY, environment_statement,
};
pub use identity::{
    HOST_LAYERS, Issuer, apk_build_type, gate_id, image_build_type, image_builder_id, import_type,
    local_base, rebuild_id,
};
pub use image::{ImageDerivation, ImageEvidence, ImageFiles, image_signature_payload};
pub use image_admission::PackageVerdict;
pub use image_base::{BaseFiles, BaseVerdict};
pub use import::import_statement;
pub(crate) use reproduced::{BUILDER, INVOCATION, ORIGINAL, REBUILD};
pub use reproduced::{BuiltPackage, OtherFactory, ReproductionRequest, reproduced_statement};
pub(crate) use summary::is_of_file;
pub use summary::{GatePolicy, SummaryRequest, summary_statement};
pub use text::is_publishable;

use crate::documents::{CanonicalError, GuestInputs, JobSpec, Lock, NetworkRecord, Record};
use crate::predicates::{Provenance, SPDX_TYPE, TestResult};
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;
use serde_json::value::RawValue;

/// Why no statement is derived.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// A person could enter the guest.
    #[error("the run was interactive; nothing is signed for it")]
    Interactive,
    /// The run did not succeed.
    #[error("the run ended in failure; nothing is signed for it")]
    Unsuccessful,
    /// An import that names archives names the release that lists them, and no other does.
    #[error("an import has a release exactly when it has archives")]
    ImportRelease,
    /// Two documents disagree.
    #[error("{what} is `{found}`, but `{expected}` was expected")]
    Mismatch {
        /// Which field of which document.
        what: String,
        /// What the other document says.
        expected: String,
        /// What it says itself.
        found: String,
    },
    /// A value that has no place in a statement.
    #[error("{what} `{value}` {reason}")]
    Invalid {
        /// Which field of which document.
        what: String,
        /// The value, cut to 100 characters and without control characters.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A URI with a user name or password in it.
    #[error("{what} carries credentials; they would be published")]
    Credentials {
        /// Which field of which document.
        what: String,
    },
    /// The builder id may not be asserted for this run.
    #[error("builder `{id}` may not be asserted: {reason}")]
    Builder {
        /// The id.
        id: String,
        /// The condition that does not hold.
        reason: String,
    },
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The direct runner boots nothing that could be verified.
    #[error("the lock names no kernel; a run without a machine has no environment to verify")]
    NoMachine,
    /// The agent is a program of the host.
    #[error("the lock names no package that the agent comes from")]
    NoAgentPackage,
    /// The index, the record and what was handed over speak of other numbers of images.
    #[error(
        "the image record has {recorded} images and the index {listed}; both must be the same, and what was handed over with them"
    )]
    ImageCount {
        /// In the record.
        recorded: usize,
        /// In the index.
        listed: usize,
    },
    /// Documents of images that contradict each other, or the record.
    #[error("{what} {reason}")]
    ImagesDisagree {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An index or manifest that is none.
    #[error("{what} is not an OCI document")]
    ImageDocument {
        /// Which one.
        what: &'static str,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// Packages of which nothing verified, and nobody accepted them.
    #[error("packages of the image have no valid provenance: {0}")]
    UnverifiedPackages(String),
    /// Packages that were imported, and nobody accepted imports.
    #[error("packages of the image were imported from a distribution and not built: {0}")]
    ImportedPackages(String),
    /// A base of which nothing verified, and nobody accepted it.
    #[error("the image is built on what has no valid provenance: {0}")]
    UnverifiedBase(String),
    /// A run that is held against itself shows nothing.
    #[error("both packages are of the run `{0}`; a package is reproduced by another run")]
    SameRun(String),
    /// Nobody built it.
    #[error("`{0}` was imported and not built; there is nothing to build again")]
    NotBuilt(String),
    /// Two runs that are not of the same inputs.
    #[error("the {what} `{name}` went into only one of the two builds")]
    OtherInputs {
        /// Its kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is no such output or test.
    #[error("there is no output number {0}")]
    NoOutput(usize),
}

/// The documents of a finished run.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What was registered.
    pub job_spec: &'a JobSpec,
    /// What it was locked to.
    pub lock: &'a Lock,
    /// The locks of the tests that ran.
    pub test_locks: &'a [Lock],
    /// What was observed.
    pub record: &'a Record,
    /// Digest of the summary by which what boots was verified before the first start; `None` if it
    /// was not.
    pub environment: Option<Digest>,
    /// The network records that it names, in its order.
    pub networks: &'a [NetworkRecord],
    /// What the build's guest was given, as the record names it.
    pub guest_inputs: &'a GuestInputs,
}

/// Documents that agree with each other and with what the issuer may assert.
#[derive(Debug, Clone, Copy)]
pub struct Derivation<'a> {
    issuer: &'a Issuer,
    evidence: Evidence<'a>,
}

impl<'a> Derivation<'a> {
    /// Checks that the documents agree, that nothing in them must not be published, and that the
    /// issuer's builder id may be asserted for this run.
    pub fn new(issuer: &'a Issuer, evidence: Evidence<'a>) -> Result<Self, DeriveError> {
        check::documents(&evidence)?;
        check::outputs(&evidence)?;
        tests_check::tests(&evidence)?;
        network::check(&evidence)?;
        guest_inputs::check(&evidence)?;
        text::publishable(&evidence)?;
        identity::may_assert(issuer, &evidence)?;
        Ok(Self { issuer, evidence })
    }

    /// The provenance of all outputs.
    pub fn provenance(&self) -> Result<Statement<Provenance>, DeriveError> {
        provenance::statement(self.issuer, &self.evidence)
    }

    /// The test result of output `index`, or `None` when it was not tested.
    pub fn test_result(&self, index: usize) -> Result<Option<Statement<TestResult>>, DeriveError> {
        let run = self
            .evidence
            .record
            .tests
            .get(index)
            .ok_or(DeriveError::NoOutput(index))?;
        Ok(test_result::statement(&self.evidence, index, run))
    }

    /// The SBOM statement of output `index`. `document` is the SPDX document, whose digest the
    /// caller has compared with the record's.
    pub fn sbom<'d>(
        &self,
        index: usize,
        document: &'d RawValue,
    ) -> Result<Statement<&'d RawValue>, DeriveError> {
        let subject = self.subject(index)?;
        Ok(Statement::new(vec![subject], SPDX_TYPE, document))
    }

    fn subject(&self, index: usize) -> Result<ResourceDescriptor, DeriveError> {
        let outputs = &self.evidence.record.outputs;
        let output = outputs.get(index).ok_or(DeriveError::NoOutput(index))?;
        Ok(ResourceDescriptor::file(&output.file, &output.sha256))
    }
}

/// Refuses unless both are the same digest.
fn same(what: &str, expected: &Digest, found: &Digest) -> Result<(), DeriveError> {
    same_text(what, &expected.to_string(), &found.to_string())
}

/// Refuses unless both are the same text.
fn same_text(what: &str, expected: &str, found: &str) -> Result<(), DeriveError> {
    if expected == found {
        return Ok(());
    }
    Err(DeriveError::Mismatch {
        what: what.to_owned(),
        expected: text::shown(expected),
        found: text::shown(found),
    })
}
