//! One registered job, from its spec to a record: what `bessemer worker` does.

mod build_guest;
mod capabilities;
mod description;
mod entered;
mod guest;
mod inputs;
mod linting;
mod machine;
mod manifest;
mod missed_network;
mod offered;
mod outputs;
mod record;
mod test_guest;

pub use entered::{Entered, EnteredDisk, EnteredError, EnteredWritable, Explained};
pub use guest::{FailedStep, GuestError};
pub use linting::{LintError, Linting};
pub use machine::{MachineError, Tools};
pub use missed_network::MissedNetwork;
pub use offered::{OfferedTest, TestError};
pub use outputs::{BuiltPackage, OutputError, SignControl, SignControlError};
pub use record::RecordError;

use crate::environment::{EnvironmentDisk, EnvironmentError};
use crate::job::Job;
use crate::lock::{ResolveError, Sources};
use crate::network::{GuestProxy, Network, Recorded};
use crate::reporter::{Event, Reporter};
use crate::run_directory::RunDirectory;
use crate::source::{self, Asking};
use crate::sources_disk::{SourcesDiskError, sources_disk};
use bessemer_attest::documents::{
    GuestInputs, Record, TestOutcome, TestRun, Timestamp, TimestampError,
};
use bessemer_digest::Digest;
use bessemer_recipe::EnvironmentPlan;
use bessemer_repository::PackageFile;
use bessemer_vm::{Machine, Observed};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Where programs are looked for in every guest.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin";

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
    /// Files beside the recipe that go into the workspace.
    pub source_directory: Option<PathBuf>,
    /// Kernel, agent, QEMU, jail.
    pub tools: Tools,
    /// Where logs and the manifest go.
    pub out: PathBuf,
    /// Where packages go; nobody else looks for them there.
    pub packages_out: PathBuf,
    /// What may not be in a package.
    pub linting: Linting,
    /// What guests may reach; nothing when there is nothing here.
    pub network: Option<Network>,
    /// Explain everything that entered the build's guest.
    pub account: bool,
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
    /// Where what entered the build's guest comes from, if that was asked.
    pub entered: Option<Entered>,
    /// What the build's guest was given, canonical.
    pub guest_inputs: Vec<u8>,
    /// The packages, in the record's order.
    pub packages: Vec<BuiltPackage>,
    /// The locks of the test environments, canonical bytes by digest.
    pub test_locks: Vec<Vec<u8>>,
    /// The network records, canonical, in the record's order.
    pub networks: Vec<Vec<u8>>,
    /// The build's log.
    pub log: PathBuf,
    /// The logs of the tests.
    pub test_logs: Vec<PathBuf>,
    /// The file manifest.
    pub manifest: PathBuf,
    /// Whether the build's environment disk was there from an earlier run.
    pub environment_reused: bool,
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
    /// Something entered the guest that nothing lists.
    #[error("not everything that entered the build's guest is listed")]
    Entered(#[from] EnteredError),
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

    /// Writes the sources disk of one guest: its path and digest.
    fn sources_disk(
        &self,
        asking: Asking<'_>,
        run: &RunDirectory,
    ) -> Result<SourcesDisk, SourcesDiskError> {
        let files = source::disk_files(
            asking,
            &self.job.plan,
            &self.job.lock.sources,
            self.sources.store,
            self.source_directory.as_deref(),
        );
        let name = match asking {
            Asking::Build => "build-sources.erofs".to_owned(),
            Asking::Test(package) => format!("test-{package}-sources.erofs"),
        };
        let path = run.path().join(name);
        let digest = sources_disk(&files, &path)?;
        Ok(SourcesDisk { path, digest })
    }

    /// The variables of a guest's steps: what the plan says, and two that a recipe cannot change
    /// for a whole guest (one step may), as in melange.
    fn variables(&self, environment: &EnvironmentPlan) -> BTreeMap<String, String> {
        let mut variables = environment.variables.clone();
        variables.insert("PATH".to_owned(), PATH.to_owned());
        let epoch = self.job.spec.source_date_epoch.to_string();
        variables.insert("SOURCE_DATE_EPOCH".to_owned(), epoch);
        variables
    }

    /// Starts the proxy of one guest, if guests have a network.
    fn proxy(
        &self,
        machine: &Machine,
        run: &RunDirectory,
    ) -> Result<Option<(GuestProxy, OwnedFd)>, GuestError> {
        let Some(network) = &self.network else {
            return Ok(None);
        };
        let (launcher, store) = (self.tools.launcher(), self.sources.store);
        let (name, whole) = (&machine.name, machine.limits.whole);
        let started = GuestProxy::start(network, launcher, store, run.path(), name, whole);
        Ok(Some(started?))
    }

    /// What the proxy of a guest that has gone recorded; an error if it refused something.
    fn recorded(
        &self,
        proxy: Option<GuestProxy>,
        doing: &str,
    ) -> Result<Option<Recorded>, GuestError> {
        let Some(proxy) = proxy else {
            return Ok(None);
        };
        let recorded = proxy.finish(self.sources.store)?;
        match recorded.refused {
            Some(refused) => Err(GuestError::Refused {
                doing: doing.to_owned(),
                refused: Box::new(refused),
                tail: Vec::new(),
            }),
            None => Ok(Some(recorded)),
        }
    }

    fn step_seconds(&self) -> u32 {
        u32::try_from(self.job.spec.limits.timeout_seconds).unwrap_or(u32::MAX)
    }
}

/// A written sources disk.
#[derive(Debug)]
struct SourcesDisk {
    path: PathBuf,
    digest: Digest,
}

/// What the build guest left.
#[derive(Debug)]
struct Built {
    packages: Vec<BuiltPackage>,
    observed: Observed,
    entered: Option<Entered>,
    inputs: GuestInputs,
    environment: EnvironmentDisk,
    sources_digest: Digest,
    network: Option<Recorded>,
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
    network: Option<Recorded>,
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
            network: None,
        }
    }
}

/// This host's clock.
pub fn now() -> Result<Timestamp, TimestampError> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| since.as_secs()))
}
