//! The direct runner's side: PID 1 of new namespaces on the host, in place of a machine.
//!
//! The folder it is started in has `root/`, a writable tree that becomes `/`, and perhaps `sources/`.
//! Descriptors 100 and 101 are the ports, 102 is what results are written to. Only one user exists:
//! the one that started it, who is root in here.

use crate::boot::{BootError, mount_at};
use crate::root::{CACHE, HOME, copy_children, link_devices, loopback_up, open_tmp};
use crate::serve::{self, Place};
use bessemer_vm_proto::Configuration;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive,
    mount_change, unmount,
};
use rustix::process::{Pid, WaitOptions, pivot_root, waitpid};
use rustix::thread::UnshareFlags;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::path::Path;
use std::process::ExitCode;

const CONTROL: i32 = 100;
const LOG: i32 = 101;
const OUTPUT: i32 = 102;
const ROOT: &str = "root";
/// Devices of the host that cannot do it any harm.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Goes into the namespaces and serves there; the outer process waits for the inner one.
pub(crate) fn run() -> ExitCode {
    let inner = enter().map_err(|error| error.to_string());
    let ended = inner.and_then(|inner| match inner {
        Some(inner) => wait(inner).map_err(|error| error.to_string()),
        None => serve_inside().map(|()| ExitCode::SUCCESS),
    });
    ended.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "bessemer-agent: {error}");
        ExitCode::FAILURE
    })
}

/// Makes the namespaces; the inner process's id in the outer one, `None` in the inner one.
#[allow(
    unsafe_code,
    reason = "unshare, and fork, which the standard library does not have"
)]
fn enter() -> Result<Option<Pid>, BootError> {
    let (user, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    // SAFETY: nothing of this process is shared with a thread; there is only one.
    let unshared = unsafe { rustix::thread::unshare_unsafe(flags) };
    unshared.map_err(|error| BootError::at("making", "namespaces")(error.into()))?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ];
    for (file, text) in maps {
        let path = format!("/proc/self/{file}");
        fs::write(&path, text).map_err(BootError::at("writing", path))?;
    }
    // SAFETY: there is one thread, so the child may do whatever the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(BootError::at("starting", "PID 1")(
            io::Error::last_os_error(),
        )),
        0 => die_with_parent().map(|()| None),
        child => Ok(Pid::from_raw(child)),
    }
}

/// A host that kills the outer process means the inner one.
fn die_with_parent() -> Result<(), BootError> {
    let bound =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .and_then(|()| rustix::thread::set_no_new_privs(true));
    bound.map_err(|error| BootError::at("binding to", "the parent")(error.into()))
}

fn wait(inner: Pid) -> io::Result<ExitCode> {
    for number in [CONTROL, LOG, OUTPUT] {
        drop(take(number));
    }
    loop {
        match waitpid(Some(inner), WaitOptions::empty()) {
            Ok(Some((_, status))) if status.exit_status() == Some(0) => {
                return Ok(ExitCode::SUCCESS);
            }
            Ok(_) => return Ok(ExitCode::FAILURE),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The descriptor with this number, which the host placed there.
#[allow(unsafe_code, reason = "descriptors by number")]
fn take(number: i32) -> Option<File> {
    // SAFETY: the host places these descriptors for the agent alone, and each is taken once.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    let open = rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC).is_ok();
    if open {
        return Some(descriptor.into());
    }
    std::mem::forget(descriptor);
    None
}

fn serve_inside() -> Result<(), String> {
    let (Some(control), Some(log)) = (take(CONTROL), take(LOG)) else {
        return Err("no ports; the agent is started by bessemer".to_owned());
    };
    serve::serve(Place::Namespace(take(OUTPUT)), control, log).map_err(|error| error.to_string())
}

/// Puts the root together and makes it `/`.
pub(crate) fn assemble(configuration: &Configuration) -> Result<(), BootError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(at("separating", "/"))?;
    mount_bind(ROOT, ROOT).map_err(at("mounting", ROOT))?;
    mount_kernel()?;
    mount_devices()?;
    let sources = Path::new("sources");
    let prepare = || -> io::Result<()> {
        let home = format!("{ROOT}{HOME}");
        fs::create_dir_all(&home)?;
        if sources.join("workspace").is_dir() {
            copy_children(&sources.join("workspace"), Path::new(&home), 0)?;
        }
        if sources.join("cache").is_dir() {
            fs::create_dir_all(format!("{ROOT}{CACHE}"))?;
            mount_bind(sources.join("cache"), format!("{ROOT}{CACHE}"))?;
        }
        Ok(())
    };
    prepare().map_err(BootError::at("filling", HOME))?;
    enter_root()?;
    if !configuration.hostname.is_empty() {
        rustix::system::sethostname(configuration.hostname.as_bytes())
            .map_err(at("setting", "hostname"))?;
    }
    loopback_up().map_err(BootError::at("starting", "lo"))
}

fn at(doing: &'static str, object: &str) -> impl FnOnce(rustix::io::Errno) -> BootError {
    let wrap = BootError::at(doing, object);
    move |error| wrap(error.into())
}

/// `/proc` of the new namespaces, and `/sys` where the host lets a user have it.
fn mount_kernel() -> Result<(), BootError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_at("proc", &format!("{ROOT}/proc"), "proc", flags, "")?;
    // Hidden parts of the host's /sys forbid a new one; few programs miss it.
    let _ = mount_at("sysfs", &format!("{ROOT}/sys"), "sysfs", flags, "");
    Ok(())
}

fn mount_devices() -> Result<(), BootError> {
    let dev = format!("{ROOT}/dev");
    let flags = MountFlags::NOSUID;
    mount_at("tmpfs", &dev, "tmpfs", flags, "mode=0755")?;
    for name in DEVICES {
        let (host, path) = (format!("/dev/{name}"), format!("{dev}/{name}"));
        File::create(&path).map_err(BootError::at("making", path.as_str()))?;
        mount_bind_recursive(&host, &path).map_err(at("mounting", &path))?;
    }
    mount_at(
        "devpts",
        &format!("{dev}/pts"),
        "devpts",
        flags,
        "newinstance,ptmxmode=0666,mode=0620",
    )?;
    mount_at("tmpfs", &format!("{dev}/shm"), "tmpfs", flags, "mode=1777")?;
    link_devices(&dev)?;
    open_tmp(&format!("{ROOT}/tmp"))
}

/// The host's tree is detached: nothing of it can be reached from in here.
fn enter_root() -> Result<(), BootError> {
    let enter = || -> io::Result<()> {
        std::env::set_current_dir(ROOT)?;
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        std::env::set_current_dir("/")
    };
    enter().map_err(BootError::at("entering", ROOT))
}
