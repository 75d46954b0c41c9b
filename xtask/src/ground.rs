//! What tests and measurements stand on: programs, a small repository, a kernel.

use crate::binaries;
use crate::workspace::{bessemer_cache, cache, check, root, signer_state};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Places of everything a guest needs.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Folder with every program.
    pub(crate) bin: PathBuf,
    /// A bootstrapped apk repository.
    pub(crate) repository: PathBuf,
    /// The public key of its index.
    pub(crate) key: PathBuf,
    /// A boot directory: kernel and modules.
    pub(crate) boot: PathBuf,
    /// A bootstrapped repository with the tools of other languages; the same key.
    pub(crate) languages: PathBuf,
    /// The Debian packages that the bootstrap fetched.
    debian: PathBuf,
}

impl Ground {
    /// Builds the programs, bootstraps the repository and unpacks the kernel; what is there already
    /// is reused. Optimised programs stand apart from those of the tests.
    pub(crate) fn prepare(release: bool) -> Result<Self> {
        set_aside_older_state()?;
        let cache = cache()?.join("test");
        let bin = cache.join(if release { "release" } else { "bin" });
        binaries::build(&bin, release)?;
        let repository = cache.join("repository");
        println!(
            "programs in {}, repository in {}",
            bin.display(),
            repository.display()
        );
        let program = bin.join("bessemer");
        let bessemer = || Command::new(&program);
        check(
            bessemer()
                .args(["bootstrap", "debian", "--out"])
                .arg(&repository),
        )?;
        let languages = cache.join("languages");
        check(
            bessemer()
                .args(["bootstrap", "debian", "--list"])
                .arg(root().join("examples/pipelines/languages.yaml"))
                .arg("--out")
                .arg(&languages),
        )?;
        let keys = cache.join("keys");
        check(bessemer().args(["keys", "export", "--out"]).arg(&keys))?;
        let key = import_key(&keys)?;
        let boot = cache.join("boot");
        check(
            bessemer()
                .args(["kernel", "unpack", "--out"])
                .arg(&boot)
                .arg("--repository-append")
                .arg(&repository)
                .arg("--keyring-append")
                .arg(&key),
        )?;
        Ok(Self {
            bin,
            repository,
            key,
            boot,
            languages,
            debian: bessemer_cache()?.join("debian"),
        })
    }

    /// What guest tests read from their environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let variables = [
            ("BESSEMER_TEST_BIN", text(&self.bin)),
            ("BESSEMER_TEST_REPOSITORY", text(&self.repository)),
            ("BESSEMER_TEST_LANGUAGES", text(&self.languages)),
            ("BESSEMER_TEST_KEY", text(&self.key)),
            ("BESSEMER_TEST_BOOT", text(&self.boot)),
            ("BESSEMER_TEST_DEBIAN", text(&self.debian)),
            ("BESSEMER_TEST_AGENT", text(&self.program("bessemer-agent"))),
            (
                "BESSEMER_TEST_JAILER",
                text(&self.program("bessemer-jailer")),
            ),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }

    /// One of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// A signer of today refuses a state with the log of earlier versions. A developer's machine may have
/// one: it is set aside, with what was signed by its keys.
pub(crate) fn set_aside_older_state() -> Result<()> {
    let state = signer_state()?;
    if !state.join("log.jsonl").exists() {
        return Ok(());
    }
    let aside = state.with_extension("before-tile-log");
    println!(
        "the signer's state is of an earlier version; it is now {}",
        aside.display()
    );
    fs_err::rename(&state, &aside)?;
    let cache = cache()?;
    for folder in ["test", "demo", "kernel"].map(|name| cache.join(name)) {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
    }
    Ok(())
}

/// The key that signs the bootstrap's index, among the exported ones.
fn import_key(keys: &Path) -> Result<PathBuf> {
    for entry in fs_err::read_dir(keys)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("import-") {
            return Ok(entry.path());
        }
    }
    bail!("no import key in {}", keys.display())
}
