//! Verification of one package against its sidecar and a trust root, offline; and of images by what is
//! attached to them.
//!
//! Fails closed: an envelope that no trusted key made, a statement about something else, a key in
//! the wrong role and an unknown parameter are all errors. What policy does not demand is reported
//! as absent, never assumed.

mod image;
mod logged;
mod open;
mod origin;
mod report;
mod reproduced;
#[cfg(test)]
mod tests;
mod unambiguous;
mod words;

pub(crate) use image::BASE_ROLE;
pub use image::{
    BaseContents, BaseDemand, BaseFault, BaseReport, ImageExpectations, ImagePackages, ImageReport,
    ImageVerifyError, ImageVerifyPolicy, RefusedEnvelope, VerifiedImage, verify_expected_image,
    verify_image, verify_image_whole,
};
pub use report::{
    BuiltReport, CommitReport, DependencyCounts, GateReport, ImportReport, LogReport, Origin,
    Report, ReproducedRun, ReproductionReport, SourceReport, TestReport,
};
pub use reproduced::reproductions;
pub use words::{harmless, listed, shown};
pub(crate) use words::{many, with_causes};

use crate::derive::is_of_file;
use crate::documents::Timestamp;
use crate::predicates::{Provenance, Summary, SummaryResult, TestResult, TestVerdict};
use crate::{EnvelopeError, Role, Sidecar, TrustRoot, TrustRootError};
use bessemer_digest::Digest;
use bessemer_tlog::ProofError;
use open::{Opened, take, take_all};

/// The package, as measured by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApkFacts {
    /// File name, for the report.
    pub file: String,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Digest of the compressed control member, when the caller has read the file.
    pub control_sha256: Option<Digest>,
    /// Digest of the compressed data member, when the caller has read the file.
    pub data_sha256: Option<Digest>,
}

/// What is demanded. The default demands verified provenance and nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyPolicy {
    /// Lowest SLSA Build level.
    pub min_level: u8,
    /// The repository that the recipe must come from.
    pub repository: Option<String>,
    /// Whether a passing test result is demanded.
    pub require_tests: bool,
    /// Whether a gate's summary is demanded.
    pub require_gate: bool,
    /// Whether an import attestation will do instead of provenance.
    pub accept_imports: bool,
    /// Whether envelopes of unknown keys are passed over (and reported): what `--key` means.
    pub provenance_only: bool,
    /// The verifier's clock; keys that are not valid then are refused.
    pub now: Option<Timestamp>,
}

/// What [`VerifyError::Missing`] calls the statement that a test passed.
pub const PASSING_TEST: &str = "passing test result";

/// The one reason why a package does not verify.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The trust root is unusable.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
    /// An envelope is malformed.
    #[error("envelope {number} is refused")]
    Envelope {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// Why.
        source: EnvelopeError,
    },
    /// No trusted key made this signature over this payload.
    #[error("envelope {number}: its signature is not that of any key in the trust root")]
    UnknownKey {
        /// Its number in the sidecar, from 1.
        number: usize,
    },
    /// The key is not valid now.
    #[error("envelope {number}: its key `{key}` is valid from {from} until {until}")]
    KeyValidity {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The key's id.
        key: String,
        /// First moment.
        from: String,
        /// Last moment, or `further notice`.
        until: String,
    },
    /// The trust root names a log, and nothing shows that the signature stands in it.
    #[error("envelope {number}: nothing beside it proves that the signer logged it")]
    NoProof {
        /// Its number in the sidecar, from 1.
        number: usize,
    },
    /// The proof of an envelope does not hold.
    #[error("envelope {number}: its proof does not hold")]
    Proof {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// Why.
        source: ProofError,
    },
    /// The log had the signature when the key did not count.
    #[error(
        "envelope {number}: the log has it at index {index}, where its key `{key}` does not count: {window}"
    )]
    KeyWindow {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The key's id.
        key: String,
        /// Where the log has the signature.
        index: u64,
        /// Where the key counts, in words.
        window: String,
    },
    /// A statement or predicate that does not follow its schema.
    #[error("envelope {number}: the {what} does not follow its schema")]
    Shape {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// Which part.
        what: &'static str,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// Something that must be one value is another.
    #[error("envelope {number}: {what} is `{found}`, not `{expected}`")]
    Mismatch {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// What it is.
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it is instead.
        found: String,
    },
    /// A predicate type that no role may sign.
    #[error("envelope {number}: predicate type `{found}` is none of this factory's")]
    PredicateType {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The type.
        found: String,
    },
    /// A key signed what its role does not allow.
    #[error("envelope {number}: a key with role `{role}` signed a statement of role `{needed}`")]
    WrongRole {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The key's role.
        role: &'static str,
        /// The role that the statement needs.
        needed: &'static str,
    },
    /// The statement is about something else.
    #[error("envelope {number}: `{file}` ({sha256}) is not among the subjects of the statement")]
    Subject {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The package's file name.
        file: String,
        /// Its digest.
        sha256: Digest,
    },
    /// The package is another one than its file's name says.
    #[error(
        "envelope {number}: the file is named `{file}`, and the statement speaks of these bytes as `{named}`"
    )]
    FileName {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// The file's name.
        file: String,
        /// The subject's name.
        named: String,
    },
    /// Two statements of one role.
    #[error("there are two statements of role `{0}`; which one holds is not said")]
    Twice(&'static str),
    /// A summary that does not say what it would have to.
    #[error("envelope {number}: the summary does not say {what}")]
    Unsaid {
        /// Its number in the sidecar, from 1.
        number: usize,
        /// What is not there.
        what: &'static str,
    },
    /// A statement that is demanded is not there.
    #[error("there is no {0} for this package")]
    Missing(&'static str),
    /// The builder's level is too low.
    #[error(
        "the builder stands for SLSA Build level {found}, but level {wanted} is demanded: {reasons}"
    )]
    Level {
        /// What the key stands for.
        found: u8,
        /// What is demanded.
        wanted: u8,
        /// Why it is not higher.
        reasons: String,
    },
}

/// A package that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was proven.
    pub report: Report,
    /// The provenance that was verified; none for an import.
    pub provenance: Option<Box<Provenance>>,
}

/// Verifies `facts` by its `sidecar`.
pub fn verify(
    facts: &ApkFacts,
    sidecar: &Sidecar,
    root: &TrustRoot,
    policy: &VerifyPolicy,
) -> Result<Report, VerifyError> {
    verify_whole(facts, sidecar, root, policy).map(|verified| verified.report)
}

/// The same, and hands out the provenance, which names what the package was made from.
pub fn verify_whole(
    facts: &ApkFacts,
    sidecar: &Sidecar,
    root: &TrustRoot,
    policy: &VerifyPolicy,
) -> Result<Verified, VerifyError> {
    let (mut opened, unverified) = open::all(facts, sidecar, root, policy)?;
    let log = logged::all(&opened, sidecar, root)?;
    // In whatever order they lie there, the one by which a chain of attestations is walked is first.
    let is_origin = |one: &&Opened<'_>| matches!(one.key.role, Role::Provenance | Role::Import);
    let (origins, others): (Vec<_>, Vec<_>) = opened.iter().partition(is_origin);
    let evidence = origins
        .into_iter()
        .chain(others)
        .filter(|one| !matches!(one.key.role, Role::Gate | Role::Rebuild))
        .map(|one| one.digest)
        .collect();
    let proven = take(&mut opened, Role::Provenance)?;
    let (package, origin, provenance) = if let Some(one) = proven {
        let (report, provenance) = origin::built(facts, &one, root, policy)?;
        let package = origin::package_name(&one, facts)?;
        let origin = Origin::Built(Box::new(report));
        (package, origin, Some(Box::new(provenance)))
    } else {
        let (package, origin) = imported(facts, &mut opened, policy)?;
        (package, origin, None)
    };
    let test = take(&mut opened, Role::Test)?
        .map(|one| tested(&one, &origin))
        .transpose()?;
    let sbom = take(&mut opened, Role::Sbom)?.is_some();
    let gate = take(&mut opened, Role::Gate)?;
    let rebuilds = take_all(&mut opened, Role::Rebuild);
    if policy.require_tests && test.is_none() {
        return Err(VerifyError::Missing(PASSING_TEST));
    }
    if policy.require_gate && gate.is_none() {
        return Err(VerifyError::Missing("verification summary of a gate"));
    }
    let mut report = Report {
        file: facts.file.clone(),
        package,
        sha256: facts.sha256,
        origin,
        test,
        sbom,
        gate: None,
        reproduced: Vec::new(),
        log,
        unverified,
        evidence,
    };
    report.gate = gate.map(|one| gated(&one, &report)).transpose()?;
    for one in &rebuilds {
        let reproduction = reproduced::reproduced(one, &report)?;
        report.add_reproduction(reproduction);
    }
    Ok(Verified { report, provenance })
}

fn imported(
    facts: &ApkFacts,
    opened: &mut Vec<Opened<'_>>,
    policy: &VerifyPolicy,
) -> Result<(String, Origin), VerifyError> {
    if policy.min_level > 0 || !policy.accept_imports {
        return Err(VerifyError::Missing("provenance"));
    }
    let one = take(opened, Role::Import)?.ok_or(VerifyError::Missing("provenance"))?;
    let import = one.predicate("import attestation")?;
    let package = origin::package_name(&one, facts)?;
    let key = one.key.id.clone();
    let report = ImportReport { import, key };
    Ok((package, Origin::Imported(report)))
}

fn tested(one: &Opened<'_>, origin: &Origin) -> Result<TestReport, VerifyError> {
    let result: TestResult = one.predicate("test result")?;
    if result.result != TestVerdict::Passed {
        return one.mismatch("the test result", "PASSED", &format!("{:?}", result.result));
    }
    if let Origin::Built(built) = origin {
        let found = &result.run.invocation_id;
        one.same("the tested invocation", &built.invocation_id, found)?;
    }
    Ok(TestReport {
        steps: result.passed_tests.len(),
        accelerator: result.run.accelerator,
        key: one.key.id.clone(),
    })
}

/// What every summary must be, whoever made it: of the verifier that the key speaks for, about the file
/// that was asked for, and of a verification that passed.
fn passed(one: &Opened<'_>, report: &Report) -> Result<Summary, VerifyError> {
    let summary: Summary = one.predicate("verification summary")?;
    let asserted = one.key.builder_id.as_deref().unwrap_or_default();
    one.same("the verifier id", asserted, &summary.verifier.id)?;
    if summary.verification_result != SummaryResult::Passed {
        return one.mismatch("the verification result", "PASSED", "FAILED");
    }
    if !is_of_file(&summary.resource_uri, &report.file) {
        let what = "the file that the resource uri names";
        return one.mismatch(what, &report.file, &summary.resource_uri);
    }
    Ok(summary)
}

fn gated(one: &Opened<'_>, report: &Report) -> Result<GateReport, VerifyError> {
    let summary = passed(one, report)?;
    let level = format!("SLSA_BUILD_LEVEL_{}", report.level());
    let found = summary.verified_levels.first().map_or("", String::as_str);
    one.same("the verified level", &level, found)?;
    for digest in report.evidence() {
        let mut inputs = summary.input_attestations.iter();
        // An empty list is allowed by SLSA; ours is never empty, so a gap is a swapped statement.
        if !inputs.any(|input| input.is(digest)) {
            return one.mismatch("the summary's evidence", &digest.to_string(), "not listed");
        }
    }
    Ok(GateReport {
        verifier_id: summary.verifier.id,
        resource_uri: summary.resource_uri,
        levels: summary.verified_levels,
        key: one.key.id.clone(),
        attestation: one.digest,
    })
}
