//! Building one package: environment, steps, split, detection, SBOM, emission, tests.
//!
//! The control side resolves a plan to a lock ([`lock`]), writes a [`job::Job`], and a worker
//! ([`worker::Work`]) runs it: environment disk, build guest, packages, test guests, record.
//!
//! Invariants: no private key is opened here; nothing that a guest says goes into the record beyond
//! the exit status of its steps; no output depends on the host's clock, users or paths.

pub mod boot;
pub mod environment;
pub mod git;
pub mod job;
pub mod licenses;
pub mod lock;
pub mod log;
pub mod metadata;
pub mod network;
pub mod prepare;
mod reporter;
mod run_directory;
pub mod source;
pub mod source_cache;
pub mod sources_disk;
mod step_script;
pub mod worker;

pub use reporter::{Event, Reporter, Silent};
pub use run_directory::RunDirectory;
