//! Who QEMU is, and what it may not do.
#![allow(unsafe_code, reason = "credentials by system call")]

use super::{JailError, Layers, Plan, step};
use crate::omitted::omitted;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use std::io;

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Takes the uid and gid of the plan, with no group but that of `/dev/kvm`. In a user namespace that
/// has no root, capabilities outlive it.
pub(super) fn take_uid(plan: &Plan<'_>) -> Result<(), JailError> {
    let Some(uid) = plan.own_uid else {
        return Ok(());
    };
    let groups: Vec<libc::gid_t> = plan.kvm_group.into_iter().collect();
    // SAFETY: plain system calls on this single-threaded process; the group list is valid for the
    // length given.
    unsafe {
        step(
            "dropping groups",
            check(libc::setgroups(groups.len(), groups.as_ptr())),
        )?;
        step("taking the gid", check(libc::setresgid(uid, uid, uid)))?;
        step("taking the uid", check(libc::setresuid(uid, uid, uid)))
    }
}

/// In this process's user namespace nobody makes another (user_namespaces(7), namespaces(7)): in one
/// of its own, a process has capabilities again.
pub(super) fn forbid_namespaces() -> io::Result<()> {
    std::fs::write("/proc/sys/user/max_user_namespaces", "0")
}

/// Gives up every capability, and the way to any.
pub(super) fn drop_privilege(layers: &mut Layers) -> Result<(), JailError> {
    // SAFETY: plain system calls with integer arguments.
    unsafe {
        let bounds = if omitted("no-capabilities") {
            0
        } else {
            64_u64
        };
        for capability in 0..bounds {
            // Fails for numbers this kernel does not have, and for a uid that has none to give up.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        libc::umask(0o077);
        if !omitted("no-new-privs") {
            let forbidden = check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            step("forbidding privileges", forbidden)?;
        }
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    layers.applied("no-new-privs");
    if omitted("no-capabilities") {
        return Ok(());
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    step("giving up capabilities", set_capabilities(None, none))?;
    layers.applied("no-capabilities");
    Ok(())
}

/// Has the kernel kill this process when the jailer ends.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: a plain system call with integer arguments.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
}
