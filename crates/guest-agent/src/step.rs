//! Runs one program and sends its output on.

use crate::serve::{AgentError, ControlPort};
use bessemer_vm_proto::{LogChunk, MAX_LOG_CHUNK, MAX_LOG_FRAME, Run, RunStatus, ToGuest, encode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus, pidfd_open, wait};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What ends the input of a terminal.
const END_OF_INPUT: &[u8] = b"\x04";

/// A running program.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: Pid,
    pub(crate) output: OwnedFd,
    /// Where typed input goes, for a shell.
    pub(crate) input: Option<Terminal>,
}

/// A shell's terminal, seen from the side of the person.
#[derive(Debug)]
pub(crate) struct Terminal {
    host: OwnedFd,
    ended: bool,
}

impl Terminal {
    pub(crate) fn new(host: OwnedFd) -> Self {
        Self { host, ended: false }
    }

    /// Empty input is its end: what was typed of a line counts as a line.
    fn take(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.ended = true;
            self.write(b"\n");
            self.write(END_OF_INPUT);
        } else {
            self.write(bytes);
        }
    }

    /// A shell may switch its terminal's mode and lose the end that was there before.
    fn repeat_end(&self) {
        if self.ended {
            self.write(END_OF_INPUT);
        }
    }

    fn write(&self, bytes: &[u8]) {
        // A terminal that takes no more has lost its program, whose end is seen next.
        let _ = rustix::io::write(&self.host, bytes);
    }
}

/// The agent's end of the log port.
#[derive(Debug)]
pub(crate) struct LogPort {
    file: File,
    written: u64,
    /// The last byte ended no line.
    within_line: bool,
}

impl LogPort {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            written: 0,
            within_line: false,
        }
    }

    pub(crate) fn restart(&mut self) {
        self.written = 0;
        self.within_line = false;
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// A line of the agent's own, after what the program printed.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), AgentError> {
        let before = if self.within_line { "\n" } else { "" };
        self.send(format!("{before}{text}\n").as_bytes())
    }

    /// Waits while the host is behind.
    fn send(&mut self, bytes: &[u8]) -> Result<(), AgentError> {
        let frame = encode(
            &LogChunk {
                bytes: bytes.to_vec(),
            },
            MAX_LOG_FRAME,
        )?;
        self.file.write_all(&frame)?;
        self.written += bytes.len() as u64;
        self.within_line = bytes.last().is_some_and(|last| *last != b'\n');
        Ok(())
    }
}

/// The command of `run` with nothing of the agent's own environment.
pub(crate) fn command(run: &Run, shared: &BTreeMap<String, String>) -> io::Result<Command> {
    let (program, arguments) = run
        .argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program"))?;
    if !program.starts_with('/') {
        let error = "the program's path is not absolute";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    fs::create_dir_all(run.directory.as_str())?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(shared)
        .envs(&run.environment)
        .current_dir(run.directory.as_str());
    Ok(command)
}

/// Starts a step in a session of its own; both outputs go into one pipe, in order.
#[allow(unsafe_code, reason = "setsid between fork and exec")]
pub(crate) fn start(run: &Run, shared: &BTreeMap<String, String>) -> io::Result<Started> {
    let (output, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut command = command(run, shared)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    // SAFETY: setsid is async-signal-safe and the closure does nothing else.
    unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
    Ok(Started {
        pid: spawn(&mut command)?,
        output,
        input: None,
    })
}

pub(crate) fn spawn(command: &mut Command) -> io::Result<Pid> {
    let child = command.spawn()?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the kernel gave no process id"))
}

/// Sends output on until the program ends or its time is over; nothing it started survives it.
pub(crate) fn attend(
    started: Started,
    run: &Run,
    control: &mut ControlPort,
    log: &mut LogPort,
) -> Result<RunStatus, AgentError> {
    let deadline = Instant::now() + Duration::from_secs(run.timeout_seconds.into());
    let handle = pidfd_open(started.pid, PidfdFlags::empty()).map_err(io::Error::from)?;
    let mut input = started.input;
    let mut open = true;
    // What was typed at once may have arrived together with the request.
    type_all(control, &mut input)?;
    let status = loop {
        if let Some(status) = reap(started.pid) {
            break status;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break RunStatus::TimedOut;
        }
        // Orphans are inherited without notice: look at least once a second.
        let timeout = Timespec::try_from(left.min(Duration::from_secs(1))).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut fds = vec![
            PollFd::new(&handle, PollFlags::IN),
            PollFd::from_borrowed_fd(control.as_fd(), PollFlags::IN),
        ];
        if open {
            fds.push(PollFd::new(&started.output, PollFlags::IN));
        }
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => input.iter().for_each(Terminal::repeat_end),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let heard = fds[1].revents().contains(PollFlags::IN);
        let written = fds.get(2).is_some_and(|fd| !fd.revents().is_empty());
        if written {
            open = forward(&started.output, log)?;
        }
        if heard {
            control.receive()?;
            type_all(control, &mut input)?;
        }
    };
    end_everything();
    while open {
        open = forward(&started.output, log)?;
    }
    Ok(status)
}

/// Sends one piece of output on; `false` at its end.
fn forward(output: &OwnedFd, log: &mut LogPort) -> Result<bool, AgentError> {
    let mut buffer = vec![0; MAX_LOG_CHUNK];
    match rustix::io::read(output, &mut buffer) {
        // A terminal whose last program has gone answers EIO.
        Ok(0) | Err(Errno::IO) => Ok(false),
        Ok(length) => log.send(&buffer[..length]).map(|()| true),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// Passes what was typed to the shell. Any other request while a program runs breaks the protocol.
fn type_all(control: &mut ControlPort, input: &mut Option<Terminal>) -> Result<(), AgentError> {
    while let Some(request) = control.pending()? {
        let ToGuest::Input(bytes) = request else {
            return Err(io::Error::other("request while a program runs").into());
        };
        if let Some(terminal) = input {
            terminal.take(&bytes);
        }
    }
    Ok(())
}

/// Collects ended processes; the status of `wanted` if it was among them.
fn reap(wanted: Pid) -> Option<RunStatus> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == wanted {
            found = Some(run_status(status));
        }
    }
    found
}

fn run_status(status: WaitStatus) -> RunStatus {
    let small = |value: i32| u8::try_from(value).unwrap_or(u8::MAX);
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => RunStatus::Exited(small(code)),
        (None, signal) => RunStatus::Signaled(signal.map_or(0, small)),
    }
}

/// Kills every process but this one, as PID 1 may, and collects them.
fn end_everything() {
    if std::process::id() != 1 {
        return;
    }
    let _ = kill_everything();
    while let Ok(Some(_)) = wait(WaitOptions::empty()) {}
}

#[allow(unsafe_code, reason = "kill(-1) has no safe wrapper")]
fn kill_everything() -> io::Result<()> {
    // SAFETY: a plain system call with integer arguments.
    let result = unsafe { libc::kill(-1, libc::SIGKILL) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
