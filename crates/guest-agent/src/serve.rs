//! The loop: one request, one answer.

use crate::boot::{self, BootError};
use crate::step::{self, LogPort};
use crate::unanswered::Questions;
use crate::{archive, devices, direct, network, root};
use bessemer_vm_proto::{
    CONTROL_PORT, Configuration, Decoder, FrameError, FromGuest, LOG_PORT, MAX_CONTROL_FRAME, Run,
    RunStatus, ToGuest, UNANSWERED, encode,
};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

/// The agent cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("control port: {0}")]
    Port(#[from] io::Error),
    #[error("control port: {0}")]
    Frame(#[from] FrameError),
}

/// The agent's end of the control port.
#[derive(Debug)]
pub(crate) struct ControlPort {
    file: File,
    decoder: Decoder<ToGuest>,
}

impl ControlPort {
    fn new(file: File) -> Self {
        Self {
            file,
            decoder: Decoder::new(MAX_CONTROL_FRAME),
        }
    }

    fn answer(&mut self, message: &FromGuest) -> Result<(), AgentError> {
        let frame = encode(message, MAX_CONTROL_FRAME)?;
        Ok(self.file.write_all(&frame)?)
    }

    fn next_request(&mut self) -> Result<ToGuest, AgentError> {
        loop {
            if let Some(request) = self.pending()? {
                return Ok(request);
            }
            self.receive()?;
        }
    }

    /// A request that has arrived whole.
    pub(crate) fn pending(&mut self) -> Result<Option<ToGuest>, AgentError> {
        Ok(self.decoder.next_message()?)
    }

    /// Reads what there is; waits when there is nothing.
    pub(crate) fn receive(&mut self) -> Result<(), AgentError> {
        let mut buffer = [0; 16 * 1024];
        let length = self.file.read(&mut buffer)?;
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.decoder.push(&buffer[..length]);
        Ok(())
    }
}

impl AsFd for ControlPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

pub(crate) fn open_port(name: &str) -> io::Result<File> {
    let path = devices::port(name)?;
    let port = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    Ok(port.into())
}

/// Where the agent is, and how its root comes about.
#[derive(Debug)]
pub(crate) enum Place {
    /// PID 1 of a machine.
    Machine,
    /// PID 1 of a namespace on the host, with what results are written to.
    Namespace(Option<File>),
}

#[derive(Debug)]
struct Agent {
    place: Place,
    control: ControlPort,
    log: LogPort,
    configuration: Option<Configuration>,
    output: Option<File>,
    /// In a machine without network; `None` as well where they cannot be heard.
    questions: Option<Questions>,
}

/// Boots and serves until the host asks to power off.
pub(crate) fn run() -> Result<(), AgentError> {
    boot::mount_kernel_file_systems()?;
    boot::load_modules()?;
    let (control, log) = (open_port(CONTROL_PORT)?, open_port(LOG_PORT)?);
    serve(Place::Machine, control, log)
}

/// Serves on these ports until the host asks to power off.
pub(crate) fn serve(place: Place, control: File, log: File) -> Result<(), AgentError> {
    let mut agent = Agent {
        place,
        control: ControlPort::new(control),
        log: LogPort::new(log),
        configuration: None,
        output: None,
        questions: None,
    };
    agent.control.answer(&FromGuest::Ready {
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })?;
    loop {
        let answer = match agent.control.next_request()? {
            ToGuest::PowerOff => return Ok(()),
            // Typed after its shell had ended.
            ToGuest::Input(_) => continue,
            request => agent.carry_out(request),
        };
        let answer = answer.unwrap_or_else(|message| FromGuest::Failed { message });
        agent.control.answer(&answer)?;
    }
}

impl Agent {
    fn carry_out(&mut self, request: ToGuest) -> Result<FromGuest, String> {
        match request {
            ToGuest::Configure(_) if self.configuration.is_some() => {
                Err("the root is already prepared".to_owned())
            }
            ToGuest::Configure(mut configuration) => {
                let port = self.data_port(&configuration)?;
                let output = match &mut self.place {
                    Place::Machine => root::assemble(&configuration),
                    Place::Namespace(output) => {
                        direct::assemble(&configuration).map(|()| output.take())
                    }
                };
                self.output = output.map_err(|error| error.to_string())?;
                if let Some((port, settings)) = port.zip(configuration.network.clone()) {
                    network::start(port, &settings).map_err(|error| error.to_string())?;
                    network::add_variables(&mut configuration.environment);
                } else if matches!(self.place, Place::Machine) {
                    // For a line of advice: nothing fails for want of it. Not in a namespace, whose
                    // kernel is the host's.
                    self.questions = Questions::listen().ok();
                }
                self.configuration = Some(configuration);
                Ok(FromGuest::Configured)
            }
            ToGuest::Run(run) => self.run_program(&run, false),
            ToGuest::Shell(run) => self.run_program(&run, true),
            ToGuest::Archive(paths) => {
                let output = self.output.as_ref().ok_or("there is no output disk")?;
                let bytes = archive::write(output, &paths).map_err(|error| error.to_string())?;
                Ok(FromGuest::Archived { bytes })
            }
            ToGuest::Input(_) | ToGuest::PowerOff => Err("not expected here".to_owned()),
        }
    }

    /// The port of a guest that is to have a network: devices are in sight before its root is.
    fn data_port(&self, configuration: &Configuration) -> Result<Option<File>, String> {
        match (&configuration.network, &self.place) {
            (None, _) => Ok(None),
            (Some(_), Place::Machine) => {
                network::open().map(Some).map_err(|error| error.to_string())
            }
            (Some(_), Place::Namespace(_)) => {
                Err("a guest without a machine has no data port".to_owned())
            }
        }
    }

    /// Which servers a failed step asked for, where there are none.
    fn tell_unanswered(&mut self) -> Result<(), AgentError> {
        let names = self.questions.as_ref().map(Questions::names);
        match names.filter(|names| !names.is_empty()) {
            Some(names) => self.log.line(&format!("{UNANSWERED}{}", names.join(", "))),
            None => Ok(()),
        }
    }

    fn run_program(&mut self, run: &Run, terminal: bool) -> Result<FromGuest, String> {
        let configuration = self
            .configuration
            .as_ref()
            .ok_or("the root is not prepared")?;
        let start = if terminal {
            crate::shell::start
        } else {
            step::start
        };
        let started = start(run, &configuration.environment);
        let program = run.argv.first().map_or("", String::as_str);
        let started = started.map_err(|error| format!("cannot run `{program}`: {error}"))?;
        self.log.restart();
        self.questions.iter().for_each(Questions::forget);
        let ended = step::attend(started, run, &mut self.control, &mut self.log);
        let status = ended.map_err(|error| error.to_string())?;
        if status != RunStatus::Exited(0) && !terminal {
            self.tell_unanswered().map_err(|error| error.to_string())?;
        }
        Ok(FromGuest::Exited {
            id: run.id.clone(),
            status,
            log_bytes: self.log.written(),
        })
    }
}
