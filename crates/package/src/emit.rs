//! Writing a package: data member, then control member; the signature comes from elsewhere.
//!
//! The order of digests is fixed: the control member names the data member's digest, a signer
//! process signs the control member, and the file made of all three is what is tested, recorded
//! and published, byte for byte.

mod check;

use crate::partial::Scratch;
use crate::tree::{ContentReader, Node, Tree};
use bessemer_apk::package::{
    Content, DataSummary, PkgInfo, PkgInfoError, Script, WriteError, control_member, write_data,
};
use bessemer_apk::{Entry, EntryKind, EntryPath, EntryPathError, Sha1Bytes};
use bessemer_digest::{Digest, HashingWriter};
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The uid and gid that build steps may run under in a guest; in packages it becomes root.
const BUILD_ID: u32 = 1000;
/// The control member's file with the compiled recipe.
const MELANGE_YAML: &str = ".melange.yaml";

/// What a package says about itself.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The PKGINFO; `size` and `datahash` are filled in, `depends` and `provides` sorted.
    pub info: PkgInfo,
    /// Install scripts.
    pub scripts: BTreeMap<Script, Vec<u8>>,
    /// The compiled recipe; `None` for a package that has none.
    pub melange_yaml: Option<Vec<u8>>,
}

/// A package that lacks only its signature.
#[derive(Debug)]
pub struct Unsigned {
    /// The compressed control member: what is signed.
    pub control: Vec<u8>,
    /// SHA-1 of the control member: the package's identity in an index.
    pub control_sha1: Sha1Bytes,
    /// SHA-256 of the control member.
    pub control_sha256: Digest,
    /// The PKGINFO as written.
    pub info: PkgInfo,
    /// Digest and sizes of the data member.
    pub data_summary: DataSummary,
    /// Named pipes, which packages do not carry (melange leaves them out too).
    pub dropped: Vec<EntryPath>,
    data: File,
}

/// A finished package file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// SHA-256 of the whole file.
    pub sha256: Digest,
    /// Bytes of the whole file.
    pub size: u64,
}

/// Why a package cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The temporary data member or the finished file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file, or the directory for temporary files.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data member cannot be written.
    #[error("cannot write the package's files")]
    Data(#[from] WriteError),
    /// The metadata cannot be written.
    #[error("cannot write the package's metadata")]
    Control(#[from] PkgInfoError),
    /// A file that the control side adds has no valid path.
    #[error("cannot add a file to the package")]
    Added(#[from] EntryPathError),
    /// A name that apk takes for metadata: `.post-install` in `$DESTDIR` would run as a script.
    #[error(
        "the package cannot have `{0}`: apk takes names at the top that start with a dot for a \
         package's own metadata and scripts"
    )]
    Metadata(EntryPath),
    /// Something lies beneath a link or a file; installed, it would end elsewhere or nowhere.
    #[error("the package cannot have `{path}`: `{parent}` is in the package and no directory")]
    Parent {
        /// The entry.
        path: EntryPath,
        /// What should be its directory.
        parent: EntryPath,
    },
    /// An overlay file system would take the attribute for its own and hide other packages' files.
    #[error("the package cannot have `{path}` with the overlay attribute `{attribute}`")]
    Overlay {
        /// The entry.
        path: EntryPath,
        /// The attribute's full name.
        attribute: String,
    },
}

/// Writes the members of a package.
///
/// `added` are files of the control side by path (the SBOM), mode 0644; they replace the tree's.
/// `mtime` (seconds since 1970) is the time of every entry. `scratch` is a directory for the
/// temporary data member, which is gone when the result is dropped. Missing parent directories are
/// added with mode 0755; what the build user owns becomes root's; of several hard links to one file
/// the first in order carries the contents.
///
/// # Errors
/// See [`EmitError`]. A tree that cannot be installed as it stands, with `added` in it, is refused.
pub fn emit(
    metadata: &Metadata,
    tree: &Tree,
    added: &BTreeMap<String, Vec<u8>>,
    mtime: u64,
    scratch: &Path,
) -> Result<Unsigned, EmitError> {
    let mut tree = tree.clone();
    for (path, bytes) in added {
        tree.insert_file(EntryPath::new(path.as_str())?, 0o644, bytes.clone());
    }
    add_parents(&mut tree);
    check::installable(&tree)?;
    lead_hard_links(&mut tree);
    let failed = |source| EmitError::Write {
        path: scratch.into(),
        source,
    };
    let mut data = tempfile::tempfile_in(scratch).map_err(failed)?;
    let is_dropped = |node: &Node| node.entry.kind == EntryKind::Fifo;
    let entries = tree
        .iter()
        .map(|(_, node)| node)
        .filter(|node| !is_dropped(node));
    let entries = entries.map(|node| {
        (
            with_package_owner(&node.entry),
            Opened { tree: &tree, node },
        )
    });
    let data_summary = write_data(entries, mtime, io::BufWriter::new(&mut data))?;
    let info = finished_info(&metadata.info, &data_summary);
    let files = metadata
        .melange_yaml
        .iter()
        .map(|yaml| (MELANGE_YAML.to_owned(), yaml.clone()));
    let control = control_member(&info, &files.collect(), &metadata.scripts, mtime)?;
    let dropped = tree
        .iter()
        .filter(|(_, node)| is_dropped(node))
        .map(|(path, _)| path.clone());
    Ok(Unsigned {
        control_sha1: Sha1::digest(&control).into(),
        control_sha256: Digest::of(&control),
        control,
        info,
        data_summary,
        dropped: dropped.collect(),
        data,
    })
}

impl Unsigned {
    /// Joins the signature member (empty for none), the control member and the data member, and
    /// puts the file in place at once: `destination` is the old file or the whole new one.
    pub fn attach(
        mut self,
        signature: &[u8],
        destination: &Path,
        scratch: &Scratch,
    ) -> Result<Emitted, EmitError> {
        let failed = |source| EmitError::Write {
            path: destination.into(),
            source,
        };
        let directory = destination.parent().unwrap_or(Path::new("."));
        let mut temporary = scratch.file(directory).map_err(failed)?;
        self.data.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut out = HashingWriter::new(&mut temporary);
        let mut whole = signature.chain(&self.control[..]).chain(&mut self.data);
        io::copy(&mut whole, &mut out).map_err(failed)?;
        let emitted = Emitted {
            sha256: out.digest(),
            size: out.written(),
        };
        temporary.as_file().sync_all().map_err(failed)?;
        temporary
            .persist(destination)
            .map_err(|error| failed(error.error))?;
        Ok(emitted)
    }

    /// A reader of the compressed data member, from its start.
    pub fn data(&self) -> io::Result<impl Read> {
        let mut file = self.data.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

fn finished_info(info: &PkgInfo, data: &DataSummary) -> PkgInfo {
    let sorted = |list: &[String]| {
        list.iter()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    };
    PkgInfo {
        size: data.installed_size,
        datahash: Some(data.sha256),
        depends: sorted(&info.depends),
        provides: sorted(&info.provides),
        ..info.clone()
    }
}

fn with_package_owner(entry: &Entry) -> Entry {
    let owner = |id| if id == BUILD_ID { 0 } else { id };
    Entry {
        uid: owner(entry.uid),
        gid: owner(entry.gid),
        ..entry.clone()
    }
}

fn add_parents(tree: &mut Tree) {
    let mut missing = BTreeSet::new();
    for (path, _) in tree.iter() {
        let mut above = path.parent();
        while let Some(parent) = above {
            above = parent.parent();
            if tree.get(&parent).is_some() || !missing.insert(parent) {
                break;
            }
        }
    }
    for path in missing {
        tree.insert_entry(Entry::directory(path));
    }
}

/// Moves the contents of hard-linked files to the first path in order, as the format wants.
fn lead_hard_links(tree: &mut Tree) {
    let mut groups: BTreeMap<EntryPath, Vec<EntryPath>> = BTreeMap::new();
    for (path, node) in tree.iter() {
        if let EntryKind::Hardlink { target } = &node.entry.kind {
            groups.entry(target.clone()).or_default().push(path.clone());
        }
    }
    for (target, links) in groups {
        // Links come out of the tree sorted.
        let first = links.first().filter(|first| **first < target).cloned();
        let Some((first, node)) = first.zip(tree.get(&target).cloned()) else {
            continue;
        };
        for path in links.into_iter().chain([target]) {
            let mut link = node.clone();
            link.entry.path = path.clone();
            if path != first {
                link.entry.kind = EntryKind::Hardlink {
                    target: first.clone(),
                };
            }
            tree.insert(link);
        }
    }
}

/// A node as the writer wants it: openable twice.
struct Opened<'a> {
    tree: &'a Tree,
    node: &'a Node,
}

impl Content for Opened<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let reader: ContentReader = self.tree.open(self.node)?;
        Ok(Box::new(reader))
    }
}

#[cfg(test)]
mod tests;
