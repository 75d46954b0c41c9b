//! What images are tried with: Debian's registry, two generations of cosign, and Python's readers of envelopes and
//! bills of material.
//!
//! The programs are single packages of two Debian suites, neither of which need be the machine's: apt
//! fetches and verifies them with lists of their own, from the mirror that the machine's own apt uses,
//! and they are unpacked into the cache. Nothing of the machine is changed by that.

use crate::workspace::{cache, check, output};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Keys of every Debian suite; of the package `debian-archive-keyring`.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A program of a package.
struct Program {
    /// What tests find it by.
    variable: &'static str,
    /// Debian's suite.
    suite: &'static str,
    package: &'static str,
    /// How the package's version begins; another one is an error.
    version: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        variable: "BESSEMER_TEST_COSIGN_2",
        suite: "trixie",
        package: "cosign",
        version: "2.5.",
    },
    Program {
        variable: "BESSEMER_TEST_COSIGN_3",
        suite: "sid",
        package: "cosign",
        version: "3.1.",
    },
    Program {
        variable: "BESSEMER_TEST_DOCKER_REGISTRY",
        suite: "trixie",
        package: "docker-registry",
        version: "2.8.",
    },
];

/// Fetches what is not there yet; what tests of images read from their environment.
pub(crate) fn prepare() -> Result<Vec<(String, String)>> {
    let folder = cache()?.join("images");
    let mut environment = Vec::new();
    for program in PROGRAMS {
        let path = program.prepare(&folder)?;
        environment.push((program.variable.to_owned(), path.display().to_string()));
    }
    for python in PYTHON {
        let path = python.prepare(&folder)?;
        environment.push((python.variable.to_owned(), path.display().to_string()));
    }
    Ok(environment)
}

/// One of the programs, by what tests find it by; fetched if it is not there yet.
pub(crate) fn program(variable: &str) -> Result<PathBuf> {
    let found = PROGRAMS.iter().find(|program| program.variable == variable);
    let found = found.with_context(|| format!("no program is called {variable}"))?;
    found.prepare(&cache()?.join("images"))
}

impl Program {
    /// The program's path; its package is fetched once.
    fn prepare(&self, folder: &Path) -> Result<PathBuf> {
        let name = format!("{}-{}{}", self.package, self.version, self.suite);
        let kept = folder.join(name);
        let path = kept.join("usr/bin").join(self.package);
        if path.exists() {
            return Ok(path);
        }
        println!("fetching {} of Debian's {}", self.package, self.suite);
        let apt = Apt::open(self.suite, &folder.join("apt").join(self.suite))?;
        let package = apt.fetch(self.package)?;
        let version = output(
            Command::new("dpkg-deb")
                .arg("-f")
                .arg(&package)
                .arg("Version"),
        )?;
        if !version.starts_with(self.version) {
            bail!(
                "{} of Debian's {} is version {}, not {}…; xtask/src/images.rs says which is tested",
                self.package,
                self.suite,
                version.trim(),
                self.version
            );
        }
        // Put in its place whole: an interrupted run leaves nothing that looks finished.
        let unfinished = kept.with_extension("unfinished");
        if unfinished.exists() {
            fs_err::remove_dir_all(&unfinished)?;
        }
        check(
            Command::new("dpkg-deb")
                .arg("-x")
                .arg(&package)
                .arg(&unfinished),
        )?;
        fs_err::rename(&unfinished, &kept)?;
        fs_err::remove_file(&package)?;
        Ok(path)
    }
}

/// apt with lists, cache and sources of its own, all in one folder.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Reads the lists of a suite.
    fn open(suite: &str, folder: &Path) -> Result<Self> {
        for name in ["lists/partial", "archives/partial", "state"] {
            fs_err::create_dir_all(folder.join(name))?;
        }
        let source = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror()?);
        fs_err::write(folder.join("sources.list"), source)?;
        fs_err::write(folder.join("state/status"), "")?;
        let apt = Self {
            folder: folder.to_owned(),
        };
        check(apt.command().args(["update", "-qq"]))?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let folder = self.folder.display();
        let mut command = Command::new("apt-get");
        command.current_dir(&self.folder);
        for option in [
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "Dir::Etc::preferences=/dev/null".to_owned(),
            "Dir::Etc::preferencesparts=/dev/null".to_owned(),
            format!("Dir::State={folder}/state"),
            format!("Dir::State::lists={folder}/lists"),
            format!("Dir::State::status={folder}/state/status"),
            format!("Dir::Cache={folder}"),
            "Acquire::Languages=none".to_owned(),
            // apt's own uid cannot enter this folder.
            "APT::Sandbox::User=".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }

    /// Fetches a package without what it depends on; where it is.
    fn fetch(&self, package: &str) -> Result<PathBuf> {
        check(self.command().args(["download", "-qq", package]))?;
        let beginning = format!("{package}_");
        for entry in fs_err::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&beginning) && name.ends_with(".deb") {
                return Ok(entry.path());
            }
        }
        bail!("apt fetched no {package}")
    }
}

/// Where the machine's own apt has Debian from.
fn mirror() -> Result<String> {
    let format = "$(ORIGIN) $(CODENAME) $(REPO_URI)";
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", format, "Created-By: Packages"]);
    let listed = output(&mut command)?;
    // Security and updates have other contents, and may have other places.
    let mirror = listed.lines().find_map(|line| {
        let (suite, address) = line.strip_prefix("Debian ")?.split_once(' ')?;
        (!suite.contains('-')).then(|| address.to_owned())
    });
    mirror.context("the machine's apt has no list of a Debian suite")
}

/// What is installed from PyPI, into a folder of its own.
struct Python {
    /// What tests find the folder by, for `PYTHONPATH`.
    variable: &'static str,
    /// The folder's name in the cache.
    name: &'static str,
    /// Exact versions; what these depend on is as PyPI has it.
    packages: &'static [&'static str],
}

const PYTHON: &[Python] = &[
    // A second implementation of envelopes.
    Python {
        variable: "BESSEMER_TEST_SECURESYSTEMSLIB",
        name: "securesystemslib-1.6.0",
        packages: &["securesystemslib[crypto]==1.6.0"],
    },
    // Others' validators of bills of material.
    Python {
        variable: "BESSEMER_TEST_BILLS",
        name: "cyclonedx-11.12.0-spdx-0.8.5",
        packages: &[
            "cyclonedx-python-lib[json-validation]==11.12.0",
            "spdx-tools==0.8.5",
        ],
    },
];

impl Python {
    /// The folder; installed once.
    fn prepare(&self, folder: &Path) -> Result<PathBuf> {
        let kept = folder.join(self.name);
        if kept.exists() {
            return Ok(kept);
        }
        // The name has dots in it: nothing is an extension.
        let unfinished = folder.join(format!("{}.unfinished", self.name));
        if unfinished.exists() {
            fs_err::remove_dir_all(&unfinished)?;
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet"]);
        // Nothing of a package is run while it is installed.
        pip.args([
            "--only-binary=:all:",
            "--root-user-action=ignore",
            "--target",
        ]);
        check(pip.arg(&unfinished).args(self.packages))?;
        fs_err::rename(&unfinished, &kept)?;
        Ok(kept)
    }
}
