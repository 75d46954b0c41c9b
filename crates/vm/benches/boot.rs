//! From the start of QEMU to an agent that is ready, against a floor; `cargo xtask bench vm` runs it.
//!
//! The floor is the same QEMU under the same launcher and jail, with the same machine, processor,
//! memory, disks, ports and kernel command line, and the same kernel image. Only the initramfs
//! differs: it is written by the same code, but holds no modules, and its init is `floor.S`, which
//! writes one byte to the serial console and does nothing else. It is a floor because no init can
//! speak earlier than with its first instruction, and the console is the one device a kernel
//! without modules has. The agent's side pays for everything else: a larger initramfs, the
//! modules, finding the devices, and its answer on the control port.
//!
//! Beside them the agent boots with another kernel, `--other`: a distribution's.
//!
//! All are timed by the same clock from the call of the launcher; each round boots one of each, so
//! that a change of the machine's load meets all alike.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

use bessemer_vm::{
    Accelerator, Bundle, Configuration, DirectLauncher, Disks, JailLauncher, JailProfile,
    KernelDescriptor, LaunchError, LaunchRequest, Launched, Launcher, LauncherError, Machine, Qemu,
    create_output, create_scratch,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{PipeReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// What `floor.S` writes.
const READY: u8 = 6;
/// How long the floor's guest may take; a boot takes a few seconds.
const FLOOR_LIMIT: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error>;

/// What xtask says: where the parts are, and how often.
#[derive(Debug)]
struct Settings {
    boot: PathBuf,
    /// The boot directory to compare with.
    other: PathBuf,
    agent: PathBuf,
    /// Without one, QEMU is started as a plain child.
    jailer: Option<PathBuf>,
    rounds: usize,
}

/// Seconds from start to ready, one of each a round.
#[derive(Debug, Default)]
struct Times {
    agent: Vec<f64>,
    other: Vec<f64>,
    floor: Vec<f64>,
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let settings = settings()?;
    let directory = tempfile::tempdir()?;
    let accelerator = Accelerator::probe();
    let disks = disks(directory.path())?;
    let machine = |name, bundle| Machine::new(name, bundle, accelerator.accelerator, disks.clone());
    let agent = machine("agent", Bundle::load(&settings.boot, &settings.agent)?);
    let other = machine("other", Bundle::load(&settings.other, &settings.agent)?);
    let floor = machine("floor", floor_bundle(&settings.boot, directory.path())?);
    let qemu = Qemu::measure(Path::new("/usr/bin/qemu-system-x86_64"))?;
    let launcher: Box<dyn Launcher> = match &settings.jailer {
        Some(jailer) => Box::new(JailLauncher::start(jailer, qemu, JailProfile::Auto)?),
        None => Box::new(DirectLauncher::new(qemu)),
    };
    let mut times = Times::default();
    // The first round brings kernels and programs into the page cache and is not counted.
    for round in 0..=settings.rounds {
        let (lower, upper, slow) = (
            boot_floor(&floor, &*launcher)?,
            boot_agent(&agent, &*launcher)?,
            boot_agent(&other, &*launcher)?,
        );
        if round > 0 {
            eprintln!("round {round}: floor {lower:.3} s, agent {upper:.3} s, other {slow:.3} s");
            times.floor.push(lower);
            times.agent.push(upper);
            times.other.push(slow);
        }
    }
    let result = serde_json::json!({
        "accelerator": accelerator.accelerator,
        "kernel": agent.bundle.descriptor().map(|kernel| &kernel.release),
        "qemu": launcher.qemu().version,
        "vcpus": agent.vcpus,
        "memory_mib": agent.memory_mib,
        "jail": settings.jailer.is_some(),
        "floor_seconds": times.floor,
        "agent_seconds": times.agent,
        "other_kernel": other.bundle.descriptor().map(|kernel| &kernel.release),
        "other_seconds": times.other,
    });
    println!("{result}");
    Ok(())
}

/// The arguments, as `--name value` pairs; cargo adds `--bench`, which has no value.
fn settings() -> Result<Settings, Failure> {
    let mut values = BTreeMap::new();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        values.insert(name, value);
    }
    let mut take = |name: &str| values.remove(name);
    let boot = take("--boot").ok_or("--boot is missing; run cargo xtask bench vm")?;
    let agent = take("--agent").ok_or("--agent is missing")?;
    Ok(Settings {
        boot: boot.into(),
        other: take("--other").ok_or("--other is missing")?.into(),
        agent: agent.into(),
        jailer: take("--jailer").map(PathBuf::from),
        rounds: take("--rounds").map_or(Ok(10), |text| text.parse())?,
    })
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{command:?}: {message}").into())
}

/// The four disks every build guest has; the environment is empty, since nothing is run in it.
fn disks(directory: &Path) -> Result<Disks, Failure> {
    let at = |name: &str| directory.join(name);
    std::fs::create_dir(at("empty"))?;
    for name in ["environment.erofs", "sources.erofs"] {
        run(Command::new("mkfs.erofs")
            .args(["-T", "0"])
            .arg(at(name))
            .arg(at("empty")))?;
    }
    create_output(&at("output.img"), 1 << 30)?;
    Ok(Disks {
        environment: at("environment.erofs"),
        sources: Some(at("sources.erofs")),
        scratch: at("scratch.img"),
        output: Some(at("output.img")),
    })
}

/// The boot directory at `boot` without its modules, and the do-nothing init.
fn floor_bundle(boot: &Path, directory: &Path) -> Result<Bundle, Failure> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor.S");
    let init = directory.join("floor");
    let flags = [
        "-static",
        "-nostdlib",
        "-no-pie",
        "-Wl,--build-id=none",
        "-o",
    ];
    run(Command::new("gcc").args(flags).arg(&init).arg(source))?;
    let mut kernel: KernelDescriptor =
        serde_json::from_slice(&std::fs::read(boot.join("kernel.json"))?)?;
    let image = directory.join("image");
    std::fs::copy(boot.join(&kernel.image), image)?;
    "image".clone_into(&mut kernel.image);
    kernel.modules.clear();
    std::fs::write(directory.join("kernel.json"), serde_json::to_vec(&kernel)?)?;
    Ok(Bundle::load(directory, &init)?)
}

/// A guest leaves marks on its scratch disk by which the next one would refuse it.
fn fresh_scratch(machine: &Machine) -> Result<(), Failure> {
    let path = &machine.disks.scratch;
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(create_scratch(path, 1 << 30)?)
}

fn boot_agent(machine: &Machine, launcher: &dyn Launcher) -> Result<f64, Failure> {
    fresh_scratch(machine)?;
    let configuration = Configuration {
        environment: BTreeMap::default(),
        hostname: String::new(),
        clock: None,
        network: None,
    };
    let session = machine.launch(launcher, &configuration)?;
    let milliseconds = session.observed().boot_milliseconds;
    session.power_off()?;
    Ok(Duration::from_millis(milliseconds).as_secs_f64())
}

fn boot_floor(machine: &Machine, launcher: &dyn Launcher) -> Result<f64, Failure> {
    fresh_scratch(machine)?;
    let ears = Listening {
        inner: launcher,
        heard: Cell::new(None),
    };
    let configuration = Configuration {
        environment: BTreeMap::default(),
        hostname: String::new(),
        clock: None,
        network: None,
    };
    // There is no session with an init that cannot talk: the launcher ends the machine.
    match machine.launch(&ears, &configuration) {
        Err(LaunchError::Launcher(_)) => {}
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("the do-nothing init opened a session".into()),
    }
    let heard = ears
        .heard
        .get()
        .ok_or("the do-nothing init wrote nothing")?;
    Ok(heard.as_secs_f64())
}

/// Starts QEMU through another launcher, and reads the console itself until [`READY`].
#[derive(Debug)]
struct Listening<'a> {
    inner: &'a dyn Launcher,
    heard: Cell<Option<Duration>>,
}

impl Launcher for Listening<'_> {
    fn qemu(&self) -> &Qemu {
        self.inner.qemu()
    }

    fn launch(&self, request: LaunchRequest) -> Result<Launched, LauncherError> {
        let started = Instant::now();
        let (mut console, write) = std::io::pipe().map_err(LauncherError::Jailer)?;
        let mut launched = self.inner.launch(LaunchRequest {
            console: write.into(),
            ..request
        })?;
        if heard(&mut console, started + FLOOR_LIMIT) {
            self.heard.set(Some(started.elapsed()));
        }
        launched.process.kill();
        let _ = launched.process.wait(Duration::from_secs(10));
        Err(LauncherError::Refused("the floor has been measured".into()))
    }
}

/// Reads the console until [`READY`] comes; false when it ends or `until` passes first.
fn heard(console: &mut PipeReader, until: Instant) -> bool {
    let mut buffer = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else {
            return false;
        };
        let mut watched = [PollFd::new(&*console, PollFlags::IN)];
        if !matches!(poll(&mut watched, Some(&left)), Ok(1)) {
            return false;
        }
        match console.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(count) if buffer[..count].contains(&READY) => return true,
            Ok(_) => {}
        }
    }
}
