//! The Record: what the control side observed of one run (`bessemer.record/v1`).

use super::{Document, Timestamp};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// The version of the record's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.record/v1")]
    V1,
}

/// What was observed of one build and of the tests of what it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Schema version.
    pub schema: RecordSchema,
    /// The id the signer issued when the job was registered.
    pub invocation_id: String,
    /// Digest of the JobSpec.
    pub job_spec: Digest,
    /// Digest of the Plan.
    pub plan: Digest,
    /// Digest of the build Lock.
    pub lock: Digest,
    /// Host clock when the build VM was started.
    pub started_on: Timestamp,
    /// Host clock when the last test VM was gone.
    pub finished_on: Timestamp,
    /// Whether everything asked for was done, tests included.
    pub outcome: Outcome,
    /// Whether a person could enter a guest, or kept its disks.
    pub interactive: bool,
    /// The build VM.
    pub build_machine: MachineObservation,
    /// Every package that was made, sorted by file name.
    pub outputs: Vec<Output>,
    /// One entry for each output, in the same order.
    pub tests: Vec<TestRun>,
    /// Of every guest that had a network, the build's first: what its proxy recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<GuestNetwork>,
    /// What else the build left.
    pub byproducts: Byproducts,
    /// The programs that ran it.
    pub components: Components,
}

impl Document for Record {
    const NAME: &'static str = "record";
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it was done, no test failed.
    Success,
    /// Anything else.
    Failure,
}

/// What ran a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// Hardware virtualisation.
    Kvm,
    /// Emulation.
    Tcg,
    /// No machine: the kernel of the host ran the steps.
    Direct,
}

impl Accelerator {
    /// The word in the documents (`kvm`, `tcg`, `direct`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Direct => "direct",
        }
    }
}

/// A VM as the host saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineObservation {
    /// What ran it.
    pub accelerator: Accelerator,
    /// QEMU machine type (`microvm`), or `direct`.
    pub machine: String,
    /// The CPU model it was given; `host` for the direct runner alone.
    pub cpu_baseline: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What QEMU says of its version; absent for the direct runner, as are the next three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qemu_version: Option<String>,
    /// Digest of the QEMU executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qemu_sha256: Option<Digest>,
    /// Measured digest of the kernel image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Digest>,
    /// Measured digest of the initramfs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initramfs: Option<Digest>,
    /// Release of the host's kernel, for the direct runner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_kernel: Option<String>,
    /// Measured digest of the agent in it.
    pub agent: Digest,
    /// Measured digest of the environment disk.
    pub environment_disk: Digest,
    /// Measured digest of the sources disk, when the guest had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources_disk: Option<Digest>,
    /// How QEMU was confined.
    pub jail: JailObservation,
}

/// How a VM's process was confined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JailObservation {
    /// Profile that was asked for (`host`, `pod`).
    pub profile: String,
    /// Layers that were applied, sorted.
    pub applied: Vec<String>,
    /// Layers of the profile that were not, sorted.
    pub missing: Vec<String>,
}

/// The network of one guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestNetwork {
    /// Whose: the package under test; absent for the build's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Digest of its network record.
    pub record: Digest,
    /// The proxy's program.
    pub proxy: Component,
    /// How the proxy was confined.
    pub jail: JailObservation,
}

/// A package that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// File name (`bzip2-1.0.8-r0.apk`).
    pub file: String,
    /// Digest of the whole signed file.
    pub sha256: Digest,
    /// Size of the whole file in bytes.
    pub size: u64,
    /// Package name.
    pub package: String,
    /// Version with epoch.
    pub version: String,
    /// Architecture.
    pub architecture: String,
    /// Digest of the compressed control member.
    pub control_sha256: Digest,
    /// Digest of the compressed data member: PKGINFO's `datahash`.
    pub data_sha256: Digest,
    /// Digest of the SPDX document.
    pub sbom: Digest,
}

/// How the test of one package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// Every step exited with 0.
    Passed,
    /// A step did not, or the VM did not finish.
    Failed,
    /// The recipe has no test for it, or the run was told not to test.
    Untested,
}

/// The test of one package in a VM of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRun {
    /// Package name.
    pub package: String,
    /// Digest of the whole apk that was installed; the host chose it.
    pub subject: Digest,
    /// Digest of the test Lock; absent when untested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Digest>,
    /// How it ended.
    pub outcome: TestOutcome,
    /// The test VM; absent when untested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineObservation>,
    /// Digest of the log; absent when untested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Digest>,
    /// Steps that ran, with the exit status the host received.
    pub steps: Vec<StepResult>,
    /// Host clock at the start; absent when untested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<Timestamp>,
    /// Host clock at the end; absent when untested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<Timestamp>,
}

/// One step of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepResult {
    /// The step's id in the plan.
    pub name: String,
    /// Exit status; 128 and the signal's number when it was killed.
    pub status: i32,
}

/// What else a build left, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Byproducts {
    /// What the build's guest was given ([`GuestInputs`](super::GuestInputs)); absent in records
    /// of before there were such, for which nothing more is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_inputs: Option<Digest>,
    /// The build's log.
    pub log: Digest,
    /// The Plan.
    pub plan: Digest,
    /// Of every output its members' digests and installed size.
    pub manifest: Digest,
}

/// A program that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its version.
    pub version: String,
    /// Digest of the executable.
    pub sha256: Digest,
}

/// The programs that ran a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Components {
    /// `bessemer` itself.
    pub controller: Component,
    /// The jailer.
    pub jailer: Component,
    /// The signer, as it described itself when the job was registered.
    pub signer: Component,
}
