//! The direct runner: the agent as a process of this host, without a machine.
//!
//! For bootstrapping where neither hardware virtualisation nor hours of emulation are to be had. Same
//! agent, same protocol, same disks; but the steps run on this host's kernel, in namespaces that the
//! agent makes for itself, and only one user exists in there. What is built so is never above L1.
//!
//! The images of the disks are unpacked by `fsck.erofs`, since only root could mount them.

use crate::launcher::{Launched, check_numbers, place_all};
use crate::machine::memory_file;
use crate::process::DirectProcess;
use crate::session::{Session, Start};
use crate::{
    Accelerator, Configuration, DirectError, Disks, JailReport, LaunchError, LauncherError,
    Machine, Observed, channel, disk,
};
use std::fs::{self, OpenOptions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What is true of every such run, in the words of a jail report.
const APPLIED: [&str; 8] = [
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "net-namespace",
    "ipc-namespace",
    "uts-namespace",
    "no-new-privs",
    "parent-death-signal",
];

/// Unpacks the disks, starts the agent and waits until it is ready for the first step.
pub(crate) fn launch(
    machine: &Machine,
    configuration: &Configuration,
) -> Result<Session, LaunchError> {
    let ground = lay_out(&machine.disks)?;
    let channels = channel::pairs().map_err(LaunchError::Descriptors)?;
    let mut inherited = vec![channels.guest_control, channels.guest_log];
    if let Some(path) = &machine.disks.output {
        let open = OpenOptions::new().write(true).open(path);
        inherited.push(open.map_err(LaunchError::Descriptors)?.into());
    }
    let agent = memory_file("agent", machine.bundle.agent_bytes())?;
    let started = Instant::now();
    let process = start(
        &agent,
        &ground,
        inherited,
        channels.guest_console,
        channels.guest_diagnostics,
    )?;
    let start = Start {
        launched: Launched {
            process: Box::new(process),
            jail: report(),
        },
        started,
        channels: channels.host,
        observed: observed(machine),
        output_bytes: disk::output_size(&machine.disks)?,
    };
    Session::start(start, &machine.limits, configuration)
}

/// A folder beside the scratch disk's place with `root/` and, if there are sources, `sources/`.
fn lay_out(disks: &Disks) -> Result<PathBuf, DirectError> {
    let ground = disks.scratch.with_extension("direct");
    let failed = |source| DirectError::Folder {
        path: ground.clone(),
        source,
    };
    fs::create_dir(&ground).map_err(failed)?;
    unpack(&disks.environment, &ground.join("root"))?;
    if let Some(sources) = &disks.sources {
        unpack(sources, &ground.join("sources"))?;
    }
    Ok(ground)
}

fn unpack(image: &Path, to: &Path) -> Result<(), DirectError> {
    let output = Command::new("fsck.erofs")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .arg(format!("--extract={}", to.display()))
        .args(["--no-preserve-owner", "--preserve-perms"])
        .arg(image)
        .output()
        .map_err(DirectError::Fsck)?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DirectError::Unpack {
        path: image.to_owned(),
        message,
    })
}

/// Runs the very bytes that were measured, from memory.
#[allow(unsafe_code, reason = "placing descriptors between fork and exec")]
fn start(
    agent: &OwnedFd,
    ground: &Path,
    inherited: Vec<OwnedFd>,
    console: OwnedFd,
    diagnostics: OwnedFd,
) -> Result<DirectProcess, LaunchError> {
    use std::os::unix::process::CommandExt as _;
    let program = PathBuf::from(format!("/proc/self/fd/{}", agent.as_raw_fd()));
    let mut command = Command::new(&program);
    command
        .arg0("bessemer-agent")
        .env_clear()
        .current_dir(ground)
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(diagnostics);
    check_numbers().map_err(LaunchError::Descriptors)?;
    let place = place_all(inherited.iter().map(AsRawFd::as_raw_fd).collect());
    // SAFETY: the closure only makes system calls that are async-signal-safe and writes to a
    // vector that was allocated before the fork.
    unsafe {
        command.pre_exec(place);
    }
    let child = command
        .spawn()
        .map_err(|source| LauncherError::Start { program, source })?;
    drop(inherited);
    Ok(DirectProcess(child))
}

fn report() -> JailReport {
    JailReport {
        profile: "direct".to_owned(),
        applied: APPLIED.map(str::to_owned).to_vec(),
        missing: vec!["machine: the steps ran on the kernel of the host".to_owned()],
    }
}

fn observed(machine: &Machine) -> Observed {
    let release = rustix::system::uname().release().to_string_lossy().into();
    Observed {
        accelerator: Accelerator::Direct,
        machine: "direct".to_owned(),
        cpu: "host".to_owned(),
        vcpus: machine.vcpus,
        memory_mib: machine.memory_mib,
        qemu_version: None,
        qemu: None,
        kernel: None,
        kernel_release: release,
        initramfs: None,
        agent: machine.bundle.agent_digest(),
        command_line: String::new(),
        jail: JailReport::default(),
        boot_milliseconds: 0,
    }
}
