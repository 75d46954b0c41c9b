//! Makes the new process and its namespaces.
#![allow(unsafe_code, reason = "clone by system call")]

use crate::cgroup::Group;
use crate::jail::{self, Layers, Plan};
use crate::omitted::omitted;
use crate::profile::Profile;
use crate::request::Request;
use crate::slot::Slot;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest report of a child, in bytes.
const MAX_REPORT: u64 = 4096;
/// Before the reason for which a child has failed.
const FAILED: char = '!';

/// The programs that are started.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) qemu: PathBuf,
    /// Only where a client may ask for it.
    pub(crate) proxy: Option<PathBuf>,
}

impl Programs {
    fn of(&self, request: &Request) -> io::Result<&Path> {
        if !request.is_proxy() {
            return Ok(&self.qemu);
        }
        let missing = || io::Error::other("this jailer was started without a proxy");
        self.proxy.as_deref().ok_or_else(missing)
    }
}

/// A machine that runs, or a proxy.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) handle: OwnedFd,
    pub(crate) leash: OwnedFd,
    /// The profile's name.
    pub(crate) profile: &'static str,
    pub(crate) layers: Layers,
    /// When it is killed.
    pub(crate) deadline: Instant,
    /// Whether that has happened.
    pub(crate) overdue: bool,
    /// Removed, and free for another, when the machine is gone.
    _group: Option<Group>,
    _slot: Option<Slot>,
}

/// Starts QEMU in a jail. `number` has no other machine of this jailer.
///
/// What the profile's core consists of is made or fails; what a host may lack (a user namespace
/// beside a uid of its own, control groups, Landlock) is reported as missing.
pub(crate) fn spawn(
    programs: &Programs,
    profile: Profile,
    number: u64,
    request: Request,
) -> Result<Machine, (OwnedFd, io::Error)> {
    match start(programs, profile, number, &request) {
        Ok(started) => Ok(Machine {
            handle: started.handle,
            leash: request.leash,
            profile: if started.pod { "pod" } else { "host" },
            layers: started.layers,
            deadline: Instant::now() + Duration::from_secs(request.text.limits.seconds.into()),
            overdue: false,
            _group: started.group,
            _slot: started.slot,
        }),
        Err(error) => Err((request.leash, error)),
    }
}

struct Started {
    handle: OwnedFd,
    pod: bool,
    layers: Layers,
    group: Option<Group>,
    slot: Option<Slot>,
}

fn start(
    programs: &Programs,
    profile: Profile,
    number: u64,
    request: &Request,
) -> io::Result<Started> {
    let is_root = rustix::process::geteuid().is_root();
    if is_root && profile == Profile::Pod {
        let reason = "the profile `pod` is for an ordinary uid, and this is root";
        return Err(io::Error::other(reason));
    }
    let program = programs.of(request)?;
    let own = is_root && !omitted("own-uid");
    let slot = own.then(Slot::take).transpose()?;
    let mut layers = Layers::default();
    let (group, grouped) = match Group::create(number, request.text.limits) {
        Ok(group) => (Some(group), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let (report, low) = io::pipe()?;
    // Out of the way of every number that QEMU's descriptors get.
    let reporter = io::PipeWriter::from(rustix::io::fcntl_dupfd_cloexec(&low, 300)?);
    drop(low);
    let (go, let_go) = io::pipe()?;
    let kvm_group = if request.text.kvm { kvm_group()? } else { None };
    let child = clone(profile, is_root, request.is_proxy(), &mut layers)?;
    let plan = Plan {
        program,
        pod: child.pod,
        own_uid: slot.as_ref().map(|slot| slot.uid),
        user_namespace: child.user_namespace,
        kvm_group,
        limit_memory: group.is_none(),
    };
    if child.pid == 0 {
        drop((let_go, report));
        become_program(&plan, request, go, reporter);
    }
    drop((reporter, go));
    if plan.own_uid.is_some() {
        layers.applied("own-uid");
    } else if !plan.pod {
        layers.missing("own-uid", "the jailer does not run as root");
    }
    layers.record("cgroup-limits", grouped);
    let pid = Pid::from_raw(child.pid).ok_or_else(|| io::Error::other("clone returned no pid"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let prepared = settle(pid, &plan, group.as_ref(), let_go);
    match prepared.and_then(|()| told(report)) {
        Ok(text) => layers.extend_from(&text),
        Err(error) => {
            // It ends by itself: it was not let go, or it has failed.
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            return Err(error);
        }
    }
    Ok(Started {
        handle,
        pod: plan.pod,
        layers,
        group,
        slot,
    })
}

/// The rest of the child's life, as this program.
fn become_program(
    plan: &Plan<'_>,
    request: &Request,
    mut go: io::PipeReader,
    mut reporter: io::PipeWriter,
) -> ! {
    let ready = jail::die_with_parent().and_then(|()| go.read_exact(&mut [0]));
    let reason = match ready {
        Ok(()) => jail::enter(plan, request, &reporter).to_string(),
        Err(error) => error.to_string(),
    };
    let _ = reporter.write_all(format!("{FAILED}{reason}").as_bytes());
    // SAFETY: ends the child without running what belongs to the parent.
    unsafe { libc::_exit(1) }
}

/// What only somebody outside can do for the child, and then its start.
fn settle(
    pid: Pid,
    plan: &Plan<'_>,
    group: Option<&Group>,
    mut let_go: io::PipeWriter,
) -> io::Result<()> {
    if plan.user_namespace {
        map_ids(pid, plan.own_uid, plan.kvm_group)?;
    }
    if let Some(group) = group {
        let pid = pid.as_raw_nonzero().get();
        group.add(pid).map_err(io::Error::other)?;
    }
    let_go.write_all(b"!")
}

/// The layers that the child has put on. Ends when QEMU starts, because the other end closes on
/// exec.
fn told(report: io::PipeReader) -> io::Result<String> {
    let mut text = String::new();
    report.take(MAX_REPORT).read_to_string(&mut text)?;
    match text.split_once(FAILED) {
        Some((_, reason)) => Err(io::Error::other(reason.to_owned())),
        None => Ok(text),
    }
}

/// The group that may open the device; root's own reads far more than that.
fn kvm_group() -> io::Result<Option<u32>> {
    let group = fs::metadata("/dev/kvm")?.gid();
    Ok((group != 0).then_some(group))
}

struct Child {
    /// 0 in the child.
    pid: i32,
    pod: bool,
    user_namespace: bool,
}

/// What a machine has of its own, and the name of each as a layer.
const NAMESPACES: [(i32, &str); 6] = [
    (libc::CLONE_NEWNS, "mount-namespace"),
    (libc::CLONE_NEWPID, "pid-namespace"),
    (libc::CLONE_NEWNET, "net-namespace"),
    (libc::CLONE_NEWIPC, "ipc-namespace"),
    (libc::CLONE_NEWUTS, "uts-namespace"),
    (libc::CLONE_NEWCGROUP, "cgroup-namespace"),
];

/// As `fork`, into new namespaces as profile and kind have them.
fn clone(
    profile: Profile,
    is_root: bool,
    is_proxy: bool,
    layers: &mut Layers,
) -> io::Result<Child> {
    let pod = || {
        Ok(Child {
            pid: fork(0)?,
            pod: true,
            user_namespace: false,
        })
    };
    if profile == Profile::Pod {
        return pod();
    }
    // A proxy is there to reach servers: it alone has the host's network.
    let own = NAMESPACES
        .iter()
        .filter(|(flag, name)| !(is_proxy && *flag == libc::CLONE_NEWNET || omitted(name)));
    let flags = own.clone().fold(0, |flags, (flag, _)| flags | flag);
    let with_users = if omitted("user-namespace") {
        Err(io::Error::other("left out"))
    } else {
        fork(flags | libc::CLONE_NEWUSER)
    };
    let (pid, user_namespace) = match with_users {
        Ok(pid) => (pid, Ok(())),
        Err(error) if is_root => (fork(flags)?, Err(error)),
        Err(_) if profile == Profile::Auto => return pod(),
        Err(error) => return Err(error),
    };
    let child = Child {
        pid,
        pod: false,
        user_namespace: user_namespace.is_ok(),
    };
    layers.record("user-namespace", user_namespace);
    for (_, name) in own {
        layers.applied(name);
    }
    Ok(child)
}

fn fork(flags: i32) -> io::Result<i32> {
    // SAFETY: without a stack of its own and without shared memory the child continues on a copy
    // of this one's, as after `fork`; the jailer has one thread, so no lock is held by another.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    if pid < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(i32::try_from(pid).unwrap_or(0))
    }
}

/// Inside its user namespace the child has the ids it has outside, and no others exist: there is no
/// root in it.
fn map_ids(pid: Pid, uid: Option<u32>, kvm_group: Option<u32>) -> io::Result<()> {
    let directory = format!("/proc/{pid}");
    let map = |id: u32| format!("{id} {id} 1\n");
    if let Some(uid) = uid {
        let groups: String = std::iter::once(uid).chain(kvm_group).map(map).collect();
        fs::write(format!("{directory}/gid_map"), groups)?;
        return fs::write(format!("{directory}/uid_map"), map(uid));
    }
    let (uid, gid) = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    fs::write(format!("{directory}/setgroups"), "deny")?;
    fs::write(format!("{directory}/gid_map"), map(gid))?;
    fs::write(format!("{directory}/uid_map"), map(uid))
}
