//! The documents that carry a build: Lock, JobSpec and Record (the Plan is the recipe crate's); and the
//! record of an image build.
//!
//! Each has one spelling: canonical JSON (RFC 8785) of strings, integers, booleans, lists and
//! objects. Its digest is the SHA-256 of those bytes, so a document can be named by it anywhere.
//! Reading is strict: unknown keys, duplicate keys and any other spelling are refused.
//!
//! Invariant: nothing here performs IO or knows a key.

mod canonical;
mod guest_inputs;
mod image_record;
mod job_spec;
mod lock;
mod network;
mod record;
#[cfg(test)]
mod tests;
mod timestamp;

pub use canonical::{
    CanonicalError, DOCUMENT_LIMIT, Document, DocumentError, canonical_bytes, digest, parse,
};
pub use guest_inputs::{
    DiskName, FilledBlocks, GuestDisk, GuestInputs, GuestInputsSchema, GuestMessage, LeftOut,
};
pub use image_record::{ImageBase, ImageParameters, ImagePlatform, ImageRecord, ImageRecordSchema};
pub(crate) use job_spec::is_false;
pub use job_spec::{
    AcceleratorChoice, ConfigSource, JailChoice, JobSpec, JobSpecSchema, Limits, Network,
    NetworkLimits, NetworkPolicy, Parameters, is_branch_or_tag,
};
pub use lock::{
    Lock, LockKind, LockSchema, LockedBoot, LockedCommit, LockedFile, LockedIndex, LockedKey,
    LockedPackage, LockedPipeline, LockedSource,
};
pub use network::{NetworkBody, NetworkExchange, NetworkRecord, NetworkRefusal, NetworkSchema};
pub use record::{
    Accelerator, Byproducts, Component, Components, GuestNetwork, JailObservation,
    MachineObservation, Outcome, Output, Record, RecordSchema, StepResult, TestOutcome, TestRun,
};
pub use timestamp::{Timestamp, TimestampError};
