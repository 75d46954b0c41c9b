//! Whether this host can run guests in hardware.
//!
//! That `/dev/kvm` opens proves nothing: some hosts interpret every guest instruction. Only a guest
//! that executes a million instructions within a deadline is believed.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant};

/// How long the probe guest may take. Hardware needs about 1 ms, an interpreting KVM about 900 ms.
pub const PROBE_DEADLINE: Duration = Duration::from_millis(100);

/// How guest instructions are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// By the processor, through KVM.
    Kvm,
    /// By QEMU's translator. QEMU does not promise isolation then: the jail is the boundary.
    Tcg,
    /// By the host's own kernel: no machine at all, only namespaces. Never the finding of a probe.
    Direct,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Direct => "direct",
        })
    }
}

/// What [`Accelerator::probe`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What to use.
    pub accelerator: Accelerator,
    /// Why, for a person.
    pub reason: String,
}

impl Accelerator {
    /// Runs the probe guest; takes at most [`PROBE_DEADLINE`] and a few milliseconds.
    pub fn probe() -> Probe {
        match guest::run_in_child() {
            Ok(child) => judge(&child),
            Err(error) => tcg(format!("the KVM probe could not start: {error}")),
        }
    }
}

impl Accelerator {
    /// Probes as root, on behalf of a guest that will run under a uid of its own: what root may
    /// open counts only if the jail can hand it on, which it does through the device's group.
    pub fn probe_for_jail() -> Probe {
        use std::os::unix::fs::MetadataExt as _;
        match std::fs::metadata("/dev/kvm") {
            Ok(device) if !reachable(device.mode(), device.gid()) => tcg(
                "only root may open /dev/kvm; give it to a group (`kvm`) with read and write"
                    .to_owned(),
            ),
            _ => Self::probe(),
        }
    }
}

/// Whether a device with this mode and group can be opened by an ordinary uid in that group. Root's
/// own group is never given to a jail.
pub(crate) const fn reachable(mode: u32, group: u32) -> bool {
    mode & 0o006 == 0o006 || (group != 0 && mode & 0o060 == 0o060)
}

fn tcg(reason: String) -> Probe {
    Probe {
        accelerator: Accelerator::Tcg,
        reason,
    }
}

fn judge(child: &guest::ProbeChild) -> Probe {
    let started = Instant::now();
    let Some(status) = child.wait(PROBE_DEADLINE) else {
        let limit = PROBE_DEADLINE.as_millis();
        return tcg(format!(
            "/dev/kvm opens, but a guest did not finish a million instructions in {limit} ms"
        ));
    };
    match status {
        0 => Probe {
            accelerator: Accelerator::Kvm,
            reason: format!(
                "a million instructions took {} ms",
                started.elapsed().as_millis()
            ),
        },
        guest::NO_DEVICE => tcg("/dev/kvm cannot be opened".to_owned()),
        _ => tcg("KVM refused the probe guest".to_owned()),
    }
}

/// Frequency of the time stamp counter in kHz, measured against the monotonic clock for 20 ms.
///
/// An emulated guest reads the host's counter, and some kernels cannot calibrate it themselves.
pub(crate) fn tsc_khz() -> u64 {
    let (from, ticks_from) = (Instant::now(), ticks());
    std::thread::sleep(Duration::from_millis(20));
    let (elapsed, ticks_to) = (from.elapsed(), ticks());
    let per_second = u128::from(ticks_to.wrapping_sub(ticks_from)) * 1_000_000;
    u64::try_from(per_second / elapsed.as_nanos().max(1)).unwrap_or(u64::MAX)
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "reading the time stamp counter")]
fn ticks() -> u64 {
    // SAFETY: RDTSC reads a counter and has no other effect; every x86-64 processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

mod guest {
    //! The probe guest, in a forked child so that a guest that crawls can be killed.
    #![allow(unsafe_code, reason = "fork, mmap and KVM's ioctls")]

    use super::Duration;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
    };
    use std::ffi::c_void;
    use std::io;
    use std::os::fd::{AsFd as _, OwnedFd};
    use std::ptr;

    pub(super) const NO_DEVICE: i32 = 2;
    const REFUSED: i32 = 3;
    const OTHER_EXIT: i32 = 4;

    const KVM_CREATE_VM: u64 = 0xAE01;
    const KVM_GET_VCPU_MMAP_SIZE: u64 = 0xAE04;
    const KVM_CREATE_VCPU: u64 = 0xAE41;
    const KVM_RUN: u64 = 0xAE80;
    const KVM_SET_USER_MEMORY_REGION: u64 = 0x4020_AE46;
    const KVM_GET_SREGS: u64 = 0x8138_AE83;
    const KVM_SET_SREGS: u64 = 0x4138_AE84;
    const KVM_SET_REGS: u64 = 0x4090_AE82;
    const KVM_EXIT_IO: u32 = 2;

    const MEMORY: usize = 64 * 1024;
    const ENTRY: usize = 0x1000;
    /// Real mode: `mov ecx, 1000000; l: dec ecx; jnz l; mov al, 'x'; out 0xf1, al`.
    const CODE: [u8; 14] = [
        0x66, 0xb9, 0x40, 0x42, 0x0f, 0x00, 0x66, 0x49, 0x75, 0xfc, 0xb0, 0x78, 0xe6, 0xf1,
    ];

    #[derive(Debug)]
    pub(super) struct ProbeChild {
        handle: OwnedFd,
    }

    /// Forks; the child makes system calls only and ends with one of the constants above.
    pub(super) fn run_in_child() -> io::Result<ProbeChild> {
        // SAFETY: the child calls nothing but async-signal-safe system calls, then `_exit`.
        let pid = unsafe { libc::fork() };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        if pid == 0 {
            // SAFETY: as above; `_exit` does not return and runs no handlers.
            unsafe { libc::_exit(probe()) }
        }
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("fork returned no pid"))?;
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(ProbeChild { handle })
    }

    impl ProbeChild {
        /// The child's exit status, or `None` when `limit` is over.
        pub(super) fn wait(&self, limit: Duration) -> Option<i32> {
            let timeout = Timespec::try_from(limit).ok()?;
            let mut fds = [PollFd::new(&self.handle, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&timeout)).unwrap_or(0);
            if ready == 0 {
                return None;
            }
            let id = WaitId::PidFd(self.handle.as_fd());
            let status = waitid(id, WaitIdOptions::EXITED).ok().flatten()?;
            Some(status.exit_status().unwrap_or(REFUSED))
        }
    }

    impl Drop for ProbeChild {
        fn drop(&mut self) {
            // Both fail only when the child has been waited for already.
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            let _ = waitid(WaitId::PidFd(self.handle.as_fd()), WaitIdOptions::EXITED);
        }
    }

    fn map(fd: i32, size: usize, flags: i32) -> Option<*mut u8> {
        // SAFETY: asks the kernel for a new mapping; touches no existing one.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                fd,
                0,
            )
        };
        (address != libc::MAP_FAILED).then_some(address.cast())
    }

    fn ioctl(fd: i32, request: u64, argument: *mut c_void) -> Option<i32> {
        // SAFETY: each caller passes the argument that its request is defined with.
        let result = unsafe { libc::ioctl(fd, request, argument) };
        (result >= 0).then_some(result)
    }

    fn probe() -> i32 {
        // SAFETY: the path is a NUL-terminated constant.
        let kvm = unsafe { libc::open(c"/dev/kvm".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if kvm < 0 {
            return NO_DEVICE;
        }
        match run(kvm) {
            Some(KVM_EXIT_IO) => 0,
            Some(_) => OTHER_EXIT,
            None => REFUSED,
        }
    }

    /// Exit reason of the guest, or `None` when KVM refused a request.
    fn run(kvm: i32) -> Option<u32> {
        let vm = ioctl(kvm, KVM_CREATE_VM, ptr::null_mut())?;
        let memory = map(-1, MEMORY, libc::MAP_SHARED | libc::MAP_ANONYMOUS)?;
        // SAFETY: `memory` is MEMORY bytes long, which is more than ENTRY + CODE.
        unsafe { ptr::copy_nonoverlapping(CODE.as_ptr(), memory.add(ENTRY), CODE.len()) };
        // struct kvm_userspace_memory_region: slot and flags (u32 each), guest address, size, host.
        let mut region = [0_u64, 0, MEMORY as u64, memory as u64];
        ioctl(vm, KVM_SET_USER_MEMORY_REGION, region.as_mut_ptr().cast())?;
        let vcpu = ioctl(vm, KVM_CREATE_VCPU, ptr::null_mut())?;
        let size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, ptr::null_mut())?;
        let state = map(vcpu, usize::try_from(size).ok()?, libc::MAP_SHARED)?;
        // struct kvm_sregs, 312 bytes: cs.base at 0, cs.selector at 12.
        let mut sregs = [0_u64; 39];
        ioctl(vcpu, KVM_GET_SREGS, sregs.as_mut_ptr().cast())?;
        sregs[0] = 0;
        sregs[1] &= !(0xffff_u64 << 32);
        ioctl(vcpu, KVM_SET_SREGS, sregs.as_mut_ptr().cast())?;
        // struct kvm_regs: rip is the 17th, rflags the 18th.
        let mut regs = [0_u64; 18];
        regs[16] = ENTRY as u64;
        regs[17] = 2;
        ioctl(vcpu, KVM_SET_REGS, regs.as_mut_ptr().cast())?;
        ioctl(vcpu, KVM_RUN, ptr::null_mut())?;
        let mut reason = [0; 4];
        // SAFETY: `state` maps struct kvm_run, whose exit_reason is a u32 at offset 8.
        unsafe { ptr::copy_nonoverlapping(state.add(8), reason.as_mut_ptr(), reason.len()) };
        Some(u32::from_ne_bytes(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_always_answers_and_leaves_no_child() {
        let probe = Accelerator::probe();
        assert!(!probe.reason.is_empty());
        let again = Accelerator::probe();
        assert_eq!(probe.accelerator, again.accelerator);
    }

    #[test]
    fn a_device_of_roots_own_group_is_not_handed_on() {
        assert!(super::reachable(0o20660, 104), "the usual: root:kvm");
        assert!(super::reachable(0o20666, 0), "open to all");
        assert!(!super::reachable(0o20600, 104), "root alone");
        assert!(!super::reachable(0o20660, 0), "root's group");
        assert!(!super::reachable(0o20640, 104), "read alone is not enough");
    }

    #[test]
    fn the_counter_runs_at_a_plausible_rate() {
        let khz = tsc_khz();
        assert!((100_000..20_000_000).contains(&khz), "{khz}");
    }
}
