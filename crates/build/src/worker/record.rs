//! The record and the file manifest.

use super::machine::observation;
use super::manifest;
use super::{Built, Done, Tested, Work, WorkError};
use bessemer_apk::package::ReadError;
use bessemer_attest::documents::{
    Byproducts, CanonicalError, Outcome, Record, RecordSchema, TestOutcome, Timestamp,
    canonical_bytes,
};
use bessemer_digest::Digest;

/// Why no record could be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The manifest could not be written.
    #[error("cannot write the file manifest")]
    Manifest(#[from] std::io::Error),
    /// A finished package does not read back.
    #[error("a finished package does not read back")]
    ReadBack(#[from] ReadError),
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
    let plan = &work.job.plan.package;
    let name = format!("{}-{}.manifest.json", plan.name, plan.full_version());
    let manifest_path = work.out.join(name);
    let manifest = manifest::write(&built.packages, &manifest_path)?;
    let guest_inputs = canonical_bytes(&built.inputs).map_err(RecordError::from)?;
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
        networks: built
            .network
            .iter()
            .chain(tests.iter().filter_map(|test| test.network.as_ref()))
            .map(|network| network.guest.clone())
            .collect(),
        byproducts: Byproducts {
            guest_inputs: Some(Digest::of(&guest_inputs)),
            log: built.log_digest,
            plan: spec.plan,
            manifest,
        },
        components: work.tools.components().clone(),
    };
    let networks = built.network.iter();
    let networks = networks.chain(tests.iter().filter_map(|test| test.network.as_ref()));
    let networks = networks.map(|network| network.bytes.clone()).collect();
    let mut done = Done {
        record,
        entered: built.entered,
        guest_inputs,
        networks,
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
