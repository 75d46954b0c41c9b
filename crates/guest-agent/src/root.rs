//! The root that steps see: environment below, scratch above, sources beside.

use crate::boot::{BootError, mount_at};
use crate::devices;
use bessemer_vm_proto as proto;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};
use rustix::mount::{MountFlags, mount_move};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

const NEW_ROOT: &str = "/new-root";
/// Owner of the work tree: the user `build` of every environment.
const BUILD_USER: u32 = 1000;
/// Where steps find the sources that the host fetched.
pub(crate) const CACHE: &str = "/var/cache/melange";
/// Where steps work.
pub(crate) const HOME: &str = "/home/build";

/// Mounts everything and makes it `/`; returns the output disk, if there is one.
///
/// The root is moved over the initramfs rather than entered by chroot, because the kernel refuses
/// user namespaces (which some test suites want) to whoever is in a chroot.
pub(crate) fn assemble(configuration: &proto::Configuration) -> Result<Option<File>, BootError> {
    let output = devices::disk(proto::DISK_OUTPUT)
        .map(|path| {
            let open = fs::OpenOptions::new().write(true).open(&path);
            open.map_err(BootError::at("opening", path.display().to_string()))
        })
        .transpose()?;
    mount_layers()?;
    mount_devices()?;
    let sources = mount_sources()?;
    prepare_home(sources)?;
    host_settings(configuration)?;
    let enter = || -> io::Result<()> {
        std::env::set_current_dir(NEW_ROOT)?;
        mount_move(".", "/")?;
        std::os::unix::fs::chroot(".")?;
        std::env::set_current_dir("/")
    };
    enter().map_err(BootError::at("entering", NEW_ROOT))?;
    Ok(output)
}

fn disk(serial: &'static str) -> Result<String, BootError> {
    let path = devices::required_disk(serial).map_err(BootError::at("looking for", serial))?;
    Ok(path.display().to_string())
}

fn mount_layers() -> Result<(), BootError> {
    let environment = disk(proto::DISK_ENVIRONMENT)?;
    let scratch = disk(proto::DISK_SCRATCH)?;
    mount_at(
        &environment,
        "/environment",
        "erofs",
        MountFlags::RDONLY,
        "",
    )?;
    mount_at(&scratch, "/scratch", "ext4", MountFlags::NOATIME, "")?;
    for name in ["/scratch/upper", "/scratch/work"] {
        fs::create_dir_all(name).map_err(BootError::at("making", name))?;
    }
    // The upper directory becomes `/`: as permissive as a root is.
    fs::set_permissions("/scratch/upper", fs::Permissions::from_mode(0o755))
        .map_err(BootError::at("preparing", "/scratch/upper"))?;
    // `redirect_dir` lets a step rename a directory of the environment; `volatile` skips flushes
    // of what nothing outlives.
    let layers = "lowerdir=/environment,upperdir=/scratch/upper,workdir=/scratch/work,\
                  redirect_dir=on,volatile";
    mount_at("overlay", NEW_ROOT, "overlay", MountFlags::empty(), layers)
}

/// A `/dev` with what programs expect and nothing else; `/proc` and `/sys` as the kernel has them.
fn mount_devices() -> Result<(), BootError> {
    let at = |name: &str| format!("{NEW_ROOT}/{name}");
    let flags = MountFlags::NOSUID;
    mount_at("proc", &at("proc"), "proc", flags | MountFlags::NODEV, "")?;
    mount_at("sysfs", &at("sys"), "sysfs", flags | MountFlags::NODEV, "")?;
    mount_at("tmpfs", &at("dev"), "tmpfs", flags, "mode=0755")?;
    mount_at(
        "devpts",
        &at("dev/pts"),
        "devpts",
        flags,
        "newinstance,ptmxmode=0666,mode=0620",
    )?;
    mount_at(
        "tmpfs",
        &at("dev/shm"),
        "tmpfs",
        flags | MountFlags::NODEV,
        "mode=1777",
    )?;
    let nodes = [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
    ];
    for (name, major, minor) in nodes.into_iter().chain([("urandom", 1, 9), ("tty", 5, 0)]) {
        let path = at(&format!("dev/{name}"));
        let device = rustix::fs::makedev(major, minor);
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, mode, device)
            .and_then(|()| rustix::fs::chmod(&path, mode))
            .map_err(|error| BootError::at("making", path)(error.into()))?;
    }
    link_devices(&at("dev"))?;
    open_tmp(&at("tmp"))
}

/// The links that programs expect in `/dev`.
pub(crate) fn link_devices(dev: &str) -> Result<(), BootError> {
    let links = [
        ("fd", "/proc/self/fd"),
        ("ptmx", "pts/ptmx"),
        ("stdin", "/proc/self/fd/0"),
    ];
    let more = [("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")];
    for (name, target) in links.into_iter().chain(more) {
        symlink(target, format!("{dev}/{name}")).map_err(BootError::at("linking", name))?;
    }
    Ok(())
}

/// Makes `tmp` everybody's, with the sticky bit.
pub(crate) fn open_tmp(tmp: &str) -> Result<(), BootError> {
    fs::create_dir_all(tmp)
        .and_then(|()| fs::set_permissions(tmp, fs::Permissions::from_mode(0o1777)))
        .map_err(BootError::at("preparing", tmp))
}

/// Mounts the sources disk and its cache; whether there is one. Tools keep their own caches beside
/// the sources (`GOMODCACHE` and the like point there), so it can be written; what is written goes
/// to scratch.
fn mount_sources() -> Result<bool, BootError> {
    let Some(disk) = devices::disk(proto::DISK_SOURCES) else {
        return Ok(false);
    };
    let disk = disk.display().to_string();
    mount_at(&disk, "/sources", "erofs", MountFlags::RDONLY, "")?;
    if Path::new("/sources/cache").is_dir() {
        let target = format!("{NEW_ROOT}{CACHE}");
        for name in ["/scratch/cache", "/scratch/cache-work"] {
            fs::create_dir_all(name).map_err(BootError::at("making", name))?;
        }
        let layers = "lowerdir=/sources/cache,upperdir=/scratch/cache,\
                      workdir=/scratch/cache-work,volatile";
        mount_at("overlay", &target, "overlay", MountFlags::empty(), layers)?;
    }
    Ok(true)
}

fn prepare_home(sources: bool) -> Result<(), BootError> {
    let home = format!("{NEW_ROOT}{HOME}");
    let prepare = || -> io::Result<()> {
        fs::create_dir_all(&home)?;
        chown(&home, Some(BUILD_USER), Some(BUILD_USER))?;
        let workspace = Path::new("/sources/workspace");
        if sources && workspace.is_dir() {
            copy_children(workspace, Path::new(&home), BUILD_USER)?;
        }
        Ok(())
    };
    prepare().map_err(BootError::at("filling", HOME))
}

/// Copies what is in `from` into `to`, for `owner`: content, permissions and times.
pub(crate) fn copy_children(from: &Path, to: &Path, owner: u32) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = fs::symlink_metadata(&source)?;
        if metadata.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
            continue;
        }
        if metadata.is_dir() {
            fs::create_dir_all(&target)?;
            copy_children(&source, &target, owner)?;
        } else if metadata.is_file() {
            fs::copy(&source, &target)?;
        } else {
            continue;
        }
        chown(&target, Some(owner), Some(owner))?;
        fs::set_permissions(&target, metadata.permissions())?;
        let modified = Timespec {
            tv_sec: metadata.mtime(),
            tv_nsec: metadata.mtime_nsec(),
        };
        let times = Timestamps {
            last_access: modified,
            last_modification: modified,
        };
        rustix::fs::utimensat(CWD, &target, &times, AtFlags::empty())?;
    }
    Ok(())
}

fn host_settings(configuration: &proto::Configuration) -> Result<(), BootError> {
    if !configuration.hostname.is_empty() {
        rustix::system::sethostname(configuration.hostname.as_bytes())
            .map_err(|error| BootError::at("setting", "hostname")(error.into()))?;
    }
    if let Some(seconds) = configuration.clock {
        let tv_sec = i64::try_from(seconds).unwrap_or(i64::MAX);
        let time = Timespec { tv_sec, tv_nsec: 0 };
        rustix::time::clock_settime(rustix::time::ClockId::Realtime, time)
            .map_err(|error| BootError::at("setting", "clock")(error.into()))?;
    }
    loopback_up().map_err(BootError::at("starting", "lo"))
}

/// `lo` is the only interface a guest has; test suites want it.
#[allow(unsafe_code, reason = "interface flags have no safe wrapper")]
pub(crate) fn loopback_up() -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all-zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    let up = libc::IFF_UP | libc::IFF_RUNNING;
    request.ifr_ifru.ifru_flags = i16::try_from(up).unwrap_or_default();
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_copied_with_modes_links_and_times() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("sub/run.sh"), "x").unwrap();
        fs::set_permissions(from.join("sub/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("sub/run.sh", from.join("link")).unwrap();
        let time = Timespec {
            tv_sec: 12345,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(CWD, from.join("sub/run.sh"), &times, AtFlags::empty()).unwrap();
        if !rustix::process::geteuid().is_root() {
            // Giving files to the build user needs root, which a guest's agent has.
            assert!(copy_children(&from, &to, BUILD_USER).is_err());
            return;
        }
        copy_children(&from, &to, BUILD_USER).unwrap();
        let copied = fs::metadata(to.join("sub/run.sh")).unwrap();
        assert_eq!((copied.mode() & 0o7777, copied.mtime()), (0o755, 12345));
        assert_eq!((copied.uid(), copied.gid()), (BUILD_USER, BUILD_USER));
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("sub/run.sh")
        );
    }
}
