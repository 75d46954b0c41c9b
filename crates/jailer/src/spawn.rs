//! Makes the new process and its namespaces.
#![allow(unsafe_code, reason = "clone by system call")]

use crate::jail::{self, Plan};
use crate::request::Request;
use crate::slot::Slot;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Longest reason a failing child can give, in bytes.
const MAX_REASON: u64 = 1024;

/// A machine that runs.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) handle: OwnedFd,
    pub(crate) leash: OwnedFd,
    /// Lines for the client: `+name`, or `-name: reason`.
    pub(crate) layers: Vec<String>,
    /// Its uid is not given to another before it is gone.
    _slot: Option<Slot>,
}

/// Starts QEMU in a jail. The namespaces are all or nothing: one that cannot be made is an error.
pub(crate) fn spawn(qemu: &Path, request: Request) -> Result<Machine, (OwnedFd, io::Error)> {
    match start(qemu, &request) {
        Ok((handle, slot, layers)) => Ok(Machine {
            handle,
            leash: request.leash,
            layers,
            _slot: slot,
        }),
        Err(error) => Err((request.leash, error)),
    }
}

fn start(qemu: &Path, request: &Request) -> io::Result<(OwnedFd, Option<Slot>, Vec<String>)> {
    let root = rustix::process::geteuid().is_root();
    let slot = if root { Some(Slot::take()?) } else { None };
    let plan = Plan {
        qemu,
        own_uid: slot.as_ref().map(|slot| slot.uid),
    };
    let (mut report, low) = io::pipe()?;
    // Out of the way of every number that QEMU's descriptors get.
    let mut reporter = io::PipeWriter::from(rustix::io::fcntl_dupfd_cloexec(&low, 300)?);
    drop(low);
    let (mut go, mut let_go) = io::pipe()?;
    let pid = clone(!root)?;
    if pid == 0 {
        drop(let_go);
        drop(report);
        let mut byte = [0];
        let ready = jail::die_with_parent().and_then(|()| go.read_exact(&mut byte));
        let reason = match ready {
            Ok(()) => jail::enter(&plan, request).to_string(),
            Err(error) => error.to_string(),
        };
        let _ = reporter.write_all(reason.as_bytes());
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(1) }
    }
    drop(reporter);
    drop(go);
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("clone returned no pid"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    if !root {
        map_ids(pid)?;
    }
    let_go.write_all(b"!")?;
    let mut reason = String::new();
    // Ends when QEMU starts, because the other end closes on exec.
    report
        .by_ref()
        .take(MAX_REASON)
        .read_to_string(&mut reason)?;
    if !reason.is_empty() {
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
        return Err(io::Error::other(reason));
    }
    Ok((handle, slot, layers(root)))
}

/// As `fork`, into new namespaces.
fn clone(user_namespace: bool) -> io::Result<i32> {
    let mut flags = libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP
        | libc::SIGCHLD;
    if user_namespace {
        flags |= libc::CLONE_NEWUSER;
    }
    // SAFETY: without a stack of its own and without shared memory the child continues on a copy
    // of this one's, as after `fork`; the jailer has one thread, so no lock is held by another.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if pid < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(i32::try_from(pid).unwrap_or(0))
    }
}

/// Inside its user namespace the child has the ids it has outside, and no others exist.
fn map_ids(pid: Pid) -> io::Result<()> {
    let (uid, gid) = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    let directory = format!("/proc/{pid}");
    fs::write(format!("{directory}/setgroups"), "deny")?;
    fs::write(format!("{directory}/gid_map"), format!("{gid} {gid} 1"))?;
    fs::write(format!("{directory}/uid_map"), format!("{uid} {uid} 1"))
}

fn layers(root: bool) -> Vec<String> {
    let common = [
        "+mount-namespace",
        "+pid-namespace",
        "+net-namespace",
        "+ipc-namespace",
        "+uts-namespace",
        "+cgroup-namespace",
        "+pivot-root",
        "+closed-descriptors",
        "+resource-limits",
        "+no-capabilities",
        "+no-new-privs",
        "+parent-death-signal",
        "-landlock: the jailer does not apply it",
        "-cgroup-limits: the jailer does not apply them",
    ];
    let first = if root {
        "+own-uid"
    } else {
        "-own-uid: the jailer does not run as root"
    };
    let user = if root { None } else { Some("+user-namespace") };
    std::iter::once(first)
        .chain(user)
        .chain(common)
        .map(str::to_owned)
        .collect()
}
