//! Whether the tests of a run are about its own outputs, in environments of their own.

use super::check::{machine, mismatch};
use super::{DeriveError, Evidence, same, same_text};
use crate::documents::{Lock, LockKind, Output, TestOutcome, TestRun, digest};
use bessemer_digest::Digest;
use std::collections::BTreeMap;

pub(super) fn tests(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let (outputs, tests) = (&evidence.record.outputs, &evidence.record.tests);
    let (expected, found) = (outputs.len().to_string(), tests.len().to_string());
    same_text("the number of tests", &expected, &found)?;
    let mut locks = BTreeMap::new();
    for lock in evidence.test_locks {
        locks.insert(digest(lock)?, lock);
    }
    for (output, test) in outputs.iter().zip(tests) {
        same_text("a test's package", &output.package, &test.package)?;
        same("a test's subject", &output.sha256, &test.subject)?;
        match test.outcome {
            TestOutcome::Failed => return Err(DeriveError::Unsuccessful),
            TestOutcome::Untested => untested(test)?,
            TestOutcome::Passed => passed(evidence, output, test, &locks)?,
        }
    }
    Ok(())
}

fn untested(test: &TestRun) -> Result<(), DeriveError> {
    if test.machine.is_some() || test.lock.is_some() || !test.steps.is_empty() {
        return mismatch(
            "an untested package's test",
            "no lock, VM or steps",
            "some of them",
        );
    }
    Ok(())
}

fn passed(
    evidence: &Evidence<'_>,
    output: &Output,
    test: &TestRun,
    locks: &BTreeMap<Digest, &Lock>,
) -> Result<(), DeriveError> {
    let name = format!("the test of `{}`", output.package);
    let absent = |what: &str| mismatch(&format!("{what} of {name}"), "one", "none");
    let lock = test.lock.as_ref().and_then(|digest| locks.get(digest));
    let (Some(lock), Some(observed)) = (lock, &test.machine) else {
        return absent("the lock or VM");
    };
    let (Some(_), Some(start), Some(end)) = (&test.log, &test.started_on, &test.finished_on) else {
        return absent("the log or times");
    };
    if end < start || start < &evidence.record.started_on || end > &evidence.record.finished_on {
        return mismatch(
            &format!("the times of {name}"),
            "times within the run",
            "others",
        );
    }
    if test.steps.is_empty() || test.steps.iter().any(|step| step.status != 0) {
        return mismatch(
            &format!("the steps of {name}"),
            "all with status 0",
            "another",
        );
    }
    if lock.kind != LockKind::Test {
        return mismatch(&format!("the lock's kind of {name}"), "test", "build");
    }
    same(
        &format!("the plan of {name}"),
        &evidence.job_spec.plan,
        &lock.plan,
    )?;
    same_text(
        "a test lock's architecture",
        &evidence.lock.architecture,
        &lock.architecture,
    )?;
    machine(&name, evidence, lock, observed)?;
    installs(evidence, output, lock, &name)
}

/// The tested file is installed by its digest, and what counts as this build's is this build's.
fn installs(
    evidence: &Evidence<'_>,
    output: &Output,
    lock: &Lock,
    name: &str,
) -> Result<(), DeriveError> {
    let own: Vec<_> = lock
        .packages
        .iter()
        .filter(|package| package.from_build)
        .collect();
    if !own.iter().any(|package| package.sha256 == output.sha256) {
        return mismatch(
            &format!("what {name} installs"),
            &output.sha256.to_string(),
            "others",
        );
    }
    let made = |digest| {
        evidence
            .record
            .outputs
            .iter()
            .any(|output| output.sha256 == digest)
    };
    if let Some(foreign) = own.iter().find(|package| !made(package.sha256)) {
        let what = format!("a package of {name} that is said to be from this build");
        return mismatch(&what, "one of the outputs", &foreign.sha256.to_string());
    }
    Ok(())
}
