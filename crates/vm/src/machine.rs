//! What a guest gets.

use crate::launcher::{LaunchRequest, ProcessLimits};
use crate::session::{Session, Start};
use crate::{Accelerator, Bundle, LaunchError, Launcher, channel, direct, disk, qemu};
use bessemer_vm_proto::Configuration;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a guest may take from start to `ready`: 3 s is usual under emulation on a quiet host.
pub const BOOT_LIMIT: Duration = Duration::from_secs(180);
/// How long the first start may take. Of some hundred emulated guests with two processors on a busy host
/// one spins in its kernel for ever (QEMU 7.2, Linux 6.1), and that one had said nothing yet.
const FIRST_BOOT_LIMIT: Duration = Duration::from_secs(60);
/// Most output one step may write, in bytes.
pub const LOG_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// How long a guest may live when nothing else is said.
pub(crate) const WHOLE_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Memory of QEMU itself, in MiB: devices, buffers, and the pages of boot files that the jail holds.
const OVERHEAD_MIB: u32 = 512;
/// What its translator needs on top, in MiB: 1 GiB of translated code, by default.
const TRANSLATOR_MIB: u32 = 1280;
/// Threads of QEMU beside one for each processor: its loop, its workers for disks.
const TASKS: u32 = 128;
/// Most virtual processors of one guest.
pub const MAX_VCPUS: u8 = 64;
/// Most memory of one guest, in MiB.
pub const MAX_MEMORY_MIB: u32 = 256 * 1024;

/// Disk images of one machine, by path on the host. The read-only ones may be shared.
#[derive(Debug, Clone)]
pub struct Disks {
    /// erofs image of the root, read-only.
    pub environment: PathBuf,
    /// erofs image with `cache/` and `workspace/`, read-only.
    pub sources: Option<PathBuf>,
    /// Writable ext4 image ([`create_scratch`](crate::create_scratch)).
    pub scratch: PathBuf,
    /// Writable raw image for the archive ([`create_output`](crate::create_output)).
    pub output: Option<PathBuf>,
}

/// What a session may use; time and output of single steps come on top ([`Run`](crate::Run)).
#[derive(Debug, Clone)]
pub struct Limits {
    /// From start to `ready`, for a machine that has to be started again because it was not ready in
    /// [`first_boot`](Self::first_boot).
    pub boot: Duration,
    /// From start to `ready`, for the first start.
    pub first_boot: Duration,
    /// Preparing the root, copying the workspace included.
    pub configure: Duration,
    /// Writing the archive.
    pub archive: Duration,
    /// Powering off.
    pub power_off: Duration,
    /// Output of one step, in bytes.
    pub log_bytes: u64,
    /// From start to end, whatever it does; held by the jail.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            boot: BOOT_LIMIT,
            first_boot: FIRST_BOOT_LIMIT,
            configure: Duration::from_secs(300),
            archive: Duration::from_secs(1800),
            power_off: Duration::from_secs(60),
            log_bytes: LOG_LIMIT_BYTES,
            whole: WHOLE_LIMIT,
        }
    }
}

/// One guest before it starts.
#[derive(Debug, Clone)]
pub struct Machine {
    /// A name for messages.
    pub name: String,
    /// Kernel, modules and agent.
    pub bundle: Bundle,
    /// Who executes its instructions; see [`Accelerator::probe`].
    pub accelerator: Accelerator,
    /// Virtual processors, 1 to [`MAX_VCPUS`].
    pub vcpus: u8,
    /// Memory in MiB, 128 to [`MAX_MEMORY_MIB`].
    pub memory_mib: u32,
    /// Its disks.
    pub disks: Disks,
    /// Its limits.
    pub limits: Limits,
    extra_arguments: Vec<String>,
}

impl Machine {
    /// A machine with two processors, 1 GiB and the usual limits.
    pub fn new(
        name: impl Into<String>,
        bundle: Bundle,
        accelerator: Accelerator,
        disks: Disks,
    ) -> Self {
        Self {
            name: name.into(),
            bundle,
            accelerator,
            vcpus: 2,
            memory_mib: 1024,
            disks,
            limits: Limits::default(),
            extra_arguments: Vec::new(),
        }
    }

    /// Adds arguments to QEMU's command line. Only for tests that show that a probe inside the
    /// guest would see a device that must not be there.
    #[doc(hidden)]
    #[must_use]
    pub fn with_extra_arguments(mut self, arguments: Vec<String>) -> Self {
        self.extra_arguments = arguments;
        self
    }

    /// Starts the machine and waits until its root is ready for the first step.
    pub fn launch(
        &self,
        launcher: &dyn Launcher,
        configuration: &Configuration,
    ) -> Result<Session, LaunchError> {
        self.launch_with(launcher, configuration, None)
    }

    /// The same, for a guest with a network: `data` is QEMU's end of a stream socket whose other end
    /// its proxy has. What the guest needs to use it is in the configuration.
    ///
    /// A guest that is not ready in time is killed and started once more: nothing of a job was in it,
    /// and it wrote to none of its disks, which it mounts when it is configured.
    pub fn launch_with(
        &self,
        launcher: &dyn Launcher,
        configuration: &Configuration,
        data: Option<OwnedFd>,
    ) -> Result<Session, LaunchError> {
        self.check()?;
        if self.accelerator == Accelerator::Direct {
            return direct::launch(self, configuration);
        }
        let again = data.as_ref().map(OwnedFd::try_clone).transpose();
        let again = again.map_err(LaunchError::Descriptors)?;
        let first = Limits {
            boot: self.limits.first_boot,
            ..self.limits.clone()
        };
        match self.launch_once(launcher, configuration, data, &first) {
            Err(LaunchError::Session(error)) if error.is_late_boot() => {}
            other => return other,
        }
        let mut session = self.launch_once(launcher, configuration, again, &self.limits)?;
        session.note_second_start(self.limits.first_boot);
        Ok(session)
    }

    fn launch_once(
        &self,
        launcher: &dyn Launcher,
        configuration: &Configuration,
        data: Option<OwnedFd>,
        limits: &Limits,
    ) -> Result<Session, LaunchError> {
        let kernel = self
            .bundle
            .kernel()
            .ok_or_else(|| self.problem("has no kernel"))?;
        let mut inherited = Vec::new();
        let opened = disk::open_all(&self.disks)?;
        let output_bytes = disk::output_size(&self.disks)?;
        let channels = channel::pairs().map_err(LaunchError::Descriptors)?;
        let mut arguments = qemu::base_arguments(self, &kernel.descriptor);
        for disk in opened {
            arguments.extend(qemu::disk_arguments(&disk, inherited.len()));
            inherited.push(disk.descriptor);
        }
        arguments.extend(qemu::port_arguments(inherited.len(), data.is_some()));
        inherited.extend([channels.guest_control, channels.guest_log]);
        inherited.extend(data);
        arguments.extend(qemu::event_arguments(inherited.len()));
        inherited.push(channels.guest_events);
        arguments.extend(self.extra_arguments.iter().cloned());
        let request = LaunchRequest {
            kernel: memory_file("kernel", &kernel.image)?,
            initramfs: memory_file("initramfs", &kernel.initramfs)?,
            arguments,
            inherited,
            console: channels.guest_console,
            diagnostics: channels.guest_diagnostics,
            kvm: self.accelerator == Accelerator::Kvm,
            limits: self.process_limits(),
        };
        let observed = qemu::observed(self, &kernel.descriptor, launcher.qemu());
        let started = Instant::now();
        let launched = launcher.launch(request)?;
        let start = Start {
            launched,
            started,
            channels: channels.host,
            observed,
            output_bytes,
        };
        Session::start(start, limits, configuration)
    }

    /// A processor more than the guest has is for QEMU's own threads.
    fn process_limits(&self) -> ProcessLimits {
        let translator = match self.accelerator {
            Accelerator::Kvm | Accelerator::Direct => 0,
            Accelerator::Tcg => TRANSLATOR_MIB,
        };
        let seconds = u32::try_from(self.limits.whole.as_secs()).unwrap_or(u32::MAX);
        ProcessLimits {
            memory_mib: self.memory_mib + OVERHEAD_MIB + translator,
            tasks: TASKS + u32::from(self.vcpus),
            cpu_percent: (u32::from(self.vcpus) + 1) * 100,
            seconds: seconds.max(1),
        }
    }

    fn check(&self) -> Result<(), LaunchError> {
        let problem = match self {
            _ if !(1..=MAX_VCPUS).contains(&self.vcpus) => "number of processors is out of range",
            _ if !(128..=MAX_MEMORY_MIB).contains(&self.memory_mib) => "memory is out of range",
            _ => return Ok(()),
        };
        Err(self.problem(problem))
    }

    fn problem(&self, problem: &'static str) -> LaunchError {
        LaunchError::Machine {
            name: self.name.clone(),
            problem,
        }
    }
}

/// Bytes as an anonymous file: what was hashed is what QEMU reads, whatever happens on disk.
pub(crate) fn memory_file(name: &str, bytes: &[u8]) -> Result<OwnedFd, LaunchError> {
    let fill = || -> std::io::Result<OwnedFd> {
        let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file.into())
    };
    fill().map_err(LaunchError::Descriptors)
}
