//! What a build's guest was given (`bessemer.guest-inputs/v1`): its disks, the kernel's command
//! line, and every message to its agent.

use super::Document;
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestInputsSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.guest-inputs/v1")]
    V1,
}

/// Everything that entered the guest of a build, but for kernel, initramfs and agent, which the
/// Record names, and answers of servers, which a network record has. The same job gives the same
/// bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestInputs {
    /// Schema version.
    pub schema: GuestInputsSchema,
    /// The words of the kernel's command line; none without a machine.
    pub command_line: Vec<String>,
    /// Each disk before the machine was started: environment, sources, scratch, output.
    pub disks: Vec<GuestDisk>,
    /// Every message to the agent, in order.
    pub messages: Vec<GuestMessage>,
}

impl Document for GuestInputs {
    const NAME: &'static str = "guest inputs";
}

impl GuestInputs {
    /// The disk of this name, if the guest had it.
    pub fn disk(&self, name: DiskName) -> Option<&GuestDisk> {
        self.disks.iter().find(|disk| disk.name == name)
    }
}

/// Which disk of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskName {
    /// The packages of the environment; read-only.
    Environment,
    /// The sources; read-only.
    Sources,
    /// An empty file system; writable.
    Scratch,
    /// Zeros, over which results are written.
    Output,
}

/// A disk as it was before its machine was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestDisk {
    /// Which.
    pub name: DiskName,
    /// Its size in bytes.
    pub size: u64,
    /// Digest of the whole image; of the read-only disks alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// What is not zero; of the writable disks alone, which are large and nearly empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled: Option<FilledBlocks>,
}

/// The blocks of a disk that are not all zero. With the disk's size they are its whole content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilledBlocks {
    /// How many, of 4096 bytes each.
    pub count: u64,
    /// Digest over each block's number (64 bits, the highest byte first) and its 4096 bytes, in
    /// order; the digest of nothing when there are none.
    pub sha256: Digest,
}

/// A message to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GuestMessage {
    /// The first one, before any step.
    Configure {
        /// Variables of every step.
        environment: BTreeMap<String, String>,
        /// The guest's name for itself.
        hostname: String,
        /// What else was in the message and differs every time.
        left_out: Vec<LeftOut>,
    },
    /// A program to run.
    Run {
        /// The step's id in the plan, or `prepare`.
        id: String,
        /// The program and its arguments.
        argv: Vec<String>,
        /// The working directory.
        directory: String,
        /// Variables of its own.
        environment: BTreeMap<String, String>,
        /// How long it may take, in seconds.
        timeout_seconds: u32,
    },
    /// A shell for a person: nothing is signed for such a run.
    Shell {
        /// The id it had.
        id: String,
    },
    /// What to write to the output disk.
    Archive {
        /// Paths in the guest.
        paths: Vec<String>,
    },
    /// The end.
    PowerOff {},
}

/// A part of the first message that is of one run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
    /// The host's time.
    Clock,
    /// The certificate authority of the guest's proxy, in two forms; of guests with a network.
    CertificateAuthority,
}
