//! `bessemer doctor`: what this host can give, found out by trying it.

mod advice;
mod report;

use crate::exit;
use crate::print;
use crate::programs::companion;
use crate::services::QEMU;
use anyhow::Result;
use bessemer_signer::memory_file;
use bessemer_vm::{
    Accelerator, JailLauncher, JailProfile, JailReport, LaunchRequest, Launcher as _,
    LauncherError, Probe, ProcessEnd, ProcessLimits, Qemu,
};
use report::Report;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long QEMU may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes of what it says.
const MOST: u64 = 4096;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer doctor\n  sudo bessemer doctor --json | jq .jail.missing\n\nRun it as the user who is going to build: root, whom Bessemer divides, can give more."
)]
pub(crate) struct Arguments {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What was found out about QEMU in a jail.
#[derive(Debug)]
enum Tried {
    /// It ran there, and this is what stood around it.
    Ran(JailReport),
    /// It did not, for this reason.
    Failed(String),
}

/// Tries everything and says what there is; fails when no guest can run here at all.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let is_root = rustix::process::geteuid().is_root();
    let probe = if is_root {
        Accelerator::probe_for_jail()
    } else {
        Accelerator::probe()
    };
    let qemu = Qemu::measure(Path::new(QEMU)).ok();
    let tried = match &qemu {
        Some(qemu) => try_jail(qemu, &probe)?,
        None => Tried::Failed(format!("there is no QEMU at {QEMU}")),
    };
    let report = Report {
        is_root,
        probe,
        qemu,
        tried,
    };
    if arguments.json {
        print::json(&report.json())?;
    } else {
        report.show()?;
    }
    Ok(ExitCode::from(if report.can_build() {
        0
    } else {
        exit::ERROR
    }))
}

/// Has QEMU say its version from within the jail that a machine would get.
fn try_jail(qemu: &Qemu, probe: &Probe) -> Result<Tried> {
    let jailer = companion("bessemer-jailer")?;
    let launcher = JailLauncher::start(&jailer, qemu.clone(), JailProfile::Auto)?;
    let (mut console, write) = std::io::pipe()?;
    let (diagnostics, errors) = std::io::pipe()?;
    let request = LaunchRequest {
        kernel: memory_file(&[])?.into(),
        initramfs: memory_file(&[])?.into(),
        arguments: vec!["--version".to_owned()],
        inherited: Vec::new(),
        console: write.into(),
        diagnostics: errors.into(),
        kvm: probe.accelerator == Accelerator::Kvm,
        limits: ProcessLimits {
            memory_mib: 1024,
            tasks: 64,
            cpu_percent: 100,
            seconds: 60,
        },
    };
    let mut launched = match launcher.launch(request) {
        Ok(launched) => launched,
        Err(LauncherError::Refused(reason)) => return Ok(Tried::Failed(reason)),
        Err(error) => return Err(error.into()),
    };
    let end = launched.process.wait(PATIENCE);
    let mut said = String::new();
    console.by_ref().take(MOST).read_to_string(&mut said)?;
    if end == Some(ProcessEnd::Exited(0)) && said.contains("QEMU") {
        return Ok(Tried::Ran(launched.jail));
    }
    diagnostics.take(MOST).read_to_string(&mut said)?;
    let end = end.map_or_else(|| "no end".to_owned(), |end| end.to_string());
    let said = print::plain_line(said.lines().next().unwrap_or_default());
    Ok(Tried::Failed(format!(
        "QEMU does not run in it ({end}): {said}"
    )))
}
