//! Where packages go: a directory, a tar archive, an erofs image. Each appears whole or not at all.

use super::{Installer, TargetArguments};
use anyhow::{Context as _, Result, bail};
use bessemer_apk::install::write_layer;
use bessemer_apk::package::Summary;
use bessemer_digest::{Digest, HashingWriter};
use bessemer_install::{Image, Report, Spool, Staging, image_tree};
use bessemer_package::{Scratch, partial_file, remove_partial};
use std::io::BufWriter;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;

/// Where to, and as what.
#[derive(Debug)]
pub(super) enum Target {
    Root(PathBuf),
    Tar(PathBuf),
    Erofs(PathBuf),
}

/// What was made.
#[derive(Debug)]
pub(super) struct Made {
    /// What each package was, in the order of installation.
    pub(super) packages: Vec<Summary>,
    /// Of a file.
    pub(super) sha256: Option<Digest>,
    /// Of a directory.
    pub(super) report: Option<Report>,
}

impl TargetArguments {
    /// The one that was given, if something can go there.
    pub(super) fn checked(&self) -> Result<Target> {
        let target = match (&self.root, &self.tar, &self.erofs) {
            (Some(path), _, _) => Target::Root(path.clone()),
            (_, Some(path), _) => Target::Tar(path.clone()),
            (_, _, Some(path)) => Target::Erofs(path.clone()),
            (None, None, None) => bail!("--root, --tar or --erofs says where to"),
        };
        let parent = target.parent();
        if !parent.is_dir() {
            bail!("there is no directory {}", parent.display());
        }
        if let Target::Root(path) = &target {
            check_root(path)?;
        }
        remove_partial(parent)
            .with_context(|| format!("cannot clear up in {}", parent.display()))?;
        Ok(target)
    }
}

/// A directory is replaced only if it is empty, so that nothing is lost and nothing that is there
/// can lead elsewhere.
fn check_root(path: &Path) -> Result<()> {
    let Ok(found) = fs_err::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.is_dir() {
        bail!("{} is not a directory", path.display());
    }
    let parent = fs_err::canonicalize(path)?;
    let parent = parent.parent().unwrap_or(Path::new("/"));
    if fs_err::metadata(parent)?.dev() != found.dev() {
        bail!(
            "{} is a mount point, and a tree is put in place by a rename; name a directory below it",
            path.display()
        );
    }
    if fs_err::read_dir(path)?.next().is_some() {
        bail!("{} is not empty", path.display());
    }
    Ok(())
}

impl Target {
    pub(super) fn path(&self) -> &Path {
        let (Self::Root(path) | Self::Tar(path) | Self::Erofs(path)) = self;
        path
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Root(_) => "root",
            Self::Tar(_) => "tar",
            Self::Erofs(_) => "erofs",
        }
    }

    fn parent(&self) -> &Path {
        match self.path().parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Installs there.
    pub(super) fn make(&self, installer: &Installer<'_>) -> Result<Made> {
        match self {
            Self::Root(path) => make_root(path, self.parent(), installer),
            Self::Tar(path) => make_tar(path, self.parent(), installer),
            Self::Erofs(path) => make_erofs(path, self.parent(), installer),
        }
    }
}

fn make_root(path: &Path, parent: &Path, installer: &Installer<'_>) -> Result<Made> {
    let directory = Scratch::new(parent).directory(parent)?;
    let staging = Staging::new(directory.path())
        .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
    let (assembly, packages) = installer.assemble(staging)?;
    let (root, staging) = assembly.finish(installer.system())?;
    let report = staging.write(root)?;
    staging.publish(path)?;
    Ok(Made {
        packages,
        sha256: None,
        report: Some(report),
    })
}

fn make_tar(path: &Path, parent: &Path, installer: &Installer<'_>) -> Result<Made> {
    let spool = Spool::in_directory(parent)
        .with_context(|| format!("cannot make a file in {}", parent.display()))?;
    let (assembly, packages) = installer.assemble(spool)?;
    let (root, _) = assembly.finish(installer.system())?;
    let mut file = partial_file(parent)?;
    let out = BufWriter::with_capacity(PIECE, file.as_file_mut());
    let mut out = HashingWriter::new(out);
    write_layer(root, &mut out)?;
    let sha256 = out.digest();
    drop(out);
    put_in_place(file, path)?;
    Ok(Made {
        packages,
        sha256: Some(sha256),
        report: None,
    })
}

fn make_erofs(path: &Path, parent: &Path, installer: &Installer<'_>) -> Result<Made> {
    let mut file = partial_file(parent)?;
    let image = Image::new(BufWriter::with_capacity(PIECE, file.as_file_mut()))?;
    let (assembly, packages) = installer.assemble(image)?;
    let (root, image) = assembly.finish(installer.system())?;
    image.finish(image_tree(root)?)?;
    let (sha256, _) = Digest::of_reader(fs_err::File::open(file.path())?)?;
    put_in_place(file, path)?;
    Ok(Made {
        packages,
        sha256: Some(sha256),
        report: None,
    })
}

fn put_in_place(file: NamedTempFile, path: &Path) -> Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(|| format!("cannot put the file in place at {}", path.display()))?;
    Ok(())
}
