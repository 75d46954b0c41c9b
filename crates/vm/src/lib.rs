//! Host side of the microVM: accelerator probe, kernel, disks, QEMU, session.
//!
//! A [`Machine`] says what a guest gets; [`Machine::launch`] starts it through a [`Launcher`] and
//! returns a [`Session`], in which steps run one after another. Dropping a session kills its
//! machine. What really ran is in [`Observed`].
//!
//! Invariants:
//! * A guest has no network interface, no monitor and no host path: every disk, the kernel and the
//!   initramfs reach QEMU as descriptors that the host opened (and, for the last two, hashed).
//! * Nothing a guest says is believed beyond its form; every wait has a deadline and every buffer
//!   a limit.

mod accelerator;
mod boot;
mod channel;
mod cpio;
mod direct;
mod disk;
mod error;
mod events;
mod filled;
mod inherited;
mod jail;
mod launcher;
mod machine;
mod observed;
mod process;
mod qemu;
mod session;
mod tail;

#[doc(hidden)]
pub mod untrusted;

pub use accelerator::{Accelerator, PROBE_DEADLINE, Probe};
pub use bessemer_vm_proto::{
    Configuration, GuestNetwork, GuestPath, GuestPathError, PROTOCOL_VERSION, Run, RunStatus,
    ToGuest, UNANSWERED,
};
pub use boot::{Bundle, BundleError, KERNEL_SCHEMA, KernelDescriptor, agent_program};
pub use disk::{DiskError, create_output, create_scratch};
pub use error::{
    Activity, DirectError, DiskFailure, Fault, LaunchError, LauncherError, SessionError,
};
pub use filled::Filled;
pub use inherited::inherited_descriptor;
pub use jail::{JailLauncher, JailProfile};
pub use launcher::{
    DirectLauncher, LaunchRequest, Launched, Launcher, ProcessLimits, ProxyRequest,
};
pub use machine::{BOOT_LIMIT, Disks, LOG_LIMIT_BYTES, Limits, MAX_MEMORY_MIB, MAX_VCPUS, Machine};
pub use observed::{JailReport, Observed};
pub use process::{ProcessEnd, VmProcess};
pub use qemu::{CPU_BASELINE, KERNEL_WORDS, Qemu, QemuError};
pub use session::{Session, StepOutcome};
