//! Processor time of a program and of everything it starts, without the guests'.
//!
//! A control group counts what its processes use, those included that have ended. A QEMU that runs a
//! guest is moved to a second group when it is first seen, at most [`LOOK`] after its start; what it
//! used until then counts as ours, so the error is against us. Needs root and one of the two kinds
//! of control groups; no controller has to be enabled (Linux, `admin-guide/cgroup-v1/cpuacct.rst`
//! and `admin-guide/cgroup-v2.rst`, `cpu.stat`).

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often new processes are looked for.
const LOOK: Duration = Duration::from_millis(2);
/// How often a group that still has processes is asked to go.
const ATTEMPTS: u32 = 100;

/// Seconds of processor time, user and system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// By our own processes.
    pub(crate) ours: f64,
    /// By QEMU running guests.
    pub(crate) guests: f64,
}

/// Two control groups, and somebody who sorts processes between them. Both go when it is dropped.
#[derive(Debug)]
pub(crate) struct Accounting {
    ours: PathBuf,
    guests: PathBuf,
    stop: Arc<AtomicBool>,
    sorter: Option<JoinHandle<()>>,
}

impl Accounting {
    /// Makes the groups, empty.
    pub(crate) fn start() -> Result<Self> {
        let root = hierarchy()?;
        let name = format!("bessemer-bench-{}", std::process::id());
        let (ours, guests) = (root.join(&name), root.join(format!("{name}-guests")));
        for group in [&ours, &guests] {
            fs_err::create_dir(group).context("counting processor time needs root")?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let sorter = std::thread::spawn({
            let (ours, guests, stop) = (ours.clone(), guests.clone(), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    sort(&ours, &guests);
                    std::thread::sleep(LOOK);
                }
            }
        });
        Ok(Self {
            ours,
            guests,
            stop,
            sorter: Some(sorter),
        })
    }

    /// `program` with everything it will start, in the counted group from its first instruction.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "echo $$ >\"$0\" && exec \"$@\""])
            .arg(self.ours.join("cgroup.procs"))
            .arg(program);
        command
    }

    /// What was used so far.
    pub(crate) fn used(&self) -> Result<Used> {
        Ok(Used {
            ours: seconds(&self.ours)?,
            guests: seconds(&self.guests)?,
        })
    }
}

impl Drop for Accounting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sorter) = self.sorter.take() {
            drop(sorter.join());
        }
        for group in [&self.ours, &self.guests] {
            // What is about to end holds its group for a moment.
            for _ in 0..ATTEMPTS {
                if fs_err::remove_dir(group).is_ok() {
                    break;
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// Where groups that count processor time are made.
fn hierarchy() -> Result<PathBuf> {
    let mounts = fs_err::read_to_string("/proc/self/mounts")?;
    let find = |kind: &str, option: &str| {
        mounts.lines().find_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, place, found, options, ..] = words[..] else {
                return None;
            };
            let fits =
                found == kind && (option.is_empty() || options.split(',').any(|o| o == option));
            fits.then(|| PathBuf::from(place))
        })
    };
    match find("cgroup", "cpuacct").or_else(|| find("cgroup2", "")) {
        Some(place) => Ok(place),
        None => bail!("no control groups are mounted, so processor time cannot be counted"),
    }
}

fn seconds(group: &Path) -> Result<f64> {
    let nanoseconds = group.join("cpuacct.usage");
    let duration = if nanoseconds.exists() {
        let text = fs_err::read_to_string(nanoseconds)?;
        Duration::from_nanos(text.trim().parse()?)
    } else {
        let text = fs_err::read_to_string(group.join("cpu.stat"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "));
        Duration::from_micros(value.context("no usage in cpu.stat")?.parse()?)
    };
    Ok(duration.as_secs_f64())
}

/// Moves every QEMU that runs a guest. What ends meanwhile is no error.
fn sort(ours: &Path, guests: &Path) {
    let processes = fs_err::read_to_string(ours.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines() {
        if runs_a_guest(process) {
            let _ = fs_err::write(guests.join("cgroup.procs"), process);
        }
    }
}

/// Whether it is QEMU with a machine; asking QEMU for its version is work of ours.
fn runs_a_guest(process: &str) -> bool {
    let line = fs_err::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    program.windows(11).any(|part| part == b"qemu-system") && words.any(|word| word == b"-machine")
}
