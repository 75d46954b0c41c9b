//! A root of the machine's own: programs and libraries of the host read-only, boot files, a few
//! devices, and nothing else.
#![allow(unsafe_code, reason = "mount attributes by system call")]

use super::{JailError, step};
use crate::request::{Kind, Request};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// Where the jail's root is put together; any directory that exists will do, since the mount is
/// seen by this process only.
const STAGE: &str = "/tmp";

/// Where the proxy's program is in its root.
pub(super) const PROXY: &str = "/proxy";
/// What a C library reads to find a server's address.
pub(super) const RESOLVING: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/ld.so.cache",
];
/// The longest of these that is copied.
const MAX_RESOLVING: u64 = 4 << 20;

/// Builds it and makes it this process's root.
pub(super) fn build(program: &Path, request: &Request) -> Result<(), JailError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    step("making mounts private", mount_change("/", private))?;
    let program: Option<OwnedFd> = match request.kind {
        Kind::Proxy { .. } => Some(step("opening the program", File::open(program))?.into()),
        Kind::Machine { .. } => None,
    };
    let content = match &request.kind {
        Kind::Machine { kernel, initramfs } => {
            super::file_size(kernel) + super::file_size(initramfs)
        }
        Kind::Proxy { .. } => {
            program.as_ref().map_or(0, super::file_size) + MAX_RESOLVING * RESOLVING.len() as u64
        }
    };
    let size = content + (1 << 20);
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
    if let Kind::Machine { kernel, initramfs } = &request.kind {
        step("making /boot", fs::create_dir(format!("{STAGE}/boot")))?;
        step("copying the kernel", copy_in(kernel, "boot/kernel", 0o444))?;
        let copied = copy_in(initramfs, "boot/initramfs", 0o444);
        step("copying the initramfs", copied)?;
    }
    if let Some(program) = &program {
        step("copying the program", copy_in(program, &PROXY[1..], 0o555))?;
        step("making /etc", fs::create_dir(format!("{STAGE}/etc")))?;
        for path in RESOLVING {
            step("copying what finds servers", copy_small(path))?;
        }
    }
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
fn copy_in(from: &OwnedFd, name: &str, mode: u32) -> io::Result<()> {
    let path = Path::new(STAGE).join(name);
    let mut to = File::create(&path)?;
    let mut source = File::from(from.try_clone()?);
    io::copy(&mut source, &mut to)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// A file of the host that need not be there.
fn copy_small(path: &str) -> io::Result<()> {
    let Ok(file) = File::open(path) else {
        return Ok(());
    };
    if file.metadata()?.len() > MAX_RESOLVING {
        return Err(io::Error::other(format!("{path} is too long")));
    }
    copy_in(&file.into(), &path[1..], 0o444)
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

/// Whether this process's root cannot be written to, as a restricted pod has it.
pub(super) fn is_read_only() -> io::Result<()> {
    let flags = rustix::fs::statvfs("/")?.f_flag;
    if flags.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Ok(());
    }
    Err(io::Error::other("the root file system can be written to"))
}
