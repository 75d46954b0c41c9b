//! Runs a program on a terminal, for a person who debugs a failed step.

use crate::step::{Started, Terminal, command, spawn};
use bessemer_vm_proto::Run;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;

/// Starts the program as leader of a session on a new terminal.
#[allow(
    unsafe_code,
    reason = "terminal ioctls, and setsid between fork and exec"
)]
pub(crate) fn start(run: &Run, shared: &BTreeMap<String, String>) -> io::Result<Started> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let host = rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty())?;
    let unlocked: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int, which lives until the call returns.
    if unsafe { libc::ioctl(host.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let peer_flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes open flags by value and returns a new descriptor.
    let peer = unsafe { libc::ioctl(host.as_raw_fd(), libc::TIOCGPTPEER, peer_flags) };
    if peer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else owns it.
    let peer = unsafe { OwnedFd::from_raw_fd(peer) };
    let mut command = command(run, shared)?;
    command
        .stdin(peer.try_clone()?)
        .stdout(peer.try_clone()?)
        .stderr(peer);
    // SAFETY: both are plain system calls, which are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            if libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let input = Some(Terminal::new(host.try_clone()?));
    Ok(Started {
        pid: spawn(&mut command)?,
        output: host,
        input,
    })
}
