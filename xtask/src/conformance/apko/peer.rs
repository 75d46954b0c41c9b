//! Asking apko, and keeping what it answered.

use super::indexes::{INDEX, Worlds};
use anyhow::{Context, Result, bail};
use bessemer_apk::Dependency;
use bessemer_digest::Digest;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What apko says when it was asked properly and finds no packages.
const NO_SOLUTION: &str = "resolving apk packages";

/// What apko answers to a world.
#[derive(Debug)]
pub(super) enum Answer {
    /// Names and versions, in its order.
    Packages(Vec<(String, String)>),
    /// It finds none, and says why.
    None(String),
}

/// An apko binary, repositories for it, and the directory of its answers: `WORLD.txt`, or
/// `WORLD.err` with what it said.
#[derive(Debug)]
pub(super) struct Peer {
    program: PathBuf,
    arch: String,
    keys: Vec<PathBuf>,
    repositories: Vec<PathBuf>,
    answers: PathBuf,
}

impl Peer {
    /// Lays out the indexes as repositories below `kept`, in a directory that their digest names.
    pub(super) fn new(
        program: &Path,
        keys: &[PathBuf],
        worlds: &Worlds,
        kept: &Path,
    ) -> Result<Self> {
        let digests: Vec<String> = worlds
            .indexes
            .iter()
            .map(|opened| Digest::of(&opened.bytes).hex())
            .collect();
        let name = Digest::of(digests.join("\n")).hex();
        let place = kept.join(format!("{}-{}", worlds.arch, &name[..16]));
        let answers = place.join("answers");
        fs_err::create_dir_all(&answers)?;
        let mut repositories = Vec::new();
        for (number, opened) in worlds.indexes.iter().enumerate() {
            let repository = place.join(format!("repository-{number}"));
            let folder = repository.join(&worlds.arch);
            fs_err::create_dir_all(&folder)?;
            fs_err::write(folder.join(INDEX), &opened.bytes)?;
            repositories.push(fs_err::canonicalize(repository)?);
        }
        let keys = keys.iter().map(fs_err::canonicalize);
        Ok(Self {
            program: fs_err::canonicalize(program)?,
            arch: worlds.arch.clone(),
            keys: keys.collect::<Result<_, _>>()?,
            repositories,
            answers,
        })
    }

    /// What apko says to a world.
    pub(super) fn solve(&self, world: &Dependency) -> Result<Answer> {
        let [text, error] = ["txt", "err"].map(|end| self.answers.join(format!("{world}.{end}")));
        if !text.exists() && !error.exists() {
            self.start(world, &text, &error)?;
        }
        if error.exists() {
            let said = fs_err::read_to_string(error)?;
            if !said.contains(NO_SOLUTION) {
                bail!(said);
            }
            return Ok(Answer::None(said.trim().to_owned()));
        }
        let mut packages = Vec::new();
        for line in fs_err::read_to_string(text)?.lines() {
            let (name, version) = line
                .split_once(' ')
                .with_context(|| format!("apko printed no name and version: {line}"))?;
            packages.push((name.to_owned(), version.to_owned()));
        }
        Ok(Answer::Packages(packages))
    }

    fn start(&self, world: &Dependency, text: &Path, error: &Path) -> Result<()> {
        let image = json!({
            "contents": {"repositories": self.repositories, "packages": [world.to_string()]},
            "archs": [self.arch],
        });
        // An image file is YAML, of which JSON is a part.
        let file = self.answers.join(format!("{world}.yaml"));
        fs_err::write(&file, image.to_string())?;
        let mut command = Command::new(&self.program);
        command
            .args(["show-packages", "--offline", "--log-level", "error"])
            .args(["--arch", &self.arch]);
        for key in &self.keys {
            command.arg("--keyring-append").arg(key);
        }
        let output = command.arg(&file).output().context("cannot start apko")?;
        fs_err::remove_file(file)?;
        if output.status.success() {
            fs_err::write(text, output.stdout)?;
        } else {
            fs_err::write(error, output.stderr)?;
        }
        Ok(())
    }
}
