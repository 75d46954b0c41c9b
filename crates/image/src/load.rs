//! Reading an image file with everything that it includes.

use crate::check::{BESIDE_BASE, check};
use crate::configuration::{Accounts, Configuration, Entrypoint};
use crate::merge::merge;
use crate::written::Document;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;
use bessemer_yaml::{Diagnostic, SourceFile, decode};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The most files that one image file includes, one in another.
const MAX_DEPTH: usize = 32;

/// An image file as it is meant, and what it was made of.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file's path as it was given.
    pub name: String,
    /// What it means, with what it includes.
    pub configuration: Configuration,
    /// `sha256-` and the base64 of a SHA-256 over the bytes of the file and then of each that it
    /// includes, as apko computes it for locks.
    pub checksum: String,
    /// The file and each that it includes, in this order: its path as it was named, and the digest of
    /// its bytes.
    pub files: Vec<(String, Digest)>,
    /// Where a base is named, for when it cannot be used.
    pub base: Option<Box<Diagnostic>>,
}

/// Why an image file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the image file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that it includes cannot be read.
    #[error("{diagnostic}")]
    Include {
        /// Where it is included.
        diagnostic: Box<Diagnostic>,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{0}")]
    Invalid(Box<Diagnostic>),
}

impl From<Box<Diagnostic>> for LoadError {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Invalid(diagnostic)
    }
}

/// Reads an image file. It and what it includes are looked for as they are named, then in each of
/// `include_paths`.
pub fn load(path: &Path, include_paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    let read = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let found = find(path, include_paths).map_err(read)?;
    let text = fs_err::read_to_string(&found).map_err(read)?;
    let file = SourceFile::new(path.display().to_string(), text);
    let mut reading = Reading {
        include_paths,
        sum: Sha256::new(),
        files: Vec::new(),
        base: None,
        open: BTreeSet::from([found]),
    };
    let mut configuration = reading.file(&file)?;
    complete(&file, &mut configuration)?;
    let checksum = format!("sha256-{}", STANDARD.encode(reading.sum.finalize()));
    Ok(Loaded {
        name: file.name,
        configuration,
        checksum,
        files: reading.files,
        base: reading.base,
    })
}

/// The configuration of one text that includes nothing, as [`load`] gives it.
pub fn parse(file: &SourceFile) -> Result<Configuration, Box<Diagnostic>> {
    let document: Document = decode(file)?;
    let mut configuration = check(file, &document)?;
    if !document.include.is_empty() {
        let message = "nothing can be included here";
        return Err(Box::new(
            file.diagnostic(document.include.position, message),
        ));
    }
    complete(file, &mut configuration)?;
    Ok(configuration)
}

/// The files being read, one including the next.
struct Reading<'a> {
    include_paths: &'a [PathBuf],
    sum: Sha256,
    files: Vec<(String, Digest)>,
    base: Option<Box<Diagnostic>>,
    open: BTreeSet<PathBuf>,
}

impl Reading<'_> {
    fn file(&mut self, file: &SourceFile) -> Result<Configuration, LoadError> {
        self.sum.update(&file.text);
        let digest = Digest::of(file.text.as_bytes());
        self.files.push((file.name.clone(), digest));
        let document: Document = decode(file)?;
        let upper = check(file, &document)?;
        // That of the first file counts; what it includes comes after.
        if let (None, Some(base)) = (&self.base, &document.contents.baseimage) {
            let found = file.diagnostic(base.image.position, "cannot use this base");
            self.base = Some(Box::new(found));
        }
        let include = &document.include;
        if include.is_empty() {
            return Ok(upper);
        }
        let at = |message: String| Box::new(file.diagnostic(include.position, message));
        let unreadable = |source| LoadError::Include {
            diagnostic: at(format!("cannot read `{}`", include.value)),
            source,
        };
        let found = find(Path::new(&include.value), self.include_paths).map_err(unreadable)?;
        if !self.open.insert(found.clone()) {
            return Err(at(format!("`{}` includes itself", include.value)).into());
        }
        if self.open.len() > MAX_DEPTH {
            return Err(at(format!("more than {MAX_DEPTH} files include each other")).into());
        }
        let text = fs_err::read_to_string(&found).map_err(unreadable)?;
        let base = self.file(&SourceFile::new(include.value.clone(), text))?;
        Ok(merge(base, upper))
    }
}

/// The file as it is named, else in the first of the directories that has it.
fn find(path: &Path, include_paths: &[PathBuf]) -> io::Result<PathBuf> {
    let places = include_paths.iter().map(|directory| directory.join(path));
    let mut places = std::iter::once(path.to_owned()).chain(places);
    let found = places.find(|place| place.exists());
    fs_err::canonicalize(found.unwrap_or_else(|| path.to_owned()))
}

/// Checks what only the whole can be checked for, and fills in defaults.
fn complete(file: &SourceFile, configuration: &mut Configuration) -> Result<(), Box<Diagnostic>> {
    let fail = |message: String| Err(Box::new(file.diagnostic(None, message)));
    let mut names = BTreeSet::new();
    for key in &configuration.contents.runtime_keyring {
        if !names.insert(&key.name) {
            return fail(format!(
                "two keys of `runtime_keyring` are named {}",
                key.name
            ));
        }
    }
    if let Err(error) = configuration.check_format() {
        return fail(error.to_string());
    }
    if configuration.contents.baseimage.is_some() && has_more_than_contents(configuration) {
        return fail(BESIDE_BASE.to_owned());
    }
    if configuration.entrypoint.kind == "service-bundle" {
        "/bin/s6-svscan /sv".clone_into(&mut configuration.entrypoint.command);
        configuration.contents.packages.push("s6".to_owned());
    }
    for user in &mut configuration.accounts.users {
        if user.homedir.is_empty() {
            user.homedir = format!("/home/{}", user.username);
        }
    }
    Ok(())
}

/// What would change layers of a base, or be in them.
fn has_more_than_contents(configuration: &Configuration) -> bool {
    configuration.entrypoint != Entrypoint::default()
        || !configuration.cmd.is_empty()
        || !configuration.stop_signal.is_empty()
        || !configuration.work_dir.is_empty()
        || configuration.accounts != Accounts::default()
        || !configuration.environment.is_empty()
        || !configuration.paths.is_empty()
        || !configuration.annotations.is_empty()
        || !configuration.volumes.is_empty()
        || configuration.layering.is_some()
        || configuration.format.is_some()
        || configuration.certificates.is_some()
}
