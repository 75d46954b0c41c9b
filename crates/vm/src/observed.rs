//! What really ran.

use crate::Accelerator;
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// Which layers of isolation stand around one QEMU process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JailReport {
    /// Name of the profile: `direct` (none), `host` (jailer).
    pub profile: String,
    /// Layers in force, in the order applied, e.g. `own-uid`, `pid-namespace`.
    pub applied: Vec<String>,
    /// Layers of the profile that are not in force, each as `name: reason`.
    pub missing: Vec<String>,
}

/// What the host observed about one machine; host-made throughout, except `agent_version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// How guest instructions were executed.
    pub accelerator: Accelerator,
    /// QEMU's machine type and its options, e.g. `microvm,acpi=on`; `direct` for no machine.
    pub machine: String,
    /// Processor model every guest gets.
    pub cpu: String,
    /// Virtual processors.
    pub vcpus: u8,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// QEMU's version, as in the first line of `--version`; `None` without a machine.
    pub qemu_version: Option<String>,
    /// Digest of the QEMU program.
    pub qemu: Option<Digest>,
    /// Digest of the kernel image; `None` where the host's own kernel runs the steps.
    pub kernel: Option<Digest>,
    /// Kernel release named by the boot directory, or the host's.
    pub kernel_release: String,
    /// Digest of the initramfs (modules and agent); `None` as for the kernel.
    pub initramfs: Option<Digest>,
    /// Digest of the agent.
    pub agent: Digest,
    /// The kernel command line without timer calibration.
    pub command_line: String,
    /// Isolation around QEMU.
    pub jail: JailReport,
    /// Milliseconds from the start of QEMU to the agent's `ready`.
    pub boot_milliseconds: u64,
}
