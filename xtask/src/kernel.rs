//! The kernel of our own, built by its recipe once and kept.

mod hardening;

use crate::ground::Ground;
use crate::setup;
use crate::tools::Tools;
use crate::workspace::{cache, check, root};
use anyhow::Result;
use bessemer_digest::Digest;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program kernel-hardening-checker: compare what it says with kernel/hardening.yaml
    #[arg(long)]
    checker: Option<PathBuf>,
}

/// Builds the kernel, or takes it from the cache, and says where it is.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(false)?;
    let kernel = Kernel::prepare(&ground.program("bessemer"))?;
    println!("kernel: {}", kernel.repository.display());
    match &arguments.checker {
        Some(checker) => hardening::compare(checker, &kernel.boot.join("config")),
        None => Ok(()),
    }
}

/// What the kernel is, and what it was built with.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// A repository with the kernel's package alone.
    pub(crate) repository: PathBuf,
    /// The public key of its index.
    pub(crate) key: PathBuf,
    /// Its boot directory.
    pub(crate) boot: PathBuf,
    /// The repository that `kernel/debian.yaml` makes.
    pub(crate) tools: PathBuf,
    /// The public key of that index.
    pub(crate) tools_key: PathBuf,
    /// Whether it was there from an earlier run.
    pub(crate) reused: bool,
}

impl Kernel {
    /// Takes the kernel from the cache, or builds it with the direct runner: some seven minutes on two
    /// processors. What it is kept by is the digest of the recipe's files, of every package of its
    /// build, and of the key that signs it.
    pub(crate) fn prepare(bessemer: &Path) -> Result<Self> {
        let folder = cache()?.join("kernel");
        let Tools {
            repository: tools,
            key: tools_key,
            own_key: own,
        } = Tools::prepare(bessemer, "kernel/debian.yaml", &folder)?;
        let name = Digest::of(inputs(&tools, &own)?).hex();
        let repository = folder.join("built").join(&name[..32]);
        let mut kernel = Self {
            boot: repository.join("boot"),
            key: repository.join(own.file_name().unwrap_or_default()),
            repository,
            tools,
            tools_key,
            reused: true,
        };
        if !kernel.boot.join("kernel.json").exists() {
            kernel.build(bessemer, &own)?;
            kernel.reused = false;
        }
        Ok(kernel)
    }

    /// Its repository and key, as a command line names them.
    pub(crate) fn named(&self) -> (String, String) {
        let text = |path: &Path| path.display().to_string();
        (text(&self.repository), text(&self.key))
    }

    /// What guest tests read from their environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("BESSEMER_TEST_OWN_KERNEL", &self.repository),
            ("BESSEMER_TEST_OWN_KERNEL_KEY", &self.key),
            ("BESSEMER_TEST_OWN_BOOT", &self.boot),
            ("BESSEMER_TEST_TOOLS", &self.tools),
            ("BESSEMER_TEST_TOOLS_KEY", &self.tools_key),
        ];
        let text = |(name, path): (&str, &PathBuf)| (name.to_owned(), path.display().to_string());
        variables.map(text).to_vec()
    }

    fn build(&self, bessemer: &Path, key: &Path) -> Result<()> {
        let started = Instant::now();
        println!("building the kernel of our own with the direct runner; kept afterwards");
        // Kernels of other recipes and keys are of no more use.
        if let Some(built) = self.repository.parent() {
            match fs_err::remove_dir_all(built) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        check(
            Command::new(bessemer)
                .arg("build")
                .arg(root().join("kernel/bessemer-kernel.yaml"))
                .args(["--accelerator", "direct", "--generate-index", "--quiet"])
                .arg("-r")
                .arg(&self.tools)
                .arg("-k")
                .arg(&self.tools_key)
                .arg("--out-dir")
                .arg(&self.repository),
        )?;
        fs_err::copy(key, &self.key)?;
        check(
            Command::new(bessemer)
                .args(["kernel", "unpack", "-r"])
                .arg(&self.repository)
                .arg("-k")
                .arg(&self.key)
                .arg("--out")
                .arg(&self.boot),
        )?;
        println!("the kernel took {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Everything that decides what the kernel is.
fn inputs(tools: &Path, key: &Path) -> Result<String> {
    let folder = root().join("kernel");
    let mut files = vec![folder.join("bessemer-kernel.yaml"), key.to_owned()];
    files.push(tools.join(std::env::consts::ARCH).join("APKINDEX.tar.gz"));
    let mut folders = vec![folder.join("bessemer-kernel")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    let digests = files
        .iter()
        .map(|file| Ok(Digest::of(fs_err::read(file)?).hex()));
    Ok(digests.collect::<Result<Vec<String>>>()?.join("\n"))
}
