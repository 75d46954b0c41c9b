//! Running a program to its end, and what it took.
//!
//! Memory is `VmHWM` of `/proc/PID/status`, the most that a process ever had in memory, looked at until
//! it ends (Linux, `proc_pid_status(5)`). Processor time is what the kernel adds to ours when a child is
//! waited for, so one program is watched at a time (`proc_pid_stat(5)`, `cutime` and `cstime`).

use anyhow::{Context as _, Result};
use std::io::Read as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(3);
/// The kernel's ticks a second, as programs see them on x86-64 and aarch64.
const TICKS: f64 = 100.0;

/// What a program took.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) status: ExitStatus,
    /// Most memory at a time; 0 if it ended before it was looked at.
    pub(super) mib: f64,
    /// Seconds from start to end.
    pub(super) wall: f64,
    /// Seconds of processor time, of all its threads, to a hundredth.
    pub(super) cpu: f64,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program that writes less to its output than a pipe holds.
pub(super) fn watch(command: &mut Command) -> Result<Watched> {
    let before = waited_for()?;
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let status = loop {
        most = most.max(high_water(&status_file));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let wall = start.elapsed().as_secs_f64();
    let cpu = waited_for()? - before;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    if let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) {
        out.read_to_end(&mut stdout)?;
        err.read_to_end(&mut stderr)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mib = most as f64 / 1024.0;
    Ok(Watched {
        status,
        mib,
        wall,
        cpu,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// The most KiB a process had in memory so far; 0 when it is gone.
fn high_water(status_file: &str) -> u64 {
    let text = std::fs::read_to_string(status_file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

/// Seconds of processor time of all children that were waited for.
fn waited_for() -> Result<f64> {
    let text = fs_err::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses; `cutime` and `cstime` are the 16th and 17th.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut ticks = 0.0;
    for field in fields.split_whitespace().skip(13).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / TICKS)
}
