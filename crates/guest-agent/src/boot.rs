//! From the kernel's hand-over to open ports.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};
use std::fs;
use std::io;
use std::path::Path;

/// A step of the boot failed.
#[derive(Debug, thiserror::Error)]
#[error("{doing} `{object}`: {source}")]
pub(crate) struct BootError {
    doing: &'static str,
    object: String,
    source: io::Error,
}

impl BootError {
    pub(crate) fn at(
        doing: &'static str,
        object: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let object = object.into();
        move |source| Self {
            doing,
            object,
            source,
        }
    }
}

/// Mounts a file system, making its mount point.
pub(crate) fn mount_at(
    source: &str,
    target: &str,
    kind: &str,
    flags: MountFlags,
    options: &str,
) -> Result<(), BootError> {
    let options = std::ffi::CString::new(options).unwrap_or_default();
    fs::create_dir_all(target)
        .and_then(|()| Ok(mount(source, target, kind, flags, options.as_c_str())?))
        .map_err(BootError::at("mounting", target))
}

/// The kernel's own file systems, in the initramfs.
pub(crate) fn mount_kernel_file_systems() -> Result<(), BootError> {
    mount_at("proc", "/proc", "proc", MountFlags::empty(), "")?;
    mount_at("sysfs", "/sys", "sysfs", MountFlags::empty(), "")?;
    mount_at("devtmpfs", "/dev", "devtmpfs", MountFlags::empty(), "")
}

/// Loads what `/modules/order` lists, in its order.
pub(crate) fn load_modules() -> Result<(), BootError> {
    let list = Path::new("/modules/order");
    let order = fs::read_to_string(list).map_err(BootError::at("reading", "/modules/order"))?;
    for name in order.lines() {
        let path = format!("/modules/{name}");
        let load = || -> io::Result<()> {
            let module = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            match finit_module(&module, c"", 0) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        };
        load().map_err(BootError::at("loading module", name))?;
    }
    Ok(())
}

/// Ends the machine: with `reboot=t` on the command line and QEMU's `-no-reboot`, a restart is the
/// end. Should it fail, ending PID 1 panics the kernel, which ends the machine too.
pub(crate) fn power_off() {
    rustix::fs::sync();
    let _ = reboot(RebootCommand::Restart);
}
