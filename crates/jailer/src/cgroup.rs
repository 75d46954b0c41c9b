//! Control groups: memory, tasks and processor time of one machine, QEMU included.
//!
//! Version 2 has one hierarchy, version 1 one for each controller; some hosts have the controllers
//! in version 1 and an empty version 2 beside it (cgroups(7)). A machine's group stands below
//! `bessemer` and is named after its jailer.

mod hierarchy;

use crate::request::Limits;
use hierarchy::{Controller, Hierarchy};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The group that all machines' groups are in.
const PARENT: &str = "bessemer";
/// Microseconds in which the processor time is counted.
const PERIOD: u64 = 100_000;
/// How long a group is tried to be removed: its last process may still be on its way out.
const REMOVAL: Duration = Duration::from_secs(2);

/// Why a machine has no group.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("no hierarchy of this host has the controller `{0}`")]
    Absent(&'static str),
    #[error("cannot write `{}`: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {path}: {source}")]
    Read {
        path: &'static str,
        source: io::Error,
    },
}

/// One machine's groups, one for each hierarchy; removed when dropped, when nobody is in them.
#[derive(Debug)]
pub(crate) struct Group(Vec<PathBuf>);

impl Group {
    /// Makes the groups and sets their limits. What ended jailers left behind goes first.
    pub(crate) fn create(number: u64, limits: Limits) -> Result<Self, GroupError> {
        Self::create_in(&hierarchy::of_this_host()?, number, limits)
    }

    fn create_in(
        hierarchies: &[Hierarchy],
        number: u64,
        limits: Limits,
    ) -> Result<Self, GroupError> {
        let name = format!("vm-{}-{number}", std::process::id());
        let mut group = Self(Vec::new());
        for hierarchy in hierarchies {
            let parent = hierarchy.below(PARENT)?;
            clear_ended(&parent);
            let own = parent.join(&name);
            match fs::create_dir(&own) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(&own, error));
                }
                _ => group.0.push(own.clone()),
            }
            for controller in &hierarchy.controllers {
                for (file, value) in settings(*controller, hierarchy.unified, limits) {
                    write(&own.join(file), &value)?;
                }
                for (file, value) in extras(*controller, hierarchy.unified, limits) {
                    // Accounting of swap, and killing a group whole, are choices of the kernel's
                    // builder.
                    let _ = write(&own.join(file), &value);
                }
            }
        }
        Ok(group)
    }

    /// Puts a process into them, with everything it will start.
    pub(crate) fn add(&self, pid: i32) -> Result<(), GroupError> {
        let mut folders = self.0.iter();
        folders.try_for_each(|folder| write(&folder.join("cgroup.procs"), &pid.to_string()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let until = Instant::now() + REMOVAL;
        for folder in &self.0 {
            while fs::remove_dir(folder).is_err() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Files and contents without which there is no limit.
fn settings(controller: Controller, unified: bool, limits: Limits) -> Vec<(&'static str, String)> {
    let bytes = u64::from(limits.memory_mib) << 20;
    let quota = u64::from(limits.cpu_percent) * PERIOD / 100;
    match (controller, unified) {
        (Controller::Memory, true) => vec![("memory.max", bytes.to_string())],
        (Controller::Memory, false) => vec![("memory.limit_in_bytes", bytes.to_string())],
        (Controller::Pids, _) => vec![("pids.max", limits.tasks.to_string())],
        (Controller::Cpu, true) => vec![("cpu.max", format!("{quota} {PERIOD}"))],
        (Controller::Cpu, false) => vec![
            ("cpu.cfs_period_us", PERIOD.to_string()),
            ("cpu.cfs_quota_us", quota.to_string()),
        ],
    }
}

/// Files that not every kernel has: no swap instead of memory, and an end for all of a group.
fn extras(controller: Controller, unified: bool, limits: Limits) -> Vec<(&'static str, String)> {
    let bytes = u64::from(limits.memory_mib) << 20;
    match (controller, unified) {
        (Controller::Memory, true) => vec![
            ("memory.swap.max", "0".to_owned()),
            ("memory.oom.group", "1".to_owned()),
        ],
        (Controller::Memory, false) => vec![("memory.memsw.limit_in_bytes", bytes.to_string())],
        _ => Vec::new(),
    }
}

fn write(path: &Path, value: &str) -> Result<(), GroupError> {
    fs::write(path, value).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> GroupError {
    GroupError::Write {
        path: path.to_owned(),
        source,
    }
}

/// Removes groups of jailers that were killed; each is named after its process.
fn clear_ended(parent: &Path) {
    // Nothing depends on it: what cannot be removed is tried again for the next machine.
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("vm-"));
        let pid = pid.and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
