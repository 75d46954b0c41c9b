//! Taking over a descriptor that a parent process left open.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// Takes over descriptor `number`, which the parent of this process opened for it. Call once for
/// each number, before anything else could own it.
///
/// Fails when the number is a standard stream or is not open.
#[allow(
    unsafe_code,
    reason = "a number from the command line becomes a descriptor"
)]
pub fn inherited_descriptor(number: i32) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: fcntl on any number is harmless; it fails when nothing is open there.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and by this function's contract nobody in this process owns
    // it yet.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    #[test]
    fn refuses_standard_streams_and_closed_numbers() {
        for number in [-1, 0, 2, 1_000_000] {
            assert!(super::inherited_descriptor(number).is_err(), "{number}");
        }
    }
}
