//! Descriptors that QEMU finds, and none that it does not.
#![allow(unsafe_code, reason = "descriptors by number")]

use crate::omitted::omitted;
use crate::request::{Kind, Request};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

/// Number of the first inherited descriptor inside QEMU; part of the protocol.
const FIRST_INHERITED: i32 = 100;
/// Descriptors are moved above this number before they are placed.
const STAGING: i32 = 200;

/// Standard streams and inherited descriptors get their numbers, everything else closes on exec.
pub(super) fn place(request: &Request, boot: &[&OwnedFd]) -> io::Result<()> {
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let input = match &request.kind {
        Kind::Proxy { control } => control,
        Kind::Machine { .. } => &null,
    };
    let standard = [(input, 0), (&request.console, 1), (&request.diagnostics, 2)];
    let inherited = request.inherited.iter().chain(boot.iter().copied());
    let inherited = inherited.zip(FIRST_INHERITED..);
    let mut staged = Vec::new();
    for (from, target) in standard.into_iter().chain(inherited) {
        staged.push((rustix::io::fcntl_dupfd_cloexec(from, STAGING)?, target));
    }
    if !omitted("closed-descriptors") {
        close_on_exec()?;
    }
    for (from, target) in &staged {
        // SAFETY: a plain system call; whatever had the target's number is not used again, since
        // this process only execs from here (the descriptor that reports errors is above STAGING).
        if unsafe { libc::dup2(from.as_fd().as_raw_fd(), *target) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Marks whatever else is open.
fn close_on_exec() -> io::Result<()> {
    // SAFETY: only marks descriptors; nothing is closed before exec.
    if unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The path at which QEMU, in a jail without a root of its own, finds the descriptor after
/// `before` inherited ones.
pub(super) fn path_of(before: usize) -> String {
    format!("/proc/self/fd/{}", FIRST_INHERITED as usize + before)
}
