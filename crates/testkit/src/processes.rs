//! The processes below this one.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// A process that is not a zombie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The name of its program, at most 15 bytes.
    pub name: String,
}

/// Makes this process the parent of everything below it that loses its own parent, so that
/// [`descendants`] finds what a killed program left behind, however often it forked.
pub fn adopt_orphans() {
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).expect("the kernel has no subreapers");
}

/// Everything below this process that runs. Call [`adopt_orphans`] before what is looked for starts.
pub fn descendants() -> Vec<Process> {
    let all = all();
    let mut found = Vec::new();
    let mut parents = vec![std::process::id()];
    while let Some(parent) = parents.pop() {
        let children = all.values().filter(|one| one.parent == parent);
        for child in children {
            parents.push(child.process.pid);
            if child.state != 'Z' {
                found.push(child.process.clone());
            }
        }
    }
    found
}

/// Waits until nothing runs below this process; the test fails if that takes longer than `limit`.
/// Call it when no [`crate::Running`] is left: it collects the status of every child.
#[track_caller]
pub fn wait_until_alone(limit: Duration) {
    let until = Instant::now() + limit;
    loop {
        // An adopted orphan stays in /proc, as if it ran, until somebody asks how it ended.
        while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
        let left = descendants();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still running: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Entry {
    process: Process,
    parent: u32,
    state: char,
}

fn all() -> BTreeMap<u32, Entry> {
    let entries = fs::read_dir("/proc").expect("no /proc");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read(pid)?)))
        .collect()
}

/// `None` when the process is gone.
fn read(pid: u32) -> Option<Entry> {
    // proc_pid_stat(5): the name stands in parentheses and may contain anything.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (start, rest) = stat.rsplit_once(')')?;
    let name = start.split_once('(')?.1.to_owned();
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    let parent = words.next()?.parse().ok()?;
    let process = Process { pid, name };
    Some(Entry {
        process,
        parent,
        state,
    })
}
