//! The QEMU program and its command line.

use crate::disk::OpenDisk;
use crate::launcher::FIRST_INHERITED;
use crate::{Accelerator, JailReport, KernelDescriptor, Machine, Observed, accelerator};
use bessemer_digest::Digest;
use bessemer_vm_proto::{CONTROL_PORT, DATA_PORT, LOG_PORT};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Processor model of every guest: x86-64-v2, the baseline of current distributions. Never the
/// host's own, which would make outputs depend on the machine that happened to build them.
pub const CPU_BASELINE: &str = "Nehalem-v1";

/// QEMU could not be measured.
#[derive(Debug, thiserror::Error)]
#[error("cannot measure QEMU at `{}`", path.display())]
pub struct QemuError {
    /// The program.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A QEMU program, measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qemu {
    /// Where it is.
    pub path: PathBuf,
    /// First line of `--version`.
    pub version: String,
    /// Digest of the program.
    pub digest: Digest,
}

impl Qemu {
    /// Hashes the program at `path` and asks its version.
    pub fn measure(path: &Path) -> Result<Self, QemuError> {
        let error = |source| QemuError {
            path: path.to_owned(),
            source,
        };
        let (digest, _) = File::open(path)
            .and_then(Digest::of_reader)
            .map_err(error)?;
        let output = Command::new(path)
            .arg("--version")
            .env_clear()
            .output()
            .map_err(error)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        if !output.status.success() || version.is_empty() {
            return Err(error(io::Error::other("`--version` failed")));
        }
        Ok(Self {
            path: path.to_owned(),
            version,
            digest,
        })
    }
}

fn machine_type(kernel: &KernelDescriptor) -> String {
    let acpi = if kernel.acpi { "on" } else { "off" };
    format!("microvm,acpi={acpi},rtc=on")
}

/// Kernel parameters of every guest.
///
/// `reboot=t` with QEMU's `-no-reboot` is how a guest ends; `panic=-1` makes a panic an end too.
/// Mitigations protect processes in the guest from each other: there is one tenant, and it is root.
pub const KERNEL_WORDS: [&str; 5] = [
    "console=ttyS0",
    "quiet",
    "panic=-1",
    "reboot=t",
    "mitigations=off",
];

/// Kernel parameters without timer calibration, which differs between hosts.
fn command_line(kernel: &KernelDescriptor) -> String {
    let mut words = KERNEL_WORDS.to_vec();
    words.extend(kernel.cmdline.iter().map(String::as_str));
    words.join(" ")
}

fn with_calibration(machine: &Machine, kernel: &KernelDescriptor) -> String {
    let line = command_line(kernel);
    if kernel.tsc_parameters && machine.accelerator == Accelerator::Tcg {
        return format!(
            "{line} tsc_early_khz={} tsc=reliable",
            accelerator::tsc_khz()
        );
    }
    line
}

pub(crate) fn base_arguments(machine: &Machine, kernel: &KernelDescriptor) -> Vec<String> {
    let accelerator = match machine.accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Tcg | Accelerator::Direct => "tcg,thread=multi",
    };
    let sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
    let mut arguments = strings(&["-nodefaults", "-no-user-config", "-no-reboot"]);
    for (name, value) in [
        ("-display", "none"),
        ("-sandbox", sandbox),
        ("-machine", &machine_type(kernel)),
        ("-accel", accelerator),
        ("-cpu", CPU_BASELINE),
        ("-smp", &machine.vcpus.to_string()),
        ("-m", &machine.memory_mib.to_string()),
        ("-append", &with_calibration(machine, kernel)),
        ("-chardev", "stdio,id=console,signal=off"),
        ("-serial", "chardev:console"),
        ("-object", "rng-random,id=entropy,filename=/dev/urandom"),
        ("-device", "virtio-rng-device,rng=entropy"),
    ] {
        arguments.extend(strings(&[name, value]));
    }
    arguments
}

/// A virtio disk from the descriptor at `index`; addressed in the guest by its serial number.
pub(crate) fn disk_arguments(disk: &OpenDisk, index: usize) -> Vec<String> {
    let number = number(index);
    let serial = disk.serial;
    let read_only = if disk.read_only { "on" } else { "off" };
    // Nothing on a writable disk outlives the machine, so a flush buys nothing. What the host cannot
    // read or write stops the machine (`events.rs`).
    let common = format!("read-only={read_only},cache.direct=off,cache.no-flush=on,discard=unmap");
    strings(&[
        "-add-fd",
        &format!("fd={number},set={number}"),
        "-blockdev",
        &format!("file,node-name={serial}-file,filename=/dev/fdset/{number},locking=off,{common}"),
        "-blockdev",
        &format!("raw,node-name={serial},file={serial}-file,{common}"),
        "-device",
        &format!("virtio-blk-device,drive={serial},serial={serial},werror=stop,rerror=stop"),
    ])
}

/// The ports, from the descriptors at `index` (control), `index + 1` (log) and, for a guest with a
/// network, `index + 2` (data).
pub(crate) fn port_arguments(index: usize, with_data: bool) -> Vec<String> {
    let ports = [
        ("control", CONTROL_PORT),
        ("log", LOG_PORT),
        ("data", DATA_PORT),
    ];
    let count = if with_data { 3 } else { 2 };
    // The first number is a console's, which there is none of.
    let device = format!("virtio-serial-device,max_ports={}", count + 1);
    let mut arguments = strings(&["-device", &device]);
    for ((id, name), index) in ports.into_iter().take(count).zip(index..) {
        arguments.extend(strings(&[
            "-chardev",
            &format!("socket,id={id},fd={}", number(index)),
            "-device",
            &format!("virtserialport,chardev={id},name={name}"),
        ]));
    }
    arguments
}

/// QEMU's own protocol, from the descriptor at `index`.
pub(crate) fn event_arguments(index: usize) -> Vec<String> {
    let chardev = format!("socket,id=events,fd={}", number(index));
    let monitor = "chardev=events,mode=control";
    strings(&["-chardev", &chardev, "-mon", monitor])
}

fn number(index: usize) -> i32 {
    FIRST_INHERITED + i32::try_from(index).unwrap_or(i32::MAX - FIRST_INHERITED)
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// What is known before the start; the session adds the rest.
pub(crate) fn observed(machine: &Machine, kernel: &KernelDescriptor, qemu: &Qemu) -> Observed {
    Observed {
        accelerator: machine.accelerator,
        machine: machine_type(kernel),
        cpu: CPU_BASELINE.to_owned(),
        vcpus: machine.vcpus,
        memory_mib: machine.memory_mib,
        qemu_version: Some(qemu.version.clone()),
        qemu: Some(qemu.digest),
        kernel: machine.bundle.kernel_digest(),
        kernel_release: kernel.release.clone(),
        initramfs: machine.bundle.initramfs_digest(),
        agent: machine.bundle.agent_digest(),
        command_line: command_line(kernel),
        jail: JailReport::default(),
        boot_milliseconds: 0,
    }
}
