//! One registered job, from its spec to a record: what `bessemer worker` does.

mod guest;
mod machine;
mod outputs;
mod record;
mod test_guest;

pub use guest::GuestError;
pub use machine::{MachineError, Tools};
pub use outputs::{BuiltPackage, OutputError, SignControl, SignControlError};
pub use record::RecordError;

use crate::environment::{EnvironmentDisk, EnvironmentError, PackageFile, environment_disk};
use crate::job::Job;
use crate::lock::{ResolveError, Sources};
use crate::log::Log;
use crate::reporter::{Event, Reporter};
use crate::run_directory::RunDirectory;
use crate::sources_disk::{CachedSource, SourcesDiskError, sources_disk};
use crate::step_script::OUTPUT;
use bessemer_attest::documents::{Record, TestOutcome, TestRun, Timestamp, TimestampError};
use bessemer_digest::Digest;
use bessemer_recipe::Step;
use bessemer_vm::{GuestPath, Observed};
use guest::Guest;
use outputs::Outputs;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

/// What a worker is given beside the job.
#[derive(Debug)]
pub struct Work<'a> {
    /// Plan, lock and spec.
    pub job: &'a Job,
    /// The id that the signer issued for the spec.
    pub invocation_id: String,
    /// Where packages are resolved for the test environments.
    pub sources: Sources<'a>,
    /// The build environment's packages, in the lock's order.
    pub packages: Vec<PackageFile>,
    /// Fetched sources by the names the steps look for.
    pub fetched: Vec<CachedSource>,
    /// Files beside the recipe that go into the workspace.
    pub source_directory: Option<PathBuf>,
    /// Kernel, agent, QEMU, jail.
    pub tools: Tools,
    /// Where finished packages and logs go.
    pub out: PathBuf,
    /// Leave the disks in place afterwards.
    pub keep: bool,
    /// Open a shell at a step that fails.
    pub interactive: bool,
}

/// What a worker made.
#[derive(Debug)]
pub struct Done {
    /// What was observed.
    pub record: Record,
    /// The packages, in the record's order.
    pub packages: Vec<BuiltPackage>,
    /// The locks of the test environments, canonical bytes by digest.
    pub test_locks: Vec<Vec<u8>>,
    /// The build's log.
    pub log: PathBuf,
    /// The logs of the tests.
    pub test_logs: Vec<PathBuf>,
    /// The file manifest.
    pub manifest: PathBuf,
    /// The first test failure, for a person.
    pub failure: Option<GuestError>,
}

/// Why a job did not get to a record.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The file system refused.
    #[error("cannot use this run's directory")]
    Io(#[from] std::io::Error),
    /// No environment disk.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// No sources disk.
    #[error(transparent)]
    SourcesDisk(#[from] SourcesDiskError),
    /// No machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// A step failed, or the guest did.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The guest's results could not become packages.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A test environment could not be resolved.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No record could be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The host's clock is not a time.
    #[error("the host's clock is out of range")]
    Clock(#[from] TimestampError),
}

impl Work<'_> {
    /// Builds in one guest, tests in others, and says what was observed.
    pub fn run(
        mut self,
        signer: &mut dyn SignControl,
        reporter: &mut dyn Reporter,
    ) -> Result<Done, WorkError> {
        let mut run = RunDirectory::create(self.sources.cache)?;
        let started_on = now()?;
        let built = self.build(&run, signer, reporter);
        if self.keep {
            let kept = run.keep()?;
            reporter.report(Event::Note(&format!(
                "disks are kept in {}",
                kept.display()
            )));
        }
        let built = built?;
        let mut tests = Vec::new();
        for package in &built.packages {
            tests.push(self.test(package, &built.packages, &run, reporter)?);
        }
        let finished_on = now()?;
        record::finish(&self, built, tests, started_on, finished_on)
    }

    fn build(
        &mut self,
        run: &RunDirectory,
        signer: &mut dyn SignControl,
        reporter: &mut dyn Reporter,
    ) -> Result<Built, WorkError> {
        let count = format!("{} packages", self.packages.len());
        reporter.report(Event::Stage {
            name: "environment",
            detail: &count,
        });
        let environment = environment_disk(&self.packages, self.sources.cache)?;
        let sources = run.path().join("sources.erofs");
        let sources_digest =
            sources_disk(&self.fetched, self.source_directory.as_deref(), &sources)?;
        let plan = &self.job.plan;
        let log_path = self.out.join(format!(
            "{}-{}.log",
            plan.package.name,
            plan.package.full_version()
        ));
        let log = Log::create(&log_path)?;
        let machine = self.tools.machine(
            "build",
            &environment.path,
            Some(&sources),
            true,
            run.path(),
            &self.job.spec,
        )?;
        reporter.report(Event::Stage {
            name: "build guest",
            detail: self.tools.accelerator_word(),
        });
        let variables = plan.environment.variables.clone();
        let mut guest = Guest::start("build", &machine, self.tools.launcher(), variables, log)?;
        guest.make_folders(&self.folders())?;
        for step in self.build_steps() {
            match guest.step(step, self.step_seconds(), reporter) {
                Ok(_) => {}
                Err(failed) => self.look_into(failed, &mut guest, reporter)?,
            }
        }
        reporter.report(Event::Stage {
            name: "results",
            detail: "archive to the output disk",
        });
        let length = guest.archive(&[
            GuestPath::new(OUTPUT).map_err(|_| MachineError::Path(OUTPUT.to_owned()))?
        ])?;
        let (log, observed) = guest.power_off()?;
        let (log, log_digest) = log.finish()?;
        let archive = File::options()
            .read(true)
            .write(true)
            .open(machine.disks.output.as_deref().unwrap_or(&sources))?;
        archive.set_len(length)?;
        reporter.report(Event::Stage {
            name: "packages",
            detail: "split, detect, SBOM, sign",
        });
        let outputs = Outputs {
            plan,
            lock: &self.job.lock,
            directory: &self.out,
        };
        let packages = outputs.make(archive, signer)?;
        Ok(Built {
            packages,
            observed,
            environment,
            sources_digest,
            log,
            log_digest,
        })
    }

    /// Every step of the build, package by package, in the plan's order. The guest needs each
    /// package's folder to be there before its steps run.
    fn build_steps(&self) -> impl Iterator<Item = &Step> {
        let plan = &self.job.plan;
        std::iter::once(&plan.package)
            .chain(&plan.subpackages)
            .flat_map(|package| &package.steps)
    }

    /// A failed step ends the build, unless a person may look into the guest and then says, by
    /// leaving the shell with status 0, that it should go on.
    fn look_into(
        &self,
        failed: GuestError,
        guest: &mut Guest,
        reporter: &mut dyn Reporter,
    ) -> Result<(), WorkError> {
        if !self.interactive || !matches!(failed, GuestError::Step(_)) {
            return Err(failed.into());
        }
        reporter.report(Event::Note(&failed.to_string()));
        reporter.report(Event::Note(
            "a shell in the guest; `exit 0` goes on, `exit 1` gives up",
        ));
        let stdin = std::io::stdin();
        let go_on = guest.shell(stdin.as_fd(), &mut |bytes| {
            reporter.report(Event::Terminal(bytes));
        })?;
        if go_on { Ok(()) } else { Err(failed.into()) }
    }

    fn folders(&self) -> Vec<String> {
        let plan = &self.job.plan;
        std::iter::once(&plan.package)
            .chain(&plan.subpackages)
            .map(|package| format!("{OUTPUT}/{}", package.name))
            .collect()
    }

    fn step_seconds(&self) -> u32 {
        u32::try_from(self.job.spec.limits.timeout_seconds).unwrap_or(u32::MAX)
    }
}

/// What the build guest left.
#[derive(Debug)]
struct Built {
    packages: Vec<BuiltPackage>,
    observed: Observed,
    environment: EnvironmentDisk,
    sources_digest: Digest,
    log: PathBuf,
    log_digest: Digest,
}

/// What the test guest of one package left.
#[derive(Debug)]
struct Tested {
    run: TestRun,
    lock: Option<Vec<u8>>,
    log: Option<PathBuf>,
    failure: Option<GuestError>,
}

impl Tested {
    fn untested(package: &BuiltPackage) -> Self {
        let run = TestRun {
            package: package.output.package.clone(),
            subject: package.output.sha256,
            lock: None,
            outcome: TestOutcome::Untested,
            machine: None,
            log: None,
            steps: Vec::new(),
            started_on: None,
            finished_on: None,
        };
        Self {
            run,
            lock: None,
            log: None,
            failure: None,
        }
    }
}

fn now() -> Result<Timestamp, TimestampError> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| since.as_secs()))
}
