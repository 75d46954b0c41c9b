//! Errors of launching a machine and of running a session.

use crate::{DiskError, ProcessEnd, QemuError};
use bessemer_vm_proto::{FrameError, Violation};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a session was doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// Waiting for the agent.
    Boot,
    /// Preparing the guest's root.
    Configure,
    /// Running the step with this id.
    Step(String),
    /// Running an interactive shell.
    Shell,
    /// Archiving results.
    Archive,
    /// Powering off.
    PowerOff,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot => f.write_str("booting the guest"),
            Self::Configure => f.write_str("preparing the guest's root"),
            Self::Step(id) => write!(f, "step `{id}`"),
            Self::Shell => f.write_str("interactive shell"),
            Self::Archive => f.write_str("archiving the results"),
            Self::PowerOff => f.write_str("powering off the guest"),
        }
    }
}

/// A disk that the host could not read or write, as QEMU tells it (control characters are replaced).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host cannot {} the guest's disk `{disk}`: {reason}{}", if *.write { "write to" } else { "read" }, if *.full { "; free some where Bessemer keeps its cache" } else { "" })]
pub struct DiskFailure {
    /// Which of the machine's disks.
    pub disk: String,
    /// Whether it was written; read otherwise.
    pub write: bool,
    /// Whether the host has no space left.
    pub full: bool,
    /// The system's reason.
    pub reason: String,
}

/// What went wrong in a session.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It took longer than it may. When the guest itself ended the step, the session lives on.
    #[error("not finished within {} s", limit.as_secs())]
    Deadline {
        /// What was allowed.
        limit: Duration,
    },
    /// The guest's kernel panicked.
    #[error("guest kernel panicked: {line}")]
    Panicked {
        /// The console's line that says so (from the guest: control characters are replaced).
        line: String,
    },
    /// QEMU ended although nobody asked it to.
    #[error("guest ended by itself ({end})")]
    Ended {
        /// How QEMU ended.
        end: ProcessEnd,
    },
    /// More output than one step may write.
    #[error("wrote more than {limit} bytes of output")]
    LogLimit {
        /// What was allowed.
        limit: u64,
    },
    /// The agent answered that it cannot.
    #[error("guest agent: {message}")]
    Refused {
        /// The agent's reason (from the guest: control characters are replaced).
        message: String,
    },
    /// The archive cannot have the length that the guest names.
    #[error("guest reports an archive of {bytes} bytes on an output disk of {disk} bytes")]
    ArchiveLength {
        /// What it named.
        bytes: u64,
        /// Size of the disk.
        disk: u64,
    },
    /// A message out of order.
    #[error(transparent)]
    Order(#[from] Violation),
    /// Bytes that are no message, or a request too large to send.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Talking to QEMU failed on the host.
    #[error("channel to the guest failed")]
    Io(#[from] io::Error),
    /// The host could not read or write what is behind a disk; QEMU stopped the machine.
    #[error(transparent)]
    Disk(#[from] DiskFailure),
    /// An earlier fault already ended the machine.
    #[error("the machine has already ended")]
    Over,
}

/// A session failed; says doing what, and keeps the end of the console.
#[derive(Debug, thiserror::Error)]
#[error("{activity}: {fault}")]
pub struct SessionError {
    /// What the session was doing.
    pub activity: Activity,
    /// What went wrong.
    #[source]
    pub fault: Fault,
    /// The last lines of the guest's console and of QEMU's own messages: what a person needs to
    /// see, with control characters replaced. May be empty.
    pub console: String,
}

impl SessionError {
    /// Whether the guest was given nothing yet, and time was over.
    pub(crate) const fn is_late_boot(&self) -> bool {
        matches!(self.activity, Activity::Boot) && matches!(self.fault, Fault::Deadline { .. })
    }
}

/// The direct runner could not prepare its folder.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// No folder could be made.
    #[error("cannot make `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `fsck.erofs` could not be run.
    #[error(
        "the direct runner unpacks disks with fsck.erofs (package erofs-utils), which cannot be run"
    )]
    Fsck(#[source] io::Error),
    /// `fsck.erofs` failed.
    #[error("cannot unpack `{}`: {message}", path.display())]
    Unpack {
        /// The image.
        path: PathBuf,
        /// What it printed.
        message: String,
    },
}

/// A launcher could not start QEMU.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    /// Starting a program failed.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Talking to the jailer failed, or it ended.
    #[error("cannot talk to the jailer")]
    Jailer(#[source] io::Error),
    /// The jailer refused or failed.
    #[error("jailer: {0}")]
    Refused(String),
    /// The jail is not the one that was asked for, or not whole.
    #[error("the jail must be `{required}`, and is `{found}`{}", lacking(missing))]
    Weak {
        /// The profile that was asked for.
        required: &'static str,
        /// The profile there is.
        found: String,
        /// Layers that could not be had, each as `name: reason`.
        missing: Vec<String>,
    },
}

fn lacking(missing: &[String]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!(" without {}", missing.join("; without "))
}

/// A machine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Without a machine: its disks could not be unpacked.
    #[error(transparent)]
    Direct(#[from] DirectError),
    /// A disk could not be opened or made.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// QEMU could not be measured.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// The machine as described cannot be built.
    #[error("machine `{name}`: {problem}")]
    Machine {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A descriptor could not be made.
    #[error("cannot prepare descriptors for the machine")]
    Descriptors(#[source] io::Error),
    /// QEMU could not be started.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// The guest did not come up.
    #[error(transparent)]
    Session(#[from] SessionError),
}
