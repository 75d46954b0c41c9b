//! The dated report of a long run.

use crate::workspace::{output, root};
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Where reports go, below the root of this repository.
const FOLDER: &str = "docs/soak";

/// A report that grows while the run goes on.
#[derive(Debug)]
pub(crate) struct Report {
    kind: &'static str,
    head: String,
    began: Instant,
    results: String,
    findings: Vec<String>,
}

impl Report {
    /// Notes the commit, the machine and the time.
    pub(crate) fn begin(kind: &'static str, minutes: u64, seed: u64) -> Result<Self> {
        let mut head = String::new();
        writeln!(head, "# Soak: {kind}, {}\n", now())?;
        writeln!(head, "- commit: {}", commit()?)?;
        writeln!(head, "- asked for: {minutes} minutes, seed {seed}")?;
        for (name, value) in machine() {
            writeln!(head, "- {name}: {value}")?;
        }
        Ok(Self {
            kind,
            head,
            began: Instant::now(),
            results: String::new(),
            findings: Vec::new(),
        })
    }

    /// Adds lines to the results, and prints them.
    pub(crate) fn line(&mut self, text: &str) {
        println!("{text}");
        self.results.push_str(text);
        self.results.push('\n');
    }

    /// Adds a finding.
    pub(crate) fn finding(&mut self, text: &str) {
        println!("finding: {text}");
        self.findings.push(text.to_owned());
    }

    /// Writes the file; returns its path and the number of findings.
    pub(crate) fn write(&self) -> Result<(PathBuf, usize)> {
        let mut text = self.head.clone();
        let minutes = self.began.elapsed().as_secs_f64() / 60.0;
        writeln!(text, "- took: {minutes:.1} minutes\n\n## Results\n")?;
        text.push_str(&self.results);
        writeln!(text, "\n## Findings\n")?;
        if self.findings.is_empty() {
            writeln!(text, "None.")?;
        }
        for finding in &self.findings {
            writeln!(text, "- {finding}")?;
        }
        let folder = root().join(FOLDER);
        fs_err::create_dir_all(&folder)?;
        let day = now().chars().take(10).collect::<String>();
        // A second run of a day does not replace the report of the first.
        for number in 1.. {
            let more = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let path = folder.join(format!("{day}-{}{more}.md", self.kind));
            match fs_err::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
            {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                opened => {
                    opened?.write_all(text.as_bytes())?;
                    return Ok((path, self.findings.len()));
                }
            }
        }
        anyhow::bail!("no name is left for a report")
    }
}

fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
}

/// The commit, and whether the tree differs from it.
fn commit() -> Result<String> {
    let git = |words: &[&str]| output(Command::new("git").args(words).current_dir(root()));
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let changes = changed.lines().count();
    let note = if changes == 0 {
        String::new()
    } else {
        format!(" with {changes} changed files")
    };
    Ok(format!("{}{note}", commit.trim()))
}

/// What decides how fast a run is.
fn machine() -> Vec<(&'static str, String)> {
    let first = |file: &str, key: &str| {
        let text = fs_err::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs_err::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let kernel = fs_err::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kvm = std::path::Path::new("/dev/kvm").exists();
    vec![
        ("cores", cores.to_string()),
        ("processor", first("/proc/cpuinfo", "model name")),
        ("memory", first("/proc/meminfo", "MemTotal")),
        ("kernel", kernel.trim().to_owned()),
        (
            "/dev/kvm",
            if kvm { "present" } else { "absent" }.to_owned(),
        ),
        ("load at the start", load),
    ]
}
