//! The agent of guests and Bessemer itself, built by recipes of their own from what is committed.

mod sources;

use crate::ground::Ground;
use crate::setup;
use crate::workspace::{cache, check, output, root};
use anyhow::{Context, Result};
use bessemer_vm_proto::PROTOCOL_VERSION;
use serde_json::Value;
use sources::Source;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Who works for root, and must be able to read what it is given.
const CONTROL: u32 = 61_700;

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
    let mut release = Release::prepare(&bessemer)?;
    release.accelerator.clone_from(&arguments.accelerator);
    release.kernel = arguments
        .kernel_repository
        .clone()
        .zip(arguments.kernel_key.clone());
    release.build(&AGENT)?;
    if arguments.all {
        release.build(&BESSEMER)?;
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
        release.build(&AGENT)?;
        Ok(Self {
            repository: release.repository,
            key: release.own_key,
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

struct Release {
    bessemer: PathBuf,
    folder: PathBuf,
    tools: PathBuf,
    tools_key: PathBuf,
    own_key: PathBuf,
    source: Source,
    repository: PathBuf,
    accelerator: String,
    kernel: Option<(PathBuf, PathBuf)>,
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
        let tools = folder.join("tools");
        check(
            Command::new(bessemer)
                .args(["bootstrap", "debian", "--list"])
                .arg(root().join("release/debian.yaml"))
                .arg("--out")
                .arg(&tools),
        )?;
        let keys = folder.join("keys");
        let exported = output(
            Command::new(bessemer)
                .args(["keys", "export", "--json", "--out"])
                .arg(&keys),
        )?;
        let exported: Value = serde_json::from_str(&exported)?;
        let key = |name: &str| -> Result<PathBuf> {
            let file = exported[name].as_str().context("no key was exported")?;
            Ok(keys.join(file))
        };
        let owner = rustix::process::geteuid().is_root().then_some(CONTROL);
        Ok(Self {
            bessemer: bessemer.to_path_buf(),
            source: Source::clone_into(&folder, owner)?,
            tools_key: key("import_key")?,
            own_key: key("apk_key")?,
            folder,
            tools,
            repository,
            accelerator: "direct".to_owned(),
            kernel: None,
        })
    }

    fn build(&self, program: &Program) -> Result<()> {
        let started = Instant::now();
        let crates = self.source.crates(program.crates)?;
        let cached = self.folder.join("crates");
        sources::fill_cache(&crates, &cached)?;
        let recipe = self.folder.join(format!("{}.yaml", program.name));
        let template = root()
            .join("release")
            .join(format!("{}.yaml", program.name));
        let text = fs_err::read_to_string(template)?
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@PROTOCOL@", &PROTOCOL_VERSION.to_string())
            .replace("@SOURCES@", &sources::steps(&self.source, &crates));
        fs_err::write(&recipe, text)?;
        println!(
            "building {} from {} and {} crates",
            program.name,
            self.source.commit,
            crates.len()
        );
        let mut command = Command::new(&self.bessemer);
        command.arg("build").arg(&recipe);
        if let Some((repository, key)) = &self.kernel {
            command.arg("-r").arg(repository).arg("-k").arg(key);
        }
        command
            .args(["--accelerator", &self.accelerator])
            .args(["--generate-index", "--quiet", "--timeout", "6h"])
            .arg("-r")
            .arg(&self.tools)
            .arg("-k")
            .arg(&self.tools_key)
            .arg("--cache-dir")
            .arg(&cached)
            .arg("--out-dir")
            .arg(&self.repository);
        check(&mut command)?;
        println!(
            "{} took {:.0} s",
            program.name,
            started.elapsed().as_secs_f64()
        );
        Ok(())
    }
}
