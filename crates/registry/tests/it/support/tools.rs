//! Other people's programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A program that the set-up of the tests fetched.
pub(crate) fn program(variable: &str) -> PathBuf {
    bessemer_testkit::variable(variable)
}

/// One of the two generations of cosign, with a home of its own.
pub(crate) struct Cosign {
    program: PathBuf,
    home: TempDir,
    /// The major version.
    pub(crate) generation: u32,
}

impl Cosign {
    pub(crate) fn both() -> [Self; 2] {
        [2, 3].map(|generation| Self {
            program: program(&format!("BESSEMER_TEST_COSIGN_{generation}")),
            home: tempfile::tempdir().unwrap(),
            generation,
        })
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("COSIGN_PASSWORD", "");
        command
    }

    /// Runs it to its end, which must be a good one; what it printed, standard error last.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        run(&mut self.command(words))
    }

    /// Whether it succeeds.
    pub(crate) fn succeeds(&self, words: &[&str]) -> bool {
        self.command(words).output().unwrap().status.success()
    }

    /// Makes a key pair in a folder: `cosign.key` and `cosign.pub`.
    pub(crate) fn make_keys(&self, folder: &Path) {
        run(self.command(&["generate-key-pair"]).current_dir(folder));
    }

    /// A line for bash in which `cosign` is this one.
    pub(crate) fn shell(&self, line: &str) -> Output {
        let folder = self.home.path().join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let link = folder.join("cosign");
        if !link.exists() {
            std::os::unix::fs::symlink(&self.program, link).unwrap();
        }
        shell(line)
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .output()
            .unwrap()
    }
}

/// bash with `pipefail`, about to run a line.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("set -o pipefail; {line}")])
        .env_clear();
    command
}

/// Runs a command to its end, which must be a good one; what it said on both of its outputs.
pub(crate) fn run(command: &mut Command) -> String {
    let (printed, said) = both(command);
    format!("{printed}{said}")
}

/// The same, and only what it printed.
pub(crate) fn printed(command: &mut Command) -> String {
    both(command).0
}

fn both(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {printed}{said}");
    (printed, said)
}
