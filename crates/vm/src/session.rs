//! A running guest.

use crate::channel::{Channels, Turn};
use crate::error::{Activity, Fault, SessionError};
use crate::launcher::Launched;
use crate::tail::printable;
use crate::{Configuration, GuestPath, LaunchError, Limits, Observed, ProcessEnd};
use crate::{Run, RunStatus, VmProcess};
use bessemer_vm_proto::{Conversation, FromGuest, ToGuest};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// How much longer than the step's own limit the host waits for the guest to end it.
const GRACE: Duration = Duration::from_secs(20);
/// How long a step's last output may take to arrive after its end was reported.
const LOG_DRAIN: Duration = Duration::from_secs(60);
/// How long to wait for QEMU's exit status once its channels are closed.
const EXIT_WAIT: Duration = Duration::from_secs(5);
/// Lines of console kept in an error.
const CONSOLE_LINES: usize = 20;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// What the guest says became of it.
    pub status: RunStatus,
    /// Time on the host's clock.
    pub duration: Duration,
    /// Bytes of output.
    pub log_bytes: u64,
}

impl StepOutcome {
    /// Whether it returned 0.
    pub fn succeeded(&self) -> bool {
        self.status == RunStatus::Exited(0)
    }
}

/// A guest whose root is ready. Dropping it kills the machine.
#[derive(Debug)]
pub struct Session {
    process: Box<dyn VmProcess>,
    channels: Channels,
    talk: Conversation,
    order: Order,
    limits: Limits,
    observed: Observed,
    agent_version: String,
    output_bytes: u64,
    sent: Vec<ToGuest>,
    second_start: Option<Duration>,
    over: bool,
}

/// A process that has just been started, and the host's ends of its channels.
pub(crate) struct Start {
    pub(crate) launched: Launched,
    pub(crate) started: Instant,
    pub(crate) channels: Channels,
    pub(crate) observed: Observed,
    pub(crate) output_bytes: u64,
}

/// Whether a message that may not come now ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Kept,
    /// For a control run: whatever comes is taken for the answer.
    #[cfg(test)]
    Ignored,
}

impl Session {
    pub(crate) fn start(
        start: Start,
        limits: &Limits,
        configuration: &Configuration,
    ) -> Result<Self, LaunchError> {
        Self::start_in(Order::Kept, start, limits, configuration)
    }

    fn start_in(
        order: Order,
        start: Start,
        limits: &Limits,
        configuration: &Configuration,
    ) -> Result<Self, LaunchError> {
        let mut session = Self {
            order,
            process: start.launched.process,
            channels: start.channels,
            talk: Conversation::default(),
            limits: limits.clone(),
            observed: Observed {
                jail: start.launched.jail,
                ..start.observed
            },
            agent_version: String::new(),
            output_bytes: start.output_bytes,
            sent: Vec::new(),
            second_start: None,
            over: false,
        };
        session.await_ready()?;
        let boot = start.started.elapsed().as_millis();
        session.observed.boot_milliseconds = u64::try_from(boot).unwrap_or(u64::MAX);
        let limit = session.limits.configure;
        session.ask(
            &Activity::Configure,
            &ToGuest::Configure(configuration.clone()),
            limit,
            &mut Speech::default(),
        )?;
        Ok(session)
    }

    /// What the host observed about this machine.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// How long a first machine was waited for in vain, if this is the second.
    pub const fn second_start(&self) -> Option<Duration> {
        self.second_start
    }

    pub(crate) const fn note_second_start(&mut self, waited: Duration) {
        self.second_start = Some(waited);
    }

    /// The version the agent names; from the guest, control characters replaced.
    pub fn agent_version(&self) -> &str {
        &self.agent_version
    }

    /// Every message that the guest was sent, in order, but for what a person typed.
    pub fn sent(&self) -> &[ToGuest] {
        &self.sent
    }

    /// Whether further requests can be made; after most errors they cannot.
    pub fn is_alive(&self) -> bool {
        !self.over
    }

    /// Runs one step; its output goes to `log` as it comes, in pieces of any size.
    ///
    /// A step that the guest itself ended for its time limit is [`Fault::Deadline`], and the
    /// session can go on; after every other error but [`Fault::Refused`] the machine is gone.
    pub fn run_step(
        &mut self,
        step: &Run,
        log: &mut dyn FnMut(&[u8]),
    ) -> Result<StepOutcome, SessionError> {
        let mut speech = Speech {
            log: Some(log),
            typed: None,
        };
        self.run(
            Activity::Step(step.id.clone()),
            &ToGuest::Run(step.clone()),
            step,
            &mut speech,
        )
    }

    /// Runs a program on a terminal in the guest, fed from `input`, until it ends.
    pub fn shell(
        &mut self,
        program: &Run,
        input: BorrowedFd<'_>,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<StepOutcome, SessionError> {
        let mut speech = Speech {
            log: Some(output),
            typed: Some(input),
        };
        self.run(
            Activity::Shell,
            &ToGuest::Shell(program.clone()),
            program,
            &mut speech,
        )
    }

    /// Has these trees written as a tar archive to the start of the output disk; returns the
    /// archive's length in bytes as the guest names it. Read it after [`Session::power_off`].
    pub fn archive(&mut self, paths: &[GuestPath]) -> Result<u64, SessionError> {
        let activity = Activity::Archive;
        let limit = self.limits.archive;
        let request = ToGuest::Archive(paths.to_vec());
        match self.ask(&activity, &request, limit, &mut Speech::default())? {
            FromGuest::Archived { bytes } if bytes <= self.output_bytes => Ok(bytes),
            FromGuest::Archived { bytes } => {
                let disk = self.output_bytes;
                Err(self.fail(&activity, Fault::ArchiveLength { bytes, disk }))
            }
            _ => Err(self.fail(&activity, Fault::Over)),
        }
    }

    /// Powers the guest off and waits for QEMU's end, so that its disks can be read.
    pub fn power_off(mut self) -> Result<(), SessionError> {
        let activity = Activity::PowerOff;
        let limit = self.limits.power_off;
        self.send(&activity, &ToGuest::PowerOff)?;
        let deadline = Instant::now() + limit;
        loop {
            match self.turn(&activity, deadline, &mut Speech::default())? {
                Turn::Ended => break,
                Turn::Deadline => return Err(self.fail(&activity, Fault::Deadline { limit })),
                Turn::Message(FromGuest::Failed { message }) => {
                    let message = printable(&message);
                    return Err(self.fail(&activity, Fault::Refused { message }));
                }
                _ => {}
            }
        }
        self.over = true;
        match self.process.wait(EXIT_WAIT) {
            Some(ProcessEnd::Exited(0)) => Ok(()),
            end => {
                let end = end.unwrap_or(ProcessEnd::Unknown);
                Err(self.fail(&activity, Fault::Ended { end }))
            }
        }
    }

    fn await_ready(&mut self) -> Result<(), SessionError> {
        let limit = self.limits.boot;
        match self.answer(&Activity::Boot, limit, &mut Speech::default())? {
            FromGuest::Ready { agent } => self.agent_version = printable(&agent),
            _ => return Err(self.fail(&Activity::Boot, Fault::Over)),
        }
        Ok(())
    }

    fn run(
        &mut self,
        activity: Activity,
        request: &ToGuest,
        step: &Run,
        speech: &mut Speech<'_>,
    ) -> Result<StepOutcome, SessionError> {
        self.channels.log_bytes = 0;
        self.channels.log_limit = self.limits.log_bytes;
        let started = Instant::now();
        let limit = Duration::from_secs(step.timeout_seconds.into());
        let answer = self.ask(&activity, request, limit + GRACE, speech);
        let answer = answer.map_err(|error| with_limit(error, limit))?;
        let FromGuest::Exited {
            status, log_bytes, ..
        } = answer
        else {
            return Err(self.fail(&activity, Fault::Over));
        };
        self.drain(&activity, log_bytes, speech)?;
        if status == RunStatus::TimedOut {
            let fault = Fault::Deadline { limit };
            return Err(SessionError {
                activity,
                fault,
                console: String::new(),
            });
        }
        Ok(StepOutcome {
            status,
            duration: started.elapsed(),
            log_bytes,
        })
    }

    /// Takes output until there is as much as the guest says it wrote.
    fn drain(
        &mut self,
        activity: &Activity,
        expected: u64,
        speech: &mut Speech<'_>,
    ) -> Result<(), SessionError> {
        let deadline = Instant::now() + LOG_DRAIN;
        speech.typed = None;
        while self.channels.log_bytes < expected {
            match self.turn(activity, deadline, speech)? {
                Turn::Ended => return Err(self.ended(activity)),
                Turn::Deadline => {
                    return Err(self.fail(activity, Fault::Deadline { limit: LOG_DRAIN }));
                }
                Turn::Message(_) | Turn::Typed(_) | Turn::Again => {}
            }
        }
        Ok(())
    }

    fn ask(
        &mut self,
        activity: &Activity,
        request: &ToGuest,
        limit: Duration,
        speech: &mut Speech<'_>,
    ) -> Result<FromGuest, SessionError> {
        self.send(activity, request)?;
        self.answer(activity, limit, speech)
    }

    fn send(&mut self, activity: &Activity, request: &ToGuest) -> Result<(), SessionError> {
        if self.over {
            return Err(self.fail(activity, Fault::Over));
        }
        if !matches!(request, ToGuest::Input(_)) {
            self.sent.push(request.clone());
        }
        let sent = self.talk.send(request).map_err(Fault::from);
        sent.and_then(|()| self.channels.send(request))
            .map_err(|fault| self.fail(activity, fault))
    }

    /// The guest's next message; passes typed input on while it waits.
    fn answer(
        &mut self,
        activity: &Activity,
        limit: Duration,
        speech: &mut Speech<'_>,
    ) -> Result<FromGuest, SessionError> {
        let deadline = Instant::now() + limit;
        loop {
            match self.turn(activity, deadline, speech)? {
                Turn::Again => {}
                Turn::Typed(bytes) => {
                    if bytes.is_empty() {
                        speech.typed = None;
                    }
                    self.send(activity, &ToGuest::Input(bytes))?;
                }
                Turn::Deadline => return Err(self.fail(activity, Fault::Deadline { limit })),
                Turn::Ended => return Err(self.ended(activity)),
                Turn::Message(FromGuest::Failed { message }) => {
                    let message = printable(&message);
                    // The session goes on: the agent said no, and waits for the next request.
                    let fault = Fault::Refused { message };
                    return Err(SessionError {
                        activity: activity.clone(),
                        fault,
                        console: self.console(),
                    });
                }
                Turn::Message(message) => return Ok(message),
            }
        }
    }

    /// One turn of the loop; every message is checked against the order of the conversation.
    fn turn(
        &mut self,
        activity: &Activity,
        deadline: Instant,
        speech: &mut Speech<'_>,
    ) -> Result<Turn, SessionError> {
        let mut log = |bytes: &[u8]| {
            if let Some(log) = &mut speech.log {
                log(bytes);
            }
        };
        let turn = self.channels.turn(deadline, speech.typed, &mut log);
        let turn = turn.and_then(|turn| {
            if let Turn::Message(message) = &turn {
                let answered = self.talk.receive(message);
                if self.order == Order::Kept {
                    answered?;
                }
            }
            Ok(turn)
        });
        turn.map_err(|fault| self.fail(activity, fault))
    }

    /// QEMU has ended unasked: by a panic, or otherwise.
    fn ended(&mut self, activity: &Activity) -> SessionError {
        let end = self.process.wait(EXIT_WAIT).unwrap_or(ProcessEnd::Unknown);
        let _ = self.channels.last_words(CONSOLE_LINES);
        let fault = match self.channels.panic_line() {
            Some(line) => Fault::Panicked { line },
            None => Fault::Ended { end },
        };
        self.fail(activity, fault)
    }

    /// Ends the machine and says why.
    fn fail(&mut self, activity: &Activity, fault: Fault) -> SessionError {
        self.over = true;
        self.process.kill();
        SessionError {
            activity: activity.clone(),
            fault,
            console: self.console(),
        }
    }

    fn console(&mut self) -> String {
        self.channels.last_words(CONSOLE_LINES).join("\n")
    }
}

/// A step's deadline is named as the caller gave it, without the grace.
fn with_limit(mut error: SessionError, step: Duration) -> SessionError {
    if let Fault::Deadline { limit } = &mut error.fault {
        *limit = step;
    }
    error
}

impl Drop for Session {
    fn drop(&mut self) {
        self.process.kill();
    }
}

/// Takes output as it comes.
type Output<'a> = &'a mut dyn FnMut(&[u8]);

/// Where output goes and input comes from.
#[derive(Default)]
struct Speech<'a> {
    /// `None` outside of steps.
    log: Option<Output<'a>>,
    typed: Option<BorrowedFd<'a>>,
}

#[cfg(test)]
mod tests;
