//! What happens in the new process, from its first instruction to QEMU's.
#![allow(unsafe_code, reason = "credentials, mounts and exec by system call")]

use crate::request::Request;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{Resource, Rlimit};
use std::ffi::{CString, c_char};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::ptr;

/// Number of the first inherited descriptor inside QEMU; part of the protocol.
const FIRST_INHERITED: i32 = 100;
/// Descriptors are moved above this number before they are placed.
const STAGING: i32 = 200;
/// Where the jail's root is put together; any directory that exists will do, since the mount is
/// seen by this process only.
const STAGE: &str = "/tmp";

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub(crate) struct JailError {
    step: &'static str,
    source: io::Error,
}

fn step<T>(step: &'static str, result: Result<T, impl Into<io::Error>>) -> Result<T, JailError> {
    result.map_err(|error| JailError {
        step,
        source: error.into(),
    })
}

/// How this jail differs from others.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) qemu: &'a Path,
    /// uid and gid to take; `None` stays what the user namespace maps.
    pub(crate) own_uid: Option<u32>,
}

/// Builds the jail around this process and becomes QEMU; returns only when that fails.
pub(crate) fn enter(plan: &Plan<'_>, request: &Request) -> JailError {
    match prepare(plan, request) {
        Ok(never) => never,
        Err(error) => error,
    }
}

fn prepare(plan: &Plan<'_>, request: &Request) -> Result<JailError, JailError> {
    // The group that may open the device, read while the host's /dev is still in sight.
    let kvm_group = request
        .text
        .kvm
        .then(|| fs::metadata("/dev/kvm").map(|kvm| kvm.gid()));
    let kvm_group = step("looking at /dev/kvm", kvm_group.transpose())?;
    // Root's group reads far more than this device.
    let kvm_group = kvm_group.filter(|group| *group != 0);
    step("leaving the session", rustix::process::setsid())?;
    build_root(request)?;
    step(
        "setting the host name",
        rustix::system::sethostname(b"jail"),
    )?;
    set_limits(plan, request)?;
    let place = place_descriptors(request);
    step("placing descriptors", place)?;
    drop_privilege(plan, kvm_group)?;
    Ok(exec(plan.qemu, request))
}

fn build_root(request: &Request) -> Result<(), JailError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    step("making mounts private", mount_change("/", private))?;
    let size = file_size(&request.kernel) + file_size(&request.initramfs) + (1 << 20);
    let options = CString::new(format!("mode=0755,size={size}")).unwrap_or_default();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    step(
        "mounting the root",
        mount("tmpfs", STAGE, "tmpfs", flags, options.as_c_str()),
    )?;
    for name in ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        step("adding libraries", add_system(name))?;
    }
    step("making /dev", fs::create_dir(format!("{STAGE}/dev")))?;
    let kvm = request.text.kvm.then_some("kvm");
    for name in ["null", "urandom"].into_iter().chain(kvm) {
        step("adding a device", add_device(name))?;
    }
    step("making /boot", fs::create_dir(format!("{STAGE}/boot")))?;
    step("copying the kernel", copy_in(&request.kernel, "kernel"))?;
    step(
        "copying the initramfs",
        copy_in(&request.initramfs, "initramfs"),
    )?;
    step("entering the root", std::env::set_current_dir(STAGE))?;
    step("entering the root", rustix::process::pivot_root(".", "."))?;
    step(
        "leaving the host's root",
        unmount(".", UnmountFlags::DETACH),
    )?;
    step("entering the root", std::env::set_current_dir("/"))?;
    step(
        "making the root read-only",
        set_read_only(Path::new("/"), 0, 0),
    )
}

/// What the host has as `/name`, read-only: a link stays a link.
fn add_system(name: &str) -> io::Result<()> {
    let (from, to) = (Path::new("/").join(name), Path::new(STAGE).join(name));
    let Ok(metadata) = fs::symlink_metadata(&from) else {
        return Ok(());
    };
    if metadata.is_symlink() {
        return symlink(fs::read_link(&from)?, to);
    }
    fs::create_dir(&to)?;
    mount_bind_recursive(&from, &to)?;
    set_read_only(
        &to,
        libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        libc::AT_RECURSIVE,
    )
}

fn add_device(name: &str) -> io::Result<()> {
    let (from, to) = (
        Path::new("/dev").join(name),
        Path::new(STAGE).join("dev").join(name),
    );
    File::create(&to)?;
    Ok(mount_bind_recursive(from, to)?)
}

/// Copies rather than binds: the copy is readable for the jail's uid and cannot change.
fn copy_in(from: &OwnedFd, name: &str) -> io::Result<()> {
    let path = Path::new(STAGE).join("boot").join(name);
    let mut to = File::create(&path)?;
    let mut source = File::from(from.try_clone()?);
    io::copy(&mut source, &mut to)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o444))
}

fn file_size(file: &OwnedFd) -> u64 {
    rustix::fs::fstat(file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

fn set_read_only(path: &Path, more: u64, flags: i32) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all-zero bytes are a valid `mount_attr`.
    let mut attributes: libc::mount_attr = unsafe { std::mem::zeroed() };
    attributes.attr_set = libc::MOUNT_ATTR_RDONLY | more;
    let size = size_of::<libc::mount_attr>();
    // SAFETY: path and attributes live until the call returns, and `size` is the latter's size.
    let result = unsafe {
        let number = libc::SYS_mount_setattr;
        libc::syscall(
            number,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// QEMU may write no file larger than the largest disk it was given, dump no core, and (when its
/// uid is its own) have no more threads than a machine needs.
fn set_limits(plan: &Plan<'_>, request: &Request) -> Result<(), JailError> {
    let largest = request.inherited.iter().map(file_size).max().unwrap_or(0);
    let mut limits = vec![
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Fsize, largest),
    ];
    if plan.own_uid.is_some() {
        limits.push((Resource::Nproc, 256));
    }
    for (resource, value) in limits {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        step(
            "limiting resources",
            rustix::process::setrlimit(resource, limit),
        )?;
    }
    Ok(())
}

/// Standard streams and inherited descriptors get their numbers, everything else closes on exec.
fn place_descriptors(request: &Request) -> io::Result<()> {
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let standard = [(&null, 0), (&request.console, 1), (&request.diagnostics, 2)];
    let inherited = request.inherited.iter().zip(FIRST_INHERITED..);
    let mut staged = Vec::new();
    for (from, target) in standard.into_iter().chain(inherited) {
        staged.push((rustix::io::fcntl_dupfd_cloexec(from, STAGING)?, target));
    }
    // SAFETY: only marks descriptors; nothing is closed before exec.
    if unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) } < 0 {
        return Err(io::Error::last_os_error());
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

fn drop_privilege(plan: &Plan<'_>, kvm_group: Option<u32>) -> Result<(), JailError> {
    let check = |result: libc::c_int| {
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    };
    // SAFETY: all of these are plain system calls on this single-threaded process; the group list
    // is valid for the length given.
    unsafe {
        for capability in 0..64_u64 {
            // Fails for numbers this kernel does not have.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        if let Some(uid) = plan.own_uid {
            let groups: Vec<libc::gid_t> = kvm_group.into_iter().collect();
            step(
                "dropping groups",
                check(libc::setgroups(groups.len(), groups.as_ptr())),
            )?;
            step("taking the gid", check(libc::setresgid(uid, uid, uid)))?;
            step("taking the uid", check(libc::setresuid(uid, uid, uid)))?;
        }
        libc::umask(0o077);
        step(
            "forbidding privileges",
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        )?;
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    // Once more: a change of credentials clears it.
    step("binding to the jailer's life", die_with_parent())
}

/// Has the kernel kill this process when the jailer ends.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: a plain system call with integer arguments.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn exec(qemu: &Path, request: &Request) -> JailError {
    let program = CString::new(qemu.as_os_str().as_bytes()).unwrap_or_default();
    let boot = [c"-kernel", c"/boot/kernel", c"-initrd", c"/boot/initramfs"];
    let arguments: Vec<*const c_char> = std::iter::once(program.as_ptr())
        .chain(
            request
                .text
                .arguments
                .iter()
                .map(|argument| argument.as_ptr()),
        )
        .chain(boot.into_iter().map(std::ffi::CStr::as_ptr))
        .chain([ptr::null()])
        .collect();
    let environment = [ptr::null::<c_char>()];
    // SAFETY: both arrays end with a null pointer, and every string lives until the call returns.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    JailError {
        step: "starting QEMU",
        source: io::Error::last_os_error(),
    }
}
