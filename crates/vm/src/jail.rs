//! Starting QEMU through the jailer, a program of its own; its wire format is described there
//! (`crates/jailer/src/request.rs`).

use crate::launcher::{LaunchRequest, Launched, Launcher, ProcessLimits, ProxyRequest};
use crate::process::{ProcessEnd, VmProcess};
use crate::tail::printable;
use crate::{JailReport, LauncherError, Qemu};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, send, sendmsg, socketpair,
};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MAGIC: &[u8; 8] = b"BSMRJL03";
/// A machine, among the kinds of launches.
const MACHINE: u32 = 0;
/// A proxy.
const PROXY: u32 = 1;
/// Most descriptors of one request, by the jailer's rule.
const MAX_DESCRIPTORS: usize = 32;
/// Longest answer of the jailer, in bytes.
const MAX_ANSWER: usize = 8 * 1024;
/// How long the jailer may take to build a jail.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The kinds of jail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JailProfile {
    /// `host` where namespaces can be made, else `pod`.
    #[default]
    Auto,
    /// Namespaces, a root and (under root) a uid of its own for each machine.
    Host,
    /// What an ordinary uid can do in a restricted Kubernetes pod. Machines share that uid.
    Pod,
}

impl JailProfile {
    /// As the jailer's command line has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Pod => "pod",
        }
    }
}

/// Starts each QEMU in a jail, through one jailer. Dropping it kills them all.
#[derive(Debug)]
pub struct JailLauncher {
    qemu: Qemu,
    socket: Option<OwnedFd>,
    /// The jailer, when it is a child of this process.
    child: Option<Child>,
    /// The profile that every jail must have, whole; `Auto` takes any.
    required: JailProfile,
}

impl JailLauncher {
    /// Starts the jailer at `jailer` with this process' privileges: as root it gives every machine
    /// a uid of its own, otherwise what `profile` allows.
    pub fn start(jailer: &Path, qemu: Qemu, profile: JailProfile) -> Result<Self, LauncherError> {
        Self::start_with(jailer, qemu, profile, None)
    }

    /// The same, for guests that have a network: `proxy` is the program.
    pub fn start_with(
        jailer: &Path,
        qemu: Qemu,
        profile: JailProfile,
        proxy: Option<&Path>,
    ) -> Result<Self, LauncherError> {
        let error = |source| LauncherError::Start {
            program: jailer.to_owned(),
            source,
        };
        let (ours, theirs) = packet_pair().map_err(error)?;
        let mut command = Command::new(jailer);
        command
            .env_clear()
            .args(["serve", "--profile", profile.as_str(), "--qemu"])
            .arg(&qemu.path);
        if let Some(proxy) = proxy {
            command.arg("--proxy").arg(proxy);
        }
        let child = command
            .stdin(theirs)
            .stdout(Stdio::null())
            .spawn()
            .map_err(error)?;
        Ok(Self {
            qemu,
            socket: Some(ours),
            child: Some(child),
            required: JailProfile::Auto,
        })
    }

    /// Uses a jailer that somebody with more privilege started with the other end of `socket`
    /// (`SOCK_SEQPACKET`) as its standard input, and with this QEMU.
    pub fn from_socket(socket: OwnedFd, qemu: Qemu) -> Self {
        Self {
            qemu,
            socket: Some(socket),
            child: None,
            required: JailProfile::Auto,
        }
    }

    /// Unless `profile` is `Auto`: refuses a machine whose jail is of another profile or lacks one of
    /// its layers. QEMU has
    /// started then, and is killed before it has a disk or a word from this side.
    #[must_use]
    pub fn requiring(mut self, profile: JailProfile) -> Self {
        self.required = profile;
        self
    }
}

impl Launcher for JailLauncher {
    fn qemu(&self) -> &Qemu {
        &self.qemu
    }

    fn launch(&self, request: LaunchRequest) -> Result<Launched, LauncherError> {
        let bytes = encode(MACHINE, request.kvm, request.limits, &request.arguments);
        let mut descriptors = vec![
            request.kernel,
            request.initramfs,
            request.console,
            request.diagnostics,
        ];
        descriptors.extend(request.inherited);
        let mut launched = self.start_jailed(&bytes, descriptors)?;
        // What QEMU is told to put on by itself.
        launched.jail.applied.push("qemu-sandbox".into());
        Ok(launched)
    }

    fn launch_proxy(&self, request: ProxyRequest) -> Result<Launched, LauncherError> {
        let bytes = encode(PROXY, false, request.limits, &[]);
        let descriptors = vec![request.control, request.bodies, request.diagnostics];
        self.start_jailed(&bytes, descriptors)
    }
}

impl JailLauncher {
    /// Sends a request; `descriptors` are those after the leash.
    fn start_jailed(
        &self,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Result<Launched, LauncherError> {
        let (leash, theirs) = packet_pair().map_err(LauncherError::Jailer)?;
        let gone = || LauncherError::Jailer(io::ErrorKind::NotConnected.into());
        let socket = self.socket.as_ref().ok_or_else(gone)?;
        send_request(socket, bytes, &theirs, &descriptors).map_err(LauncherError::Jailer)?;
        drop(theirs);
        // Our copies of the program's ends must go, or its end would not be seen.
        drop(descriptors);
        let answer = receive(&leash, ANSWER_LIMIT).map_err(LauncherError::Jailer)?;
        let answer = answer.ok_or_else(|| LauncherError::Jailer(io::ErrorKind::TimedOut.into()))?;
        if let Some(reason) = answer.strip_prefix("failed\n") {
            return Err(LauncherError::Refused(printable(reason)));
        }
        let started = answer.strip_prefix("started ").ok_or_else(gone)?;
        let jail = report(started);
        check(self.required, &jail)?;
        Ok(Launched {
            process: Box::new(JailedProcess { leash, end: None }),
            jail,
        })
    }
}

impl Drop for JailLauncher {
    fn drop(&mut self) {
        drop(self.socket.take());
        if let Some(child) = &mut self.child {
            // The kernel kills the machines with it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn check(required: JailProfile, jail: &JailReport) -> Result<(), LauncherError> {
    let whole = jail.profile == required.as_str() && jail.missing.is_empty();
    if whole || required == JailProfile::Auto {
        return Ok(());
    }
    Err(LauncherError::Weak {
        required: required.as_str(),
        found: jail.profile.clone(),
        missing: jail.missing.clone(),
    })
}

/// What the jailer applied.
fn report(started: &str) -> JailReport {
    let mut lines = started.lines();
    let mut jail = JailReport {
        profile: printable(lines.next().unwrap_or_default()),
        ..JailReport::default()
    };
    for line in lines {
        match line.split_at_checked(1) {
            Some(("+", name)) => jail.applied.push(printable(name)),
            Some(("-", name)) => jail.missing.push(printable(name)),
            _ => {}
        }
    }
    jail
}

fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    Ok(socketpair(AddressFamily::UNIX, kind, flags, None)?)
}

fn encode(kind: u32, kvm: bool, limits: ProcessLimits, arguments: &[String]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(number(usize::from(kvm)));
    for limit in [
        limits.memory_mib,
        limits.tasks,
        limits.cpu_percent,
        limits.seconds,
    ] {
        bytes.extend(limit.to_le_bytes());
    }
    bytes.extend(number(arguments.len()));
    for argument in arguments {
        bytes.extend(number(argument.len()));
        bytes.extend(argument.as_bytes());
    }
    bytes
}

fn send_request(
    socket: &OwnedFd,
    bytes: &[u8],
    leash: &OwnedFd,
    descriptors: &[OwnedFd],
) -> io::Result<()> {
    let all = std::iter::once(leash).chain(descriptors);
    let descriptors: Vec<BorrowedFd<'_>> = all.map(|fd| fd.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("too many descriptors"));
    }
    sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// The jailer's next packet, `None` when `limit` is over, an error when it has gone.
fn receive(leash: &OwnedFd, limit: Duration) -> io::Result<Option<String>> {
    let timeout = Timespec::try_from(limit).map_err(io::Error::other)?;
    let mut fds = [PollFd::new(leash, PollFlags::IN)];
    if poll(&mut fds, Some(&timeout))? == 0 {
        return Ok(None);
    }
    let mut buffer = vec![0; MAX_ANSWER];
    let (length, _) = recv(leash, buffer.as_mut_slice(), RecvFlags::empty())?;
    if length == 0 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    buffer.truncate(length);
    Ok(Some(String::from_utf8_lossy(&buffer).into_owned()))
}

/// A QEMU in a jail, held by its leash.
#[derive(Debug)]
struct JailedProcess {
    leash: OwnedFd,
    end: Option<ProcessEnd>,
}

impl VmProcess for JailedProcess {
    fn kill(&mut self) {
        // Fails only when the jailer has gone, and the machine with it.
        let _ = send(&self.leash, b"kill", SendFlags::NOSIGNAL);
    }

    fn wait(&mut self, limit: Duration) -> Option<ProcessEnd> {
        if self.end.is_none() {
            self.end = match receive(&self.leash, limit) {
                Ok(Some(text)) => Some(parse_end(&text)),
                Ok(None) => None,
                Err(_) => Some(ProcessEnd::Unknown),
            };
        }
        self.end
    }
}

fn parse_end(text: &str) -> ProcessEnd {
    let number = |kind: &str| {
        text.strip_prefix(kind)
            .and_then(|number| number.parse().ok())
    };
    if let Some(status) = number("ended exited ") {
        return ProcessEnd::Exited(status);
    }
    if number("ended limit ").is_some() {
        return ProcessEnd::Overdue;
    }
    number("ended signaled ").map_or(ProcessEnd::Unknown, ProcessEnd::Signaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jailers_answers_are_read() {
        assert_eq!(parse_end("ended exited 1"), ProcessEnd::Exited(1));
        assert_eq!(parse_end("ended signaled 9"), ProcessEnd::Signaled(9));
        assert_eq!(parse_end("ended limit 9"), ProcessEnd::Overdue);
        assert_eq!(parse_end("ended"), ProcessEnd::Unknown);
        let jail = report("host\n+own-uid\n-landlock: not applied\n");
        assert_eq!(jail.profile, "host");
        assert_eq!(jail.applied, ["own-uid"]);
        assert_eq!(jail.missing, ["landlock: not applied"]);
    }
}
