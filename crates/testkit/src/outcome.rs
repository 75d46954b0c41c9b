//! Running a program to its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// What a program returned and printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status, or 128 and the signal that ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs a program; one that is not done within `limit` fails the test.
    pub fn of(command: &mut Command, limit: Duration) -> Self {
        Running::start(command).finish(limit)
    }

    /// Fails the test, with all that was printed, unless the program returned `status`.
    #[track_caller]
    pub fn expect(&self, status: i32) {
        assert_eq!(self.status, status, "{self}");
    }

    /// The lines of standard error that begin with `start`.
    pub fn errors<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.stderr
            .lines()
            .filter(move |line| line.starts_with(start))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "exit status {}\n--- standard output\n{}--- standard error\n{}",
            self.status, self.stdout, self.stderr
        )
    }
}

/// A program under way. What it prints goes to files, so that it never waits for a reader.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let file = || tempfile::tempfile().expect("no temporary file can be made");
        let (stdout, stderr) = (file(), file());
        let handle = |file: &File| file.try_clone().expect("no descriptor is left");
        let child = command
            .stdout(handle(&stdout))
            .stderr(handle(&stderr))
            .spawn();
        Self {
            child: child.unwrap_or_else(|error| panic!("{command:?}: {error}")),
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: rustix::process::Signal) {
        if self
            .child
            .try_wait()
            .expect("no child of this process")
            .is_none()
        {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, signal).expect("cannot send a signal");
        }
    }

    /// Sends a signal to its process group, which the command must have been given, unless it has
    /// ended.
    pub fn signal_group(&mut self, signal: rustix::process::Signal) {
        if self.runs() {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process_group(pid, signal).expect("cannot send a signal");
        }
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("no child of this process")
            .is_none()
    }

    /// Waits for its end, which must come within `limit`.
    pub fn finish(mut self, limit: Duration) -> Outcome {
        let until = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("no child of this process") {
                break status;
            }
            if Instant::now() > until {
                // The test fails below; the program may have ended in this very moment.
                let _ = self.child.kill();
                let _ = self.child.wait();
                let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
                panic!("not done within {} s\n{stdout}\n{stderr}", limit.as_secs());
            }
            std::thread::sleep(PAUSE);
        };
        Outcome {
            status: status
                .code()
                .or_else(|| status.signal().map(|signal| 128 + signal))
                .unwrap_or(-1),
            stdout: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
        }
    }
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes))
        .expect("cannot read what the program printed");
    String::from_utf8_lossy(&bytes).into_owned()
}
