//! What the signer takes from itself once it has its keys open and its socket bound: new privileges,
//! core dumps, files beyond its own, system calls it does not make.
//!
//! The service manager or the container takes most of this, too, and more; this holds wherever the
//! program is started, a laptop included, and is put on last, so it can be narrower than they are.

mod filter;
mod paths;
#[cfg(test)]
mod tests;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io;
use std::path::{Path, PathBuf};

/// Why the signer is not hardened.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// Core dumps, or tracing by the same uid, could not be forbidden.
    #[error("cannot forbid core dumps and tracing")]
    Dumps(#[source] io::Error),
    /// New privileges could not be forbidden.
    #[error("cannot forbid new privileges")]
    Privileges(#[source] io::Error),
    /// The files in sight could not be limited.
    #[error("cannot limit which files are in sight (Landlock)")]
    Paths(#[source] paths::PathsError),
    /// The system calls could not be limited.
    #[error("cannot limit which system calls are made (seccomp)")]
    Calls(#[source] filter::FilterError),
}

/// Nobody of the same uid may trace this process or read its memory and environment, and no core is
/// ever written. To be done before a key is opened.
pub fn forbid_dumps() -> Result<(), HardenError> {
    let dumps = |error: rustix::io::Errno| HardenError::Dumps(error.into());
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(dumps)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(dumps)
}

/// Leaves this thread, and all it will start, the directory `state`, those of `tokens`, and the removal
/// of the socket `socket`, no way to another program, and no new socket. Returns what this kernel does not have.
pub fn confine(
    state: &Path,
    tokens: &[PathBuf],
    socket: Option<&Path>,
) -> Result<Vec<&'static str>, HardenError> {
    let privileges = |error: rustix::io::Errno| HardenError::Privileges(error.into());
    rustix::thread::set_no_new_privs(true).map_err(privileges)?;
    let mut missing = Vec::new();
    match paths::restrict(state, tokens, socket) {
        Ok(()) => {}
        Err(paths::PathsError::Absent) => missing.push("landlock"),
        Err(error) => return Err(HardenError::Paths(error)),
    }
    filter::install().map_err(HardenError::Calls)?;
    Ok(missing)
}
