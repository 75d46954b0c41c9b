//! How QEMU is started.

use crate::process::{DirectProcess, VmProcess};
use crate::{JailReport, LauncherError, Qemu};
use rustix::fs::{Mode, OFlags};
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Number of the first of [`LaunchRequest::inherited`] inside QEMU; the rest follow. High enough to
/// stay clear of what the standard library opens between fork and exec.
pub(crate) const FIRST_INHERITED: i32 = 100;

/// Everything QEMU is given. A launcher adds `-kernel` and `-initrd` with paths of its choice.
#[derive(Debug)]
pub struct LaunchRequest {
    /// The kernel image.
    pub kernel: OwnedFd,
    /// The initramfs.
    pub initramfs: OwnedFd,
    /// Arguments without the program's name, `-kernel` and `-initrd`.
    pub arguments: Vec<String>,
    /// Descriptors that QEMU finds as 100, 101, … in this order.
    pub inherited: Vec<OwnedFd>,
    /// Becomes standard output: the guest's serial console.
    pub console: OwnedFd,
    /// Becomes standard error: QEMU's own messages.
    pub diagnostics: OwnedFd,
    /// Whether `/dev/kvm` must be reachable.
    pub kvm: bool,
    /// What the process may use; held by a jail.
    pub limits: ProcessLimits,
}

/// What QEMU and the guest in it may use together. None is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processes and threads of the host.
    pub tasks: u32,
    /// Hundredths of a processor.
    pub cpu_percent: u32,
    /// Seconds on the clock until it is killed.
    pub seconds: u32,
}

/// Everything a guest's proxy is given; the rest comes over its control socket.
#[derive(Debug)]
pub struct ProxyRequest {
    /// Becomes standard input: the socket to the control side.
    pub control: OwnedFd,
    /// Becomes standard output: the file for bodies, as long as it may become.
    pub bodies: OwnedFd,
    /// Becomes standard error.
    pub diagnostics: OwnedFd,
    /// What the process may use; held by a jail.
    pub limits: ProcessLimits,
}

/// A started QEMU, or proxy.
#[derive(Debug)]
pub struct Launched {
    /// The process.
    pub process: Box<dyn VmProcess>,
    /// What stands around it.
    pub jail: JailReport,
}

/// Starts QEMU processes.
pub trait Launcher: fmt::Debug {
    /// The QEMU it starts.
    fn qemu(&self) -> &Qemu;
    /// Starts one; returns as soon as the program runs.
    fn launch(&self, request: LaunchRequest) -> Result<Launched, LauncherError>;
    /// Starts a guest's proxy. A launcher that can only start QEMU refuses.
    fn launch_proxy(&self, request: ProxyRequest) -> Result<Launched, LauncherError> {
        drop(request);
        Err(LauncherError::Refused("it starts no proxy".to_owned()))
    }
}

/// Starts QEMU as a plain child of this process: no jail, only QEMU's own sandbox.
#[derive(Debug, Clone)]
pub struct DirectLauncher {
    qemu: Qemu,
}

impl DirectLauncher {
    /// A launcher for this QEMU.
    pub fn new(qemu: Qemu) -> Self {
        Self { qemu }
    }
}

impl Launcher for DirectLauncher {
    fn qemu(&self) -> &Qemu {
        &self.qemu
    }

    #[allow(unsafe_code, reason = "placing descriptors between fork and exec")]
    fn launch(&self, request: LaunchRequest) -> Result<Launched, LauncherError> {
        check_numbers().map_err(|source| LauncherError::Start {
            program: self.qemu.path.clone(),
            source,
        })?;
        let inherited: Vec<i32> = request.inherited.iter().map(AsRawFd::as_raw_fd).collect();
        let boot = [request.kernel.as_raw_fd(), request.initramfs.as_raw_fd()];
        let boot_number = FIRST_INHERITED + i32::try_from(inherited.len()).unwrap_or(i32::MAX);
        let mut command = Command::new(&self.qemu.path);
        command
            .env_clear()
            .args(&request.arguments)
            .args(["-kernel", &format!("/proc/self/fd/{boot_number}")])
            .args(["-initrd", &format!("/proc/self/fd/{}", boot_number + 1)])
            .stdin(Stdio::null())
            .stdout(request.console)
            .stderr(request.diagnostics);
        let place = place_all(inherited.into_iter().chain(boot).collect());
        // SAFETY: the closure only makes system calls that are async-signal-safe and writes to
        // a vector that was allocated before the fork.
        unsafe {
            command.pre_exec(place);
        }
        let child = command.spawn().map_err(|source| LauncherError::Start {
            program: self.qemu.path.clone(),
            source,
        })?;
        let jail = JailReport {
            profile: "direct".into(),
            applied: vec!["qemu-sandbox".into(), "parent-death-signal".into()],
            missing: vec!["jail: not asked for".into()],
        };
        Ok(Launched {
            process: Box::new(DirectProcess(child)),
            jail,
        })
    }
}

/// To be run between fork and exec: the process ends with this one, finds `wanted` as 100, 101, …, and
/// beside the standard streams no other descriptor. Among those of this process may be the jailer's
/// socket, which goes on to the processes that do the work and to nobody else.
pub(crate) fn place_all(wanted: Vec<i32>) -> impl FnMut() -> std::io::Result<()> {
    let parent = std::process::id();
    let mut placed = wanted.clone();
    move || {
        die_with_parent(parent)?;
        close_on_exec()?;
        place(&wanted, &mut placed)
    }
}

/// Everything above the standard streams is closed by exec; what is placed afterwards is not.
#[allow(unsafe_code, reason = "close_range has no safe wrapper")]
fn close_on_exec() -> std::io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: a plain system call with integer arguments, which closes nothing in this process.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) };
    if result < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

/// Refuses to start from a process with so many open descriptors that the numbers QEMU expects
/// could be those that report a failing exec.
pub(crate) fn check_numbers() -> std::io::Result<()> {
    let lowest_free = rustix::fs::open("/dev/null", OFlags::CLOEXEC, Mode::empty())?;
    if lowest_free.as_raw_fd() + 16 > FIRST_INHERITED {
        return Err(std::io::Error::other("too many open descriptors"));
    }
    Ok(())
}

/// Has the kernel kill this process when the thread that forked it ends.
#[allow(unsafe_code, reason = "prctl between fork and exec")]
fn die_with_parent(parent: u32) -> std::io::Result<()> {
    // SAFETY: a plain system call with integer arguments.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        if libc::getppid().cast_unsigned() != parent {
            libc::_exit(127);
        }
    }
    Ok(())
}

/// Makes `wanted[i]` available as descriptor `FIRST_INHERITED + i`, without close-on-exec.
#[allow(unsafe_code, reason = "dup between fork and exec")]
fn place(wanted: &[i32], placed: &mut [i32]) -> std::io::Result<()> {
    let above = FIRST_INHERITED + i32::try_from(wanted.len()).unwrap_or(i32::MAX) + 1;
    // First out of the way of every target number, then to the targets.
    for (to, from) in placed.iter_mut().zip(wanted) {
        // SAFETY: a plain system call with integer arguments.
        *to = unsafe { libc::fcntl(*from, libc::F_DUPFD_CLOEXEC, above) };
        if *to < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    for (target, from) in (FIRST_INHERITED..).zip(placed.iter()) {
        // SAFETY: a plain system call with integer arguments.
        if unsafe { libc::dup2(*from, target) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}
