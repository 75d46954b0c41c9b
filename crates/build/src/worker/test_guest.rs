//! Testing a finished package in a guest of its own.
//!
//! The environment installs the very file that was made: its index entry is written by the host from
//! that file, and the disk is made from that file, so no other package of the same name can slip in.

use super::guest::{Beginning, Guest, GuestError};
use super::machine::{observation, whole};
use super::{BuiltPackage, Tested, Work, WorkError, now};
use crate::environment::environment_disk;
use crate::lock::resolve_with_outputs;
use crate::log::Log;
use crate::reporter::{Event, Reporter};
use crate::run_directory::RunDirectory;
use crate::source::{self, Asking};
use bessemer_attest::documents::{
    Lock, LockKind, LockedPackage, LockedSource, StepResult, TestOutcome, TestRun, canonical_bytes,
};
use bessemer_digest::Digest;
use bessemer_recipe::{PackagePlan, TestPlan};
use bessemer_repository::PackageFile;

/// The package under test.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) sha256: Digest,
}

impl Work<'_> {
    /// Runs the tests of one package; a package without tests is reported as untested.
    pub(super) fn test(
        &self,
        package: &BuiltPackage,
        outputs: &[BuiltPackage],
        run: &RunDirectory,
        reporter: &mut dyn Reporter,
    ) -> Result<Tested, WorkError> {
        let Some(plan) = self.test_plan(&package.output.package) else {
            return Ok(Tested::untested(package));
        };
        let packages = self.test_packages(package, plan, outputs)?;
        let subject = Subject {
            name: &package.output.package,
            version: &package.output.version,
            sha256: package.output.sha256,
        };
        self.test_in_guest(&subject, plan, &packages, run, reporter)
    }

    /// Boots a guest with these packages, the subject among them, and runs the test's steps in it.
    pub(super) fn test_in_guest(
        &self,
        subject: &Subject<'_>,
        plan: &TestPlan,
        packages: &[PackageFile],
        run: &RunDirectory,
        reporter: &mut dyn Reporter,
    ) -> Result<Tested, WorkError> {
        let name = subject.name;
        reporter.report(Event::Stage {
            name: "test guest",
            detail: name,
        });
        let disk = environment_disk(packages, self.sources.cache)?;
        let lock = self.test_lock(name, packages, disk.digest)?;
        let sources = self.sources_disk(Asking::Test(name), run)?;
        let mut machine = self.tools.machine(
            &format!("test-{name}"),
            &disk.path,
            Some(&sources.path),
            false,
            run.path(),
            &self.job.spec,
        )?;
        machine.limits.whole = whole(plan.steps.len(), &self.job.spec);
        let log_path = self
            .out
            .join(format!("{name}-{}.test.log", subject.version));
        let log = Log::create(&log_path)?;
        let started_on = now()?;
        let variables = self.variables(&plan.environment);
        let beginning = Beginning {
            what: "test",
            launcher: self.tools.launcher(),
            environment: variables,
            log,
            debug: self.job.spec.external_parameters.debug,
            network: self.proxy(&machine, run)?,
        };
        let mut guest = Guest::start(&machine, beginning, reporter)?;
        let (steps, failure) = self.test_steps(&mut guest, plan, reporter);
        let ended = guest.end()?;
        let observed = ended.observed;
        let (log_path, log_digest) = ended.log.finish()?;
        let network = if failure.is_none() {
            let recorded = self.recorded(ended.proxy, &format!("the test of {name}"))?;
            recorded.map(|network| network.of_test(name))
        } else {
            None
        };
        let outcome = if failure.is_some() {
            TestOutcome::Failed
        } else {
            TestOutcome::Passed
        };
        let run = TestRun {
            package: name.to_owned(),
            subject: subject.sha256,
            lock: Some(Digest::of(&lock)),
            outcome,
            machine: Some(observation(&observed, disk.digest, Some(sources.digest))),
            log: Some(log_digest),
            steps,
            started_on: Some(started_on),
            finished_on: Some(now()?),
        };
        Ok(Tested {
            run,
            lock: Some(lock),
            log: Some(log_path),
            failure,
            network,
        })
    }

    pub(super) fn test_plan(&self, package: &str) -> Option<&TestPlan> {
        let plan = &self.job.plan;
        let all = std::iter::once(&plan.package).chain(&plan.subpackages);
        let found: Option<&PackagePlan> = all.into_iter().find(|plan| plan.name == package);
        found?.test.as_ref().filter(|test| !test.steps.is_empty())
    }

    fn test_packages(
        &self,
        package: &BuiltPackage,
        plan: &TestPlan,
        outputs: &[BuiltPackage],
    ) -> Result<Vec<PackageFile>, WorkError> {
        let mut world = plan.environment.packages.clone();
        world.push(format!(
            "{}={}",
            package.output.package, package.output.version
        ));
        Ok(resolve_with_outputs(
            &package.output.package,
            &world,
            outputs,
            &self.sources,
        )?)
    }

    fn test_lock(
        &self,
        name: &str,
        packages: &[PackageFile],
        disk: Digest,
    ) -> Result<Vec<u8>, WorkError> {
        let locked: Vec<LockedPackage> = packages
            .iter()
            .map(|package| package.locked.clone())
            .collect();
        let lock = Lock {
            kind: LockKind::Test,
            sources: self.test_sources(name),
            packages: locked,
            environment_disk: Some(disk),
            ..self.job.lock.clone()
        };
        Ok(canonical_bytes(&lock).map_err(super::RecordError::from)?)
    }

    /// Of the build's lock: what enters the guest of this package's test.
    fn test_sources(&self, name: &str) -> Vec<LockedSource> {
        let sources = self.job.lock.sources.iter();
        sources
            .filter(|source| source::enters(Asking::Test(name), &source.id))
            .cloned()
            .collect()
    }

    /// Runs the steps until one fails and nobody looks into it; a test that fails is a result, not
    /// an error.
    fn test_steps(
        &self,
        guest: &mut Guest,
        plan: &TestPlan,
        reporter: &mut dyn Reporter,
    ) -> (Vec<StepResult>, Option<GuestError>) {
        let mut results = Vec::new();
        for step in &plan.steps {
            match guest.step(step, self.step_seconds(), reporter) {
                Ok(finished) => {
                    results.push(StepResult {
                        name: finished.id,
                        status: finished.status,
                    });
                }
                Err(error) => {
                    results.push(StepResult {
                        name: step.id.clone(),
                        status: error.status(),
                    });
                    let looked_into = if self.interactive {
                        guest.look_into(error, reporter)
                    } else {
                        Err(error)
                    };
                    if let Err(error) = looked_into {
                        return (results, Some(error));
                    }
                }
            }
        }
        (results, None)
    }
}
