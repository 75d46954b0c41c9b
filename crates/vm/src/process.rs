//! A running QEMU process, wherever it was started.

use std::fmt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How a QEMU process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// Killed, because the time that a machine may take in all was over.
    Overdue,
    /// It is gone; nobody could tell how.
    Unknown,
}

impl fmt::Display for ProcessEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Signaled(signal) => write!(f, "signal {signal}"),
            Self::Overdue => f.write_str("killed: its time in all was over"),
            Self::Unknown => f.write_str("unknown end"),
        }
    }
}

impl From<ExitStatus> for ProcessEnd {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signaled(signal),
            (None, None) => Self::Unknown,
        }
    }
}

/// A QEMU process. Dropping it must kill it.
pub trait VmProcess: fmt::Debug + Send {
    /// Kills it at once; no error if it is already gone.
    fn kill(&mut self);
    /// Waits at most `limit` for its end; `None` when it still runs.
    fn wait(&mut self, limit: Duration) -> Option<ProcessEnd>;
}

/// A child of this process.
#[derive(Debug)]
pub(crate) struct DirectProcess(pub(crate) Child);

impl VmProcess for DirectProcess {
    fn kill(&mut self) {
        // Fails only when it has ended and been waited for, which is what is wanted.
        let _ = self.0.kill();
    }

    fn wait(&mut self, limit: Duration) -> Option<ProcessEnd> {
        let until = Instant::now() + limit;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status.into()),
                Ok(None) if Instant::now() >= until => return None,
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => return Some(ProcessEnd::Unknown),
            }
        }
    }
}

impl Drop for DirectProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}
