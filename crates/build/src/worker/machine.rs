//! Making machines: what boots, what runs it, which disks.

use bessemer_attest::documents::{
    Accelerator as Word, AcceleratorChoice, Components, JailObservation, JobSpec,
    MachineObservation,
};
use bessemer_digest::Digest;
use bessemer_vm::{
    Accelerator, Bundle, DiskError, Disks, Launcher, Machine, Observed, Probe, create_output,
    create_scratch,
};
use std::path::Path;
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// Booting, preparing and archiving.
const REST: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
/// QEMU's machine type for every guest.
const MACHINE_TYPE: &str = "microvm";

/// Why no machine could be made.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// No disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The job asks for an accelerator that is not there.
    #[error("the job asks for {asked}, but {reason}")]
    Accelerator {
        /// What was asked for.
        asked: &'static str,
        /// What the probe found.
        reason: String,
    },
    /// More processors or memory than a machine can have.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// Not a path inside a guest.
    #[error("`{0}` is no path inside a guest")]
    Path(String),
}

/// What is measured once for all guests of a run.
#[derive(Debug)]
pub struct Tools {
    bundle: Bundle,
    accelerator: Accelerator,
    launcher: Box<dyn Launcher>,
    components: Components,
}

impl Tools {
    /// Decides about the accelerator and keeps what every guest needs.
    pub fn new(
        bundle: Bundle,
        choice: AcceleratorChoice,
        probe: Probe,
        launcher: Box<dyn Launcher>,
        components: Components,
    ) -> Result<(Self, String), MachineError> {
        let accelerator = match (choice, probe.accelerator) {
            (AcceleratorChoice::Kvm, Accelerator::Tcg) => {
                return Err(MachineError::Accelerator {
                    asked: "kvm",
                    reason: probe.reason,
                });
            }
            (AcceleratorChoice::Tcg, _) => Accelerator::Tcg,
            (AcceleratorChoice::Direct, _) => Accelerator::Direct,
            (_, found) => found,
        };
        Ok((
            Self {
                bundle,
                accelerator,
                launcher,
                components,
            },
            match accelerator {
                Accelerator::Direct => "none; steps run on this host's kernel".to_owned(),
                _ => probe.reason,
            },
        ))
    }

    /// What boots.
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The programs of this run.
    pub const fn components(&self) -> &Components {
        &self.components
    }

    /// How machines are started.
    pub(super) fn launcher(&self) -> &dyn Launcher {
        self.launcher.as_ref()
    }

    /// What runs the guests, in a word.
    pub(super) const fn accelerator_word(&self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm => "kvm",
            Accelerator::Tcg => "tcg (emulation)",
            Accelerator::Direct => "direct (no machine)",
        }
    }

    /// A machine with fresh scratch and output disks in `run`.
    pub(super) fn machine(
        &self,
        name: &str,
        environment: &Path,
        sources: Option<&Path>,
        with_output: bool,
        run: &Path,
        spec: &JobSpec,
    ) -> Result<Machine, MachineError> {
        let scratch = run.join(format!("{name}-scratch.img"));
        if self.accelerator != Accelerator::Direct {
            create_scratch(&scratch, spec.limits.scratch_mib * MIB)?;
        }
        let output = run.join(format!("{name}-output.img"));
        if with_output {
            create_output(&output, spec.limits.output_mib * MIB)?;
        }
        let disks = Disks {
            environment: environment.to_path_buf(),
            sources: sources.map(Path::to_path_buf),
            scratch,
            output: with_output.then_some(output),
        };
        let mut machine = Machine::new(name, self.bundle.clone(), self.accelerator, disks);
        let range = |what| move |_| MachineError::Range(what);
        machine.vcpus = spec
            .limits
            .vcpus
            .try_into()
            .map_err(range("the number of processors"))?;
        machine.memory_mib = spec.limits.memory_mib.try_into().map_err(range("memory"))?;
        machine.limits.log_bytes = spec.limits.log_bytes;
        Ok(machine)
    }
}

/// How long a machine may live: each step its time, and the rest an hour. A person has a week.
pub(super) fn whole(steps: usize, spec: &JobSpec) -> Duration {
    if spec.interactive {
        return WEEK;
    }
    let steps = u64::try_from(steps).unwrap_or(u64::MAX);
    let seconds = spec.limits.timeout_seconds.saturating_mul(steps);
    REST + Duration::from_secs(seconds).min(WEEK)
}

/// What the host saw of a machine, in the record's words.
pub(super) fn observation(
    observed: &Observed,
    environment_disk: Digest,
    sources_disk: Option<Digest>,
) -> MachineObservation {
    MachineObservation {
        accelerator: match observed.accelerator {
            Accelerator::Kvm => Word::Kvm,
            Accelerator::Tcg => Word::Tcg,
            Accelerator::Direct => Word::Direct,
        },
        machine: match observed.accelerator {
            Accelerator::Direct => observed.machine.clone(),
            _ => MACHINE_TYPE.to_owned(),
        },
        cpu_baseline: observed.cpu.clone(),
        vcpus: observed.vcpus.into(),
        memory_mib: observed.memory_mib.into(),
        qemu_version: observed.qemu_version.clone(),
        qemu_sha256: observed.qemu,
        kernel: observed.kernel,
        initramfs: observed.initramfs,
        host_kernel: (observed.accelerator == Accelerator::Direct)
            .then(|| observed.kernel_release.clone()),
        agent: observed.agent,
        environment_disk,
        sources_disk,
        jail: JailObservation {
            profile: observed.jail.profile.clone(),
            applied: observed.jail.applied.clone(),
            missing: observed.jail.missing.clone(),
        },
    }
}
