//! The machine's apt and dpkg: what would be installed, downloads, unpacking.
//!
//! Everything goes through apt's own programs, so that mirrors, proxies, pinning and signatures are
//! what the machine's owner configured.

use crate::control::Paragraph;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Most lines of a failed program's output that an error repeats.
const SHOWN_LINES: usize = 10;

/// What went wrong between us and apt.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    /// A program cannot be started or its output not be read.
    #[error("cannot run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed: {output}")]
    Failed {
        /// The program.
        program: String,
        /// The end of what it said.
        output: String,
    },
    /// A list cannot be read.
    #[error("cannot read apt's lists")]
    List(#[from] io::Error),
    /// A Packages file has no signed release file, or is not the one that it names.
    #[error("apt's list {list} of {origin} {codename} does not match its signed release file")]
    Unsigned {
        /// The list's name in the archive.
        list: String,
        /// Who publishes it.
        origin: String,
        /// The release.
        codename: String,
    },
    /// A package that apt chose is in no verified list.
    #[error("{name} {version} is in no list that apt has verified")]
    Unlisted {
        /// The package.
        name: String,
        /// Its version.
        version: String,
    },
}

/// A package file as apt would fetch it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A program with a fixed language, so that its output can be read.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// Runs a program to its end; its standard output, or the end of what it said if it failed.
pub(crate) fn run(command: &mut Command) -> Result<String, AptError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| AptError::Run {
        program: program.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("W:"))
        .collect();
    let output = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("; ");
    Err(AptError::Failed { program, output })
}

/// The architecture of the machine's packages in Debian's spelling.
pub(crate) fn architecture() -> Result<String, AptError> {
    Ok(run(command("dpkg").arg("--print-architecture"))?
        .trim()
        .to_owned())
}

/// What apt would fetch to install `packages` on a machine that has nothing, recommended packages
/// left out; sorted.
pub(crate) fn closure<'a>(
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Chosen>, AptError> {
    let mut apt = command("apt-get");
    apt.args([
        "-o",
        "Dir::State::status=/dev/null",
        "-o",
        "Debug::NoLocking=1",
    ]);
    apt.args([
        "--no-install-recommends",
        "--print-uris",
        "-qq",
        "-y",
        "install",
        "--",
    ]);
    let output = run(apt.args(packages))?;
    let mut chosen: Vec<Chosen> = output.lines().filter_map(parse_uri_line).collect();
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Reads `'<uri>' <name>_<version>_<architecture>.deb <size> <digest>`.
fn parse_uri_line(line: &str) -> Option<Chosen> {
    let file = line
        .strip_prefix('\'')?
        .split_once("' ")?
        .1
        .split(' ')
        .next()?;
    let (name, rest) = file.strip_suffix(".deb")?.split_once('_')?;
    let (version, _) = rest.rsplit_once('_')?;
    // The epoch's colon is the only sign apt escapes that a version may have.
    let version = version.replace("%3a", ":").replace("%3A", ":");
    Some(Chosen {
        name: name.into(),
        version,
    })
}

/// Has apt fetch and verify package files into `directory`, named as [`file_name`] says.
pub(crate) fn download(chosen: &[Chosen], directory: &Path) -> Result<(), AptError> {
    let wanted = chosen
        .iter()
        .map(|one| format!("{}={}", one.name, one.version));
    let mut apt = command("apt-get");
    apt.args([
        "-o",
        "Dir::State::status=/dev/null",
        "-o",
        "Debug::NoLocking=1",
        "-qq",
    ]);
    run(apt
        .args(["download", "--"])
        .args(wanted)
        .current_dir(directory))
    .map(drop)
}

/// The name that `apt-get download` gives a file.
pub(crate) fn file_name(package: &Paragraph) -> String {
    let version = package.get("Version").replace(':', "%3a");
    format!(
        "{}_{version}_{}.deb",
        package.get("Package"),
        package.get("Architecture")
    )
}

/// Writes the files of a Debian package as an uncompressed tar archive to `out`.
pub(crate) fn file_system_archive(deb: &Path, out: std::fs::File) -> Result<(), AptError> {
    let mut dpkg = command("dpkg-deb");
    dpkg.arg("--fsys-tarfile")
        .arg(deb)
        .stdout(out)
        .stderr(Stdio::piped());
    let run = |source| AptError::Run {
        program: "dpkg-deb".into(),
        source,
    };
    let output = dpkg
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(run)?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(AptError::Failed {
        program: "dpkg-deb".into(),
        output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_prints() {
        let line = "'http://x/pool/z_1.deb' zlib1g_1%3a1.2.13.dfsg-1_amd64.deb 86684 SHA256:00";
        let expected = Chosen {
            name: "zlib1g".into(),
            version: "1:1.2.13.dfsg-1".into(),
        };
        assert_eq!(parse_uri_line(line), Some(expected));
        assert_eq!(parse_uri_line("Reading package lists..."), None);
    }
}
