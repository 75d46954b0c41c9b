//! `lib/apk/db/installed`, in which apk remembers packages and their files.
//!
//! Written as apk-tools 2 does (`apk_pkg_write_index_header`, `apk_db_write_fdb`).

use super::{Item, Root};
use crate::index::{RenderIndexError, render_installed};
use crate::{Dependency, Entry, EntryKind, EntryPath, IndexEntry, Sha1Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that is installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    /// The packages, in the order of the file.
    pub records: Vec<InstalledRecord>,
}

/// One package with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledRecord {
    /// As in an index.
    pub entry: IndexEntry,
    /// `r`: packages whose files it may take over.
    pub replaces: Vec<Dependency>,
    /// `q`: decides when two packages replace each other.
    pub replaces_priority: u64,
    /// `s`: tag of the repository it came from.
    pub repository_tag: Option<String>,
    /// `f`: letters for what went wrong when it was installed; empty when nothing did.
    pub broken: String,
    /// `F`: its directories.
    pub directories: Vec<InstalledDirectory>,
}

/// A directory of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledDirectory {
    /// Where; `None` is the root.
    pub path: Option<EntryPath>,
    /// `M`.
    pub owner: Owner,
    /// `R`: the files in it.
    pub files: Vec<InstalledFile>,
}

/// A file of a package: anything but a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// Its name in the directory: one component of a path.
    pub name: String,
    /// `a`.
    pub owner: Owner,
    /// `Z`: of the content, or of a symbolic link's target.
    pub sha1: Option<Sha1Bytes>,
}

/// Who owns something, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// SHA-1 over the extended attributes, where there are any.
    pub xattrs: Option<Sha1Bytes>,
}

impl Owner {
    /// What goes without saying for a directory.
    pub const DIRECTORY: Self = Self::root(0o755);
    /// What goes without saying for a file.
    pub const FILE: Self = Self::root(0o644);

    const fn root(mode: u32) -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode,
            xattrs: None,
        }
    }

    /// Those of an entry.
    pub fn of(entry: &Entry) -> Self {
        Self {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode,
            xattrs: xattrs_sha1(&entry.xattrs),
        }
    }
}

/// As apk-tools hashes them (`apk_fileinfo_hash_xattr_array`): sorted by name, each name and each
/// value with its length as four bytes, the highest first, in front.
fn xattrs_sha1(xattrs: &BTreeMap<String, Vec<u8>>) -> Option<Sha1Bytes> {
    if xattrs.is_empty() {
        return None;
    }
    let mut hasher = Sha1::new();
    for (name, value) in xattrs {
        for bytes in [name.as_bytes(), value] {
            // Attributes are at most 64 KiB.
            hasher.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            hasher.update(bytes);
        }
    }
    Some(hasher.finalize().into())
}

/// `etc/apk/world`: the constraints, sorted, one a line.
pub fn world_file(world: &[Dependency]) -> String {
    let mut lines: Vec<String> = world.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}

/// `Q1` and the base64 of a SHA-1, which is how apk spells it.
pub(super) fn checksum(sha1: &Sha1Bytes) -> String {
    format!("Q1{}", STANDARD.encode(sha1))
}

impl Database {
    /// The text of the file: each package's index entry, then its directories (`F:`, with
    /// `M:uid:gid:mode` unless 0:0:755) and in each its files (`R:`, with `a:uid:gid:mode` unless
    /// 0:0:644, and `Z:` with the SHA-1).
    pub fn render(&self) -> Result<String, RenderIndexError> {
        let mut text = String::new();
        for record in &self.records {
            record.render(&mut text)?;
            text.push('\n');
        }
        Ok(text)
    }
}

impl InstalledRecord {
    /// A package without files.
    pub const fn new(entry: IndexEntry) -> Self {
        Self {
            entry,
            replaces: Vec::new(),
            replaces_priority: 0,
            repository_tag: None,
            broken: String::new(),
            directories: Vec::new(),
        }
    }

    fn render(&self, text: &mut String) -> Result<(), RenderIndexError> {
        render_installed(text, self)?;
        for directory in &self.directories {
            let path = directory.path.as_ref().map_or("", EntryPath::as_str);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "F:{path}");
            owner_line(text, 'M', directory.owner, Owner::DIRECTORY);
            for file in &directory.files {
                let _ = writeln!(text, "R:{}", file.name);
                owner_line(text, 'a', file.owner, Owner::FILE);
                if let Some(sha1) = &file.sha1 {
                    let _ = writeln!(text, "Z:{}", checksum(sha1));
                }
            }
        }
        Ok(())
    }
}

fn owner_line(text: &mut String, key: char, owner: Owner, usual: Owner) {
    if owner == usual {
        return;
    }
    let Owner { uid, gid, mode, .. } = owner;
    let _ = write!(text, "{key}:{uid}:{gid}:{mode:o}");
    if let Some(sha1) = &owner.xattrs {
        let _ = write!(text, ":{}", checksum(sha1));
    }
    text.push('\n');
}

impl<C> Root<C> {
    /// What apk's database says of this tree, after what is below it. A file that two packages have is
    /// listed with the one whose file it is, and everything under the path that its package gives it.
    pub fn database(&self) -> Database {
        let mut all: Vec<BTreeMap<Option<EntryPath>, Vec<InstalledFile>>> =
            vec![BTreeMap::new(); self.packages.len()];
        for (path, node) in &self.nodes {
            let Some(package) = node.package else {
                continue;
            };
            if node.entry.kind == EntryKind::Directory {
                continue;
            }
            let listed = node.listed.as_ref().unwrap_or(path);
            let file = InstalledFile {
                name: listed.file_name().to_owned(),
                owner: self.owner_of(node),
                sha1: node.sha1,
            };
            all[package].entry(listed.parent()).or_default().push(file);
        }
        let mut records = self.below.clone();
        for (package, (mut files, own)) in self
            .packages
            .iter()
            .zip(all.into_iter().zip(&self.directories))
        {
            for directory in own.keys() {
                files.entry(Some(directory.clone())).or_default();
            }
            let directory = |(path, files): (Option<EntryPath>, Vec<InstalledFile>)| {
                let owner = path.as_ref().and_then(|path| own.get(path));
                InstalledDirectory {
                    owner: owner.copied().unwrap_or(Owner::DIRECTORY),
                    path,
                    files,
                }
            };
            records.push(InstalledRecord {
                replaces: package.replaces.clone(),
                replaces_priority: package.replaces_priority,
                repository_tag: package.repository_tag.clone(),
                directories: files.into_iter().map(directory).collect(),
                ..InstalledRecord::new(package.entry.clone())
            });
        }
        Database { records }
    }
}

impl<C> From<Entry> for Item<C> {
    /// Without time, checksum and content.
    fn from(entry: Entry) -> Self {
        Self {
            entry,
            mtime: 0,
            sha1: None,
            content: None,
        }
    }
}
