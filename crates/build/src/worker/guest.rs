//! Running the steps of one guest, into one log.

use crate::log::Log;
use crate::network::{GuestProxy, NetworkError, Refused};
use crate::reporter::{Event, Reporter};
use crate::step_script::{WORKSPACE, script};
use crate::worker::missed_network::MissedNetwork;
use bessemer_recipe::Step;
use bessemer_sift::Certificate;
use bessemer_vm::{
    Configuration, GuestPath, LaunchError, Launcher, Machine, Observed, Run, RunStatus, Session,
    SessionError, ToGuest,
};
use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

/// Why the steps of a guest did not all succeed.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The guest did not start.
    #[error("the {what} guest did not start")]
    Launch {
        /// Which guest.
        what: &'static str,
        /// Why not.
        source: Box<LaunchError>,
    },
    /// A step returned something other than 0.
    #[error(transparent)]
    Step(Box<FailedStep>),
    /// The guest or the channel to it failed under a step.
    #[error("{source}{}\nthe whole log: {}", lines(tail), log.display())]
    Session {
        /// What happened, doing what.
        source: Box<SessionError>,
        /// The last lines of the running step.
        tail: Vec<String>,
        /// Where the whole log is.
        log: PathBuf,
    },
    /// No network for the guest, or no record of it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The guest asked for something that it may not have.
    #[error("{doing} asked for {}: {}{}", refused.url, refused.reason, lines(tail))]
    Refused {
        /// Doing what.
        doing: String,
        /// What, and why not.
        refused: Box<Refused>,
        /// The last lines of the running step.
        tail: Vec<String>,
    },
    /// The log could not be written.
    #[error("cannot write the log")]
    Log(#[from] std::io::Error),
    /// A working directory is no path inside a guest.
    #[error("step `{id}`: working directory `{directory}` is no path inside the guest")]
    Directory {
        /// The step's id.
        id: String,
        /// As written.
        directory: String,
    },
}

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("step `{id}` ({name}) {how}{location}{}\nthe whole log: {}", shown(tail), log.display())]
pub struct FailedStep {
    /// The step's id in the plan.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it returned.
    pub how: String,
    /// Its exit status, or 128 where it has none.
    pub status: i32,
    /// Where it stands in the recipe, if known.
    pub location: String,
    /// The last lines it printed.
    pub tail: Vec<String>,
    /// Where the whole log is.
    pub log: PathBuf,
    /// That it wanted a network, in a guest that has none.
    pub missed: Option<MissedNetwork>,
}

fn shown(tail: &[String]) -> String {
    if tail.is_empty() {
        return "\n  (the step printed nothing; --debug shows its commands)".to_owned();
    }
    lines(tail)
}

/// Each on a line of its own, the first one too.
fn lines(tail: &[String]) -> String {
    tail.iter().flat_map(|line| ["\n  | ", line]).collect()
}

/// What every guest is called.
pub(super) const HOSTNAME: &str = "bessemer";

/// The program that carries out a step.
pub(super) fn run_of(step: &Step, debug: bool, timeout_seconds: u32) -> Result<Run, GuestError> {
    Ok(Run {
        id: step.id.clone(),
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script(step, debug)],
        directory: workspace(&step.id)?,
        environment: step.environment.clone(),
        timeout_seconds,
    })
}

/// The program that makes the folders in which packages are put together.
pub(super) fn folders_run(folders: Vec<String>) -> Result<Run, GuestError> {
    let argv = ["/bin/mkdir", "-p", "--"].map(str::to_owned).into_iter();
    Ok(Run {
        id: "prepare".to_owned(),
        argv: argv.chain(folders).collect(),
        directory: workspace("prepare")?,
        environment: BTreeMap::new(),
        timeout_seconds: 60,
    })
}

fn workspace(id: &str) -> Result<GuestPath, GuestError> {
    GuestPath::new(WORKSPACE).map_err(|_| GuestError::Directory {
        id: id.to_owned(),
        directory: WORKSPACE.to_owned(),
    })
}

impl GuestError {
    /// The exit status for a record: the step's, or 128 where there is none.
    pub fn status(&self) -> i32 {
        match self {
            Self::Step(failed) => failed.status,
            _ => 128,
        }
    }
}

/// A running guest and its log.
#[derive(Debug)]
pub(super) struct Guest {
    session: Session,
    log: Log,
    debug: bool,
    proxy: Option<GuestProxy>,
}

/// What a guest is started with, beside its machine.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    /// Which guest, for errors.
    pub(super) what: &'static str,
    pub(super) launcher: &'a dyn Launcher,
    /// Of every step.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) log: Log,
    /// Whether steps print their commands.
    pub(super) debug: bool,
    /// Its proxy, and QEMU's end of the data port.
    pub(super) network: Option<(GuestProxy, OwnedFd)>,
}

/// What a guest leaves when it is gone.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) log: Log,
    pub(super) observed: Observed,
    /// To be asked what it recorded.
    pub(super) proxy: Option<GuestProxy>,
    /// Every message to its agent.
    pub(super) sent: Vec<ToGuest>,
}

/// What one step of a recipe returned.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    /// The step's id.
    pub(super) id: String,
    /// Its exit status; 0 for success.
    pub(super) status: i32,
}

impl Guest {
    /// Starts a machine.
    pub(super) fn start(
        machine: &Machine,
        beginning: Beginning<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<Self, GuestError> {
        let Beginning {
            what,
            launcher,
            environment,
            log,
            debug,
            network,
        } = beginning;
        let (proxy, data) = network.unzip();
        // The host's clock, a written exception to "every byte is recorded": with the source date
        // instead, files of a source would lie in the future and make would run for ever.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let clock = since.ok().map(|since| since.as_secs());
        let configuration = Configuration {
            environment,
            hostname: HOSTNAME.to_owned(),
            clock,
            network: proxy.as_ref().map(|proxy| proxy.settings().clone()),
        };
        let session = machine
            .launch_with(launcher, &configuration, data)
            .map_err(|source| GuestError::Launch {
                what,
                source: Box::new(source),
            })?;
        if let Some(waited) = session.second_start() {
            let seconds = waited.as_secs();
            reporter.report(Event::Note(&format!(
                "the {what} guest was not ready after {seconds} s and was started again"
            )));
        }
        Ok(Self {
            session,
            log,
            debug,
            proxy,
        })
    }

    /// What no output of the guest may have in it.
    pub(super) fn authority(&self) -> Option<Certificate> {
        self.proxy.as_ref()?.authority().cloned()
    }

    /// An error if something was refused so far, whatever became of the step.
    fn check_network(&mut self, doing: &str) -> Result<(), GuestError> {
        let refused = self.proxy.as_ref().and_then(GuestProxy::refused);
        refused.map_or(Ok(()), |refused| {
            Err(GuestError::Refused {
                doing: doing.to_owned(),
                refused: Box::new(refused),
                tail: self.log.tail(),
            })
        })
    }

    /// Runs one step to its end; anything but exit status 0 is an error.
    pub(super) fn step(
        &mut self,
        step: &Step,
        timeout_seconds: u32,
        reporter: &mut dyn Reporter,
    ) -> Result<Finished, GuestError> {
        let name = if step.name.is_empty() {
            step.uses.clone().unwrap_or_else(|| "runs".to_owned())
        } else {
            step.name.clone()
        };
        reporter.report(Event::Step {
            id: &step.id,
            name: &name,
        });
        self.log.step(&step.id, &name)?;
        let run = run_of(step, self.debug, timeout_seconds)?;
        let log = &mut self.log;
        let mut failed = None;
        let outcome = self.session.run_step(&run, &mut |bytes: &[u8]| {
            failed = failed.take().or_else(|| log.write(bytes).err());
            reporter.report(Event::Output(bytes));
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.check_network(&format!("step `{}` ({name})", step.id))?;
        let outcome = outcome.map_err(|source| self.session_error(source))?;
        self.judge(step, name, outcome.status)
    }

    fn judge(
        &mut self,
        step: &Step,
        name: String,
        status: RunStatus,
    ) -> Result<Finished, GuestError> {
        let (how, status) = match status {
            RunStatus::Exited(0) => {
                return Ok(Finished {
                    id: step.id.clone(),
                    status: 0,
                });
            }
            RunStatus::Exited(status) => (format!("returned exit status {status}"), status.into()),
            RunStatus::Signaled(signal) => (
                format!("was ended by signal {signal}"),
                128 + i32::from(signal),
            ),
            RunStatus::TimedOut => ("did not end in time".to_owned(), 128),
        };
        let location = step.location.as_ref().map_or_else(String::new, |location| {
            format!(
                " at {}:{}:{}",
                location.file, location.line, location.column
            )
        });
        let tail = self.log.tail();
        let log = self.log.path().to_path_buf();
        let missed = match self.proxy {
            Some(_) => None,
            None => MissedNetwork::told_in(&tail),
        };
        Err(GuestError::Step(Box::new(FailedStep {
            id: step.id.clone(),
            name,
            how,
            status,
            location,
            tail,
            log,
            missed,
        })))
    }

    /// Has the guest write `paths` to the output disk; returns the archive's length in bytes.
    pub(super) fn archive(&mut self, paths: &[GuestPath]) -> Result<u64, GuestError> {
        self.session
            .archive(paths)
            .map_err(|source| self.session_error(source))
    }

    /// Makes the folders in which packages are put together.
    pub(super) fn make_folders(&mut self, folders: Vec<String>) -> Result<(), GuestError> {
        let run = folders_run(folders)?;
        let step = Step {
            id: run.id.clone(),
            name: "folders for the packages".to_owned(),
            uses: None,
            runs: String::new(),
            working_directory: String::new(),
            environment: BTreeMap::new(),
            location: None,
        };
        let outcome = self
            .session
            .run_step(&run, &mut |_| {})
            .map_err(|source| self.session_error(source))?;
        let name = step.name.clone();
        self.judge(&step, name, outcome.status).map(drop)
    }

    /// Opens a shell in the guest over the channel, fed from `input`; says whether it returned 0.
    pub(super) fn shell(
        &mut self,
        input: std::os::fd::BorrowedFd<'_>,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, GuestError> {
        let run = Run {
            id: "shell".to_owned(),
            argv: vec!["/bin/sh".to_owned(), "-i".to_owned()],
            directory: workspace("shell")?,
            environment: BTreeMap::new(),
            timeout_seconds: u32::MAX,
        };
        self.session
            .shell(&run, input, output)
            .map(|outcome| outcome.succeeded())
            .map_err(|source| self.session_error(source))
    }

    /// Powers the guest off, and returns what it leaves once the machine is gone.
    pub(super) fn power_off(mut self) -> Result<Ended, GuestError> {
        let observed = self.session.observed().clone();
        let proxy = self.proxy.take();
        let mut sent = self.session.sent().to_vec();
        match self.session.power_off() {
            Ok(()) => {
                sent.push(ToGuest::PowerOff);
                Ok(Ended {
                    log: self.log,
                    observed,
                    proxy,
                    sent,
                })
            }
            Err(source) => {
                let tail = self.log.tail();
                let log = self.log.path().to_path_buf();
                Err(GuestError::Session {
                    source: Box::new(source),
                    tail,
                    log,
                })
            }
        }
    }

    /// A failed step ends the guest's work, unless a person looks into the guest and then says, by
    /// leaving the shell with status 0, that it should go on.
    pub(super) fn look_into(
        &mut self,
        failed: GuestError,
        reporter: &mut dyn Reporter,
    ) -> Result<(), GuestError> {
        if !matches!(failed, GuestError::Step(_)) {
            return Err(failed);
        }
        reporter.report(Event::Note(&failed.to_string()));
        reporter.report(Event::Note(
            "a shell in the guest; `exit 0` goes on, `exit 1` gives up",
        ));
        let stdin = std::io::stdin();
        let go_on = self.shell(stdin.as_fd(), &mut |bytes| {
            reporter.report(Event::Terminal(bytes));
        })?;
        if go_on { Ok(()) } else { Err(failed) }
    }

    /// Ends the guest however it is.
    pub(super) fn end(mut self) -> Result<Ended, GuestError> {
        if self.session.is_alive() {
            return self.power_off();
        }
        Ok(Ended {
            observed: self.session.observed().clone(),
            proxy: self.proxy.take(),
            sent: self.session.sent().to_vec(),
            log: self.log,
        })
    }

    fn session_error(&mut self, source: SessionError) -> GuestError {
        let tail = self.log.tail();
        let log = self.log.path().to_path_buf();
        GuestError::Session {
            source: Box::new(source),
            tail,
            log,
        }
    }
}
