//! The processes beside the control side: the jailer and the signer.

use crate::places::Places;
use crate::privilege::directories;
use crate::programs::companion;
use anyhow::{Context, Result, bail};
use bessemer_attest::documents::JailChoice;
use bessemer_signer::{Client, SignerOptions, SignerProcess};
use bessemer_vm::{Accelerator, JailLauncher, JailProfile, Launcher, Probe, Qemu};
use rustix::fs::{Mode, chmod};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::str::FromStr;

/// The program that runs guests.
pub(crate) const QEMU: &str = "/usr/bin/qemu-system-x86_64";

/// Services that an earlier process of this run started; JSON on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inherited {
    /// The process that must outlive this one.
    pub(crate) parent: i32,
    /// Descriptor of the jailer's socket.
    pub(crate) jailer: i32,
    /// Path of the signer's socket.
    pub(crate) signer: PathBuf,
    /// What root found about KVM; the uid that does the work may not even look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<Probe>,
}

impl fmt::Display for Inherited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Inherited {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// The running services; those started here end when this is dropped.
#[derive(Debug)]
pub(crate) struct Services {
    inherited: Inherited,
    jailer_socket: Option<OwnedFd>,
    children: Vec<Child>,
    signer_process: Option<SignerProcess>,
    socket_directory: Option<PathBuf>,
}

impl Services {
    /// Takes over what the parent started, or starts everything under this user's own uid.
    pub(crate) fn open(inherited: Option<&Inherited>) -> Result<Self> {
        Self::open_with(inherited, None, JailChoice::Auto)
    }

    /// The same; a signer that is started here signs packages with this key, and a jailer makes jails
    /// of this kind.
    pub(crate) fn open_with(
        inherited: Option<&Inherited>,
        apk_key: Option<&Path>,
        jail: JailChoice,
    ) -> Result<Self> {
        match inherited {
            Some(inherited) => {
                crate::privilege::bind_to_parent(inherited)?;
                Ok(Self {
                    inherited: inherited.clone(),
                    jailer_socket: None,
                    children: Vec::new(),
                    signer_process: None,
                    socket_directory: None,
                })
            }
            None => Self::start(&Places::of(false)?, None, apk_key, jail),
        }
    }

    /// Starts jailer and signer. `uids` are the control side's and the signer's, if they differ
    /// from this process's own; `apk_key` stands in for the signer's own key of packages.
    pub(crate) fn start(
        places: &Places,
        uids: Option<(u32, u32)>,
        apk_key: Option<&Path>,
        jail: JailChoice,
    ) -> Result<Self> {
        let mut services = Self {
            inherited: Inherited {
                parent: i32::try_from(std::process::id())?,
                jailer: -1,
                signer: PathBuf::new(),
                probe: None,
            },
            jailer_socket: None,
            children: Vec::new(),
            signer_process: None,
            socket_directory: None,
        };
        match &places.signer_service {
            Some(_) if apk_key.is_some() => {
                bail!(
                    "BESSEMER_SIGNER names a signer with keys of its own; leave --signing-key out"
                )
            }
            Some(socket) => services.inherited.signer.clone_from(socket),
            None => services.start_signer(places, uids, apk_key)?,
        }
        services.start_jailer(jail)?;
        Ok(services)
    }

    fn start_signer(
        &mut self,
        places: &Places,
        uids: Option<(u32, u32)>,
        apk_key: Option<&Path>,
    ) -> Result<()> {
        let own = rustix::process::geteuid().as_raw();
        let (control, signer) = uids.unwrap_or((own, own));
        let directory = places
            .runtime
            .join(format!("signer-{}", std::process::id()));
        prepare(places, &directory, uids.map(|_| signer))?;
        let socket = directory.join("socket");
        self.socket_directory = Some(directory);
        self.inherited.signer.clone_from(&socket);
        self.signer_process = Some(SignerProcess::spawn(&SignerOptions {
            binary: companion("bessemer-signer")?,
            state: places.signer_state.clone(),
            socket,
            allow_uid: control,
            run_as: uids.map(|_| signer),
            apk_key: apk_key.map(Path::to_path_buf),
            provenance_key: None,
            password: std::env::var("COSIGN_PASSWORD").unwrap_or_default(),
        })?);
        Ok(())
    }

    fn start_jailer(&mut self, jail: JailChoice) -> Result<()> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (own, jailers) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let child = Command::new(companion("bessemer-jailer")?)
            .env_clear()
            .args(["serve", "--profile", profile(jail).as_str(), "--qemu", QEMU])
            .arg("--proxy")
            .arg(companion("bessemer-proxy")?)
            .stdin(jailers)
            .spawn()
            .context("cannot start the jailer")?;
        // The control side's end goes on to the processes that do the work.
        rustix::io::fcntl_setfd(&own, rustix::io::FdFlags::empty())?;
        self.children.push(child);
        self.inherited.jailer = own.as_raw_fd();
        self.jailer_socket = Some(own);
        Ok(())
    }

    /// As root, on behalf of the uid that will do the work: finds out what can run guests.
    pub(crate) fn probe(&mut self) {
        self.inherited.probe = Some(Accelerator::probe_for_jail());
    }

    /// What can run guests here.
    pub(crate) fn accelerator(&self) -> Probe {
        let known = self.inherited.probe.clone();
        known.unwrap_or_else(Accelerator::probe)
    }

    /// Starts guests through the jailer; refuses a jail that is not whole, unless whatever there is
    /// will do.
    pub(crate) fn launcher(&self, qemu: Qemu, jail: JailChoice) -> Result<Box<dyn Launcher>> {
        let socket = match &self.jailer_socket {
            Some(socket) => socket.try_clone()?,
            None => inherited_descriptor(self.inherited.jailer)?,
        };
        let launcher = JailLauncher::from_socket(socket, qemu);
        Ok(Box::new(launcher.requiring(profile(jail))))
    }

    /// What a process started from here needs to use the services.
    pub(crate) const fn inherited(&self) -> &Inherited {
        &self.inherited
    }

    /// Talks to the signer.
    pub(crate) fn signer(&self) -> Result<Client> {
        Client::connect(&self.inherited.signer).with_context(|| {
            format!(
                "cannot reach the signer at {}",
                self.inherited.signer.display()
            )
        })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.jailer_socket = None;
        self.signer_process = None;
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
        if let Some(directory) = &self.socket_directory {
            drop(fs_err::remove_dir_all(directory));
        }
    }
}

/// A job's word for a jail, as the jailer has it.
const fn profile(jail: JailChoice) -> JailProfile {
    match jail {
        JailChoice::Auto => JailProfile::Auto,
        JailChoice::Host => JailProfile::Host,
        JailChoice::Pod => JailProfile::Pod,
    }
}

/// Takes over a descriptor that the parent left open for this process.
fn inherited_descriptor(number: i32) -> Result<OwnedFd> {
    bessemer_vm::inherited_descriptor(number)
        .with_context(|| format!("descriptor {number} was not passed on"))
}

/// Removes the sockets' directories of processes that were killed; each is named after its process.
/// One of this process's number is of an earlier process.
fn clear_ended(runtime: &Path) {
    // Nothing depends on it: what cannot be listed or removed is tried again by the next run.
    let Ok(entries) = fs_err::read_dir(runtime) else {
        return;
    };
    let own = std::process::id().to_string();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("signer-"));
        if let Some(pid) = pid.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
            && (pid == own || !Path::new("/proc").join(pid).exists())
        {
            drop(fs_err::remove_dir_all(entry.path()));
        }
    }
}

/// Makes the directory of the signer's socket, and the signer's state directory. `signer` is its
/// uid if that is not this process's own.
fn prepare(places: &Places, sockets: &Path, signer: Option<u32>) -> Result<()> {
    let cannot = |path: &Path| format!("cannot prepare {}", path.display());
    let Some(signer) = signer else {
        clear_ended(&places.runtime);
        for (path, mode) in [(sockets, 0o711), (&places.signer_state, 0o700)] {
            fs_err::create_dir_all(path)?;
            chmod(path, Mode::from_raw_mode(mode))?;
        }
        return Ok(());
    };
    directories::keep(&places.runtime, signer).with_context(|| cannot(&places.runtime))?;
    clear_ended(&places.runtime);
    directories::fresh(sockets, signer, directories::SEARCHABLE)
        .with_context(|| cannot(sockets))?;
    directories::private(&places.signer_state, signer, Mode::RWXU)
        .with_context(|| cannot(&places.signer_state))
}
