//! The agent of guests and Bessemer itself, built by recipes of their own from what is committed.

mod crates;
mod sources;

use crate::ground::Ground;
use crate::setup;
use crate::tools::Tools;
use crate::workspace::{cache, check, root};
use anyhow::Result;
use bessemer_vm_proto::PROTOCOL_VERSION;
use sources::Source;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A program of the workspace with a recipe.
struct Program {
    /// Of its recipe and its package.
    name: &'static str,
    /// Folders below `crates/`.
    crates: &'static [&'static str],
}

const AGENT: Program = Program {
    name: "bessemer-agent",
    crates: &["guest-agent"],
};
const BESSEMER: Program = Program {
    name: "bessemer",
    crates: &["cli", "jailer", "proxy", "signer"],
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Bessemer itself too, and not the agent alone
    #[arg(long)]
    all: bool,
    /// What runs the guests; `direct` builds without one, and what it builds is never above level 1
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg|direct")]
    accelerator: String,
    /// Folder with the programs of an earlier release, to build this one with [default: this tree's]
    #[arg(long, value_name = "DIR")]
    with: Option<PathBuf>,
    /// A repository whose kernel the guests boot, asked first; needs --kernel-key
    #[arg(long, requires = "kernel_key")]
    kernel_repository: Option<PathBuf>,
    /// The key of that repository
    #[arg(long)]
    kernel_key: Option<PathBuf>,
}

/// Builds, and says where the packages are.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let bessemer = match &arguments.with {
        Some(folder) => folder.join("bessemer"),
        None => Ground::prepare(false)?.program("bessemer"),
    };
    let release = Release::prepare(&bessemer)?;
    let kernel = arguments.kernel_repository.as_deref();
    let guests = Guests {
        accelerator: &arguments.accelerator,
        kernel: kernel.zip(arguments.kernel_key.as_deref()),
    };
    release.build(&AGENT, guests)?;
    if arguments.all {
        release.build(&BESSEMER, guests)?;
    }
    println!("release: {}", release.repository.display());
    Ok(())
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// A repository with the packages.
    repository: PathBuf,
    /// The key of its index.
    key: PathBuf,
}

impl Built {
    /// Builds the agent with the direct runner.
    pub(crate) fn agent(bessemer: &Path) -> Result<Self> {
        let release = Release::prepare(bessemer)?;
        let guests = Guests {
            accelerator: "direct",
            kernel: None,
        };
        release.build(&AGENT, guests)?;
        Ok(Self {
            repository: release.repository,
            key: release.tools.own_key,
        })
    }

    /// What guest tests read from their environment.
    pub(crate) fn environment(&self) -> [(String, String); 2] {
        [
            ("BESSEMER_TEST_RELEASE", &self.repository),
            ("BESSEMER_TEST_RELEASE_KEY", &self.key),
        ]
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
    }
}

/// What runs the steps.
#[derive(Clone, Copy)]
struct Guests<'a> {
    accelerator: &'a str,
    /// A repository with a kernel, and its key.
    kernel: Option<(&'a Path, &'a Path)>,
}

struct Release {
    bessemer: PathBuf,
    folder: PathBuf,
    tools: Tools,
    source: Source,
    repository: PathBuf,
}

impl Release {
    /// Clones what is committed and bootstraps the compiler; what was built before goes away.
    fn prepare(bessemer: &Path) -> Result<Self> {
        let folder = cache()?.join("release");
        fs_err::create_dir_all(&folder)?;
        let repository = folder.join("built");
        if repository.exists() {
            fs_err::remove_dir_all(&repository)?;
        }
        Ok(Self {
            bessemer: bessemer.to_path_buf(),
            tools: Tools::prepare(bessemer, "release/debian.yaml", &folder)?,
            source: Source::clone_into(&folder)?,
            folder,
            repository,
        })
    }

    fn build(&self, program: &Program, guests: Guests<'_>) -> Result<()> {
        let started = Instant::now();
        let crates = self.source.crates(program.crates)?;
        let cached = self.folder.join("crates");
        fs_err::create_dir_all(&cached)?;
        for one in &crates {
            one.copy_into(&cached)?;
        }
        let recipe = self.folder.join(format!("{}.yaml", program.name));
        let template = root()
            .join("release")
            .join(format!("{}.yaml", program.name));
        let text = fs_err::read_to_string(template)?
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@PROTOCOL@", &PROTOCOL_VERSION.to_string())
            .replace("@SOURCES@", &self.source.steps(&crates));
        fs_err::write(&recipe, text)?;
        println!(
            "building {} from {} and {} crates",
            program.name,
            self.source.commit,
            crates.len()
        );
        let mut command = Command::new(&self.bessemer);
        command.arg("build").arg(&recipe);
        if let Some((repository, key)) = guests.kernel {
            command.arg("-r").arg(repository).arg("-k").arg(key);
        }
        command
            .args(["--accelerator", guests.accelerator])
            .args(["--generate-index", "--quiet", "--timeout", "6h"])
            .arg("-r")
            .arg(&self.tools.repository)
            .arg("-k")
            .arg(&self.tools.key)
            .arg("--cache-dir")
            .arg(&cached)
            .arg("--out-dir")
            .arg(&self.repository);
        if self.repository.exists() {
            // Bessemer depends on an agent, which its test installs.
            command.arg("-r").arg(&self.repository);
            command.arg("-k").arg(&self.tools.own_key);
        }
        check(&mut command)?;
        println!(
            "{} took {:.0} s",
            program.name,
            started.elapsed().as_secs_f64()
        );
        Ok(())
    }
}
