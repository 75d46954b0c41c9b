//! The record and the file manifest.

use super::machine::observation;
use super::{Built, Done, Tested, Work, WorkError};
use bessemer_attest::documents::{
    Byproducts, CanonicalError, Outcome, Record, RecordSchema, TestOutcome, Timestamp,
};
use bessemer_digest::Digest;
use serde::Serialize;

/// Why no record could be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The manifest could not be written.
    #[error("cannot write the file manifest")]
    Manifest(#[from] std::io::Error),
}

/// The file manifest: every package's members by digest.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    schema: &'static str,
    packages: Vec<ManifestPackage<'a>>,
}

#[derive(Debug, Serialize)]
struct ManifestPackage<'a> {
    file: &'a str,
    control_sha256: Digest,
    data_sha256: Digest,
    installed_size: u64,
}

/// Puts together what was observed.
pub(super) fn finish(
    work: &Work<'_>,
    built: Built,
    tests: Vec<Tested>,
    started_on: Timestamp,
    finished_on: Timestamp,
) -> Result<Done, WorkError> {
    let spec = &work.job.spec;
    let (manifest_path, manifest) = manifest(work, &built)?;
    let failed = tests
        .iter()
        .any(|test| test.run.outcome == TestOutcome::Failed);
    let interactive = spec.interactive || work.keep;
    let record = Record {
        schema: RecordSchema::V1,
        invocation_id: work.invocation_id.clone(),
        job_spec: bessemer_attest::documents::digest(spec).map_err(RecordError::from)?,
        plan: spec.plan,
        lock: spec.lock,
        started_on,
        finished_on,
        outcome: if failed {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        interactive,
        build_machine: observation(
            &built.observed,
            built.environment.digest,
            Some(built.sources_digest),
        ),
        outputs: built
            .packages
            .iter()
            .map(|package| package.output.clone())
            .collect(),
        tests: tests.iter().map(|test| test.run.clone()).collect(),
        byproducts: Byproducts {
            log: built.log_digest,
            plan: spec.plan,
            manifest,
        },
        components: work.tools.components().clone(),
    };
    let mut done = Done {
        record,
        packages: built.packages,
        test_locks: Vec::new(),
        log: built.log,
        test_logs: Vec::new(),
        manifest: manifest_path,
        environment_reused: built.environment.reused,
        failure: None,
    };
    for test in tests {
        done.test_locks.extend(test.lock);
        done.test_logs.extend(test.log);
        done.failure = done.failure.or(test.failure);
    }
    Ok(done)
}

fn manifest(work: &Work<'_>, built: &Built) -> Result<(std::path::PathBuf, Digest), RecordError> {
    let packages = built.packages.iter().map(|package| ManifestPackage {
        file: &package.output.file,
        control_sha256: package.output.control_sha256,
        data_sha256: package.output.data_sha256,
        installed_size: package.info.size,
    });
    let manifest = Manifest {
        schema: "bessemer.manifest/v1",
        packages: packages.collect(),
    };
    let bytes = bessemer_attest::documents::canonical_bytes(&manifest)?;
    let plan = &work.job.plan.package;
    let path = work.out.join(format!(
        "{}-{}.manifest.json",
        plan.name,
        plan.full_version()
    ));
    fs_err::write(&path, &bytes)?;
    Ok((path, Digest::of(&bytes)))
}
