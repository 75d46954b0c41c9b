//! The test-result statement of one output.

use super::Evidence;
use crate::documents::{TestOutcome, TestRun};
use crate::predicates::{TEST_RESULT_TYPE, TestResult, TestRunFacts, TestVerdict};
use crate::{ResourceDescriptor, Statement};

/// `None` when the output was not tested: there is no statement that says less than PASSED,
/// because nothing is signed for a run in which a test failed.
pub(super) fn statement(
    evidence: &Evidence<'_>,
    index: usize,
    run: &TestRun,
) -> Option<Statement<TestResult>> {
    if run.outcome != TestOutcome::Passed {
        return None;
    }
    let output = evidence.record.outputs.get(index)?;
    let (lock, machine, log) = (run.lock.as_ref()?, run.machine.as_ref()?, run.log.as_ref()?);
    let named = [
        ("recipe", Some(&evidence.lock.recipe.sha256)),
        ("plan", Some(&evidence.record.plan)),
        ("lock", Some(lock)),
        ("kernel", machine.kernel.as_ref()),
        ("initramfs", machine.initramfs.as_ref()),
        ("agent", Some(&machine.agent)),
        ("environment-disk", Some(&machine.environment_disk)),
        ("log", Some(log)),
    ];
    let networks = evidence.record.networks.iter();
    let own = networks.filter(|network| network.test.as_ref() == Some(&run.package));
    let predicate = TestResult {
        result: TestVerdict::Passed,
        configuration: named
            .into_iter()
            .chain(own.map(|network| ("network", Some(&network.record))))
            .filter_map(|(name, digest)| Some(ResourceDescriptor::file(name, digest?)))
            .collect(),
        passed_tests: run.steps.iter().map(|step| step.name.clone()).collect(),
        run: TestRunFacts {
            invocation_id: evidence.record.invocation_id.clone(),
            accelerator: machine.accelerator.as_str().to_owned(),
            started_on: run.started_on.as_ref()?.to_string(),
            finished_on: run.finished_on.as_ref()?.to_string(),
        },
        tenant_reported: vec!["passedTests".to_owned()],
    };
    let subject = ResourceDescriptor::file(&output.file, &output.sha256);
    Some(Statement::new(vec![subject], TEST_RESULT_TYPE, predicate))
}
