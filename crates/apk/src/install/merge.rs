//! What becomes of an entry whose path is taken.

use super::{InstallError, InstalledPackage, InstalledRecord, Node, Owner, Root};
use crate::{Dependency, Entry, EntryKind, EntryPath, IndexEntry};

/// What becomes of a file whose path is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    KeepFirst,
    Overwrite,
    Conflict,
}

impl<C> Root<C> {
    pub(super) fn insert_node(
        &mut self,
        package: usize,
        path: EntryPath,
        node: Node,
    ) -> Result<(), InstallError> {
        let Some(existing) = self.nodes.get(&path) else {
            self.nodes.insert(path, node);
            return Ok(());
        };
        match self.verdict(existing, &node, package) {
            Verdict::KeepFirst if node.file.is_some() => {
                self.lost.insert((package, path), node);
            }
            Verdict::KeepFirst => {}
            Verdict::Overwrite => self.replace(path, node),
            Verdict::Conflict => return Err(self.conflict(existing, path, package)),
        }
        Ok(())
    }

    /// Puts `node` in the place of another package's.
    pub(super) fn replace(&mut self, path: EntryPath, node: Node) {
        let replaced = self.nodes.insert(path, node);
        if replaced.is_some_and(|node| matches!(node.entry.kind, EntryKind::Symlink { .. })) {
            self.ways.forget();
        }
    }

    pub(super) fn insert_directory(
        &mut self,
        package: usize,
        node: Node,
        listed: EntryPath,
    ) -> Result<(), InstallError> {
        let owner = Owner::of(&node.entry);
        let path = node.entry.path.clone();
        match self.nodes.get_mut(&path) {
            Some(existing) if existing.entry.kind == EntryKind::Directory && !existing.implied => {
                join_directories(&mut existing.entry, node.entry);
                existing.mtime = node.mtime;
            }
            // A link to a directory serves as one.
            Some(existing) if matches!(existing.entry.kind, EntryKind::Symlink { .. }) => {
                if !self.resolves_to_directory(&path) {
                    return Err(self.conflict(&self.nodes[&path], path, package));
                }
            }
            Some(existing) if existing.entry.kind != EntryKind::Directory => {
                return Err(self.conflict(&self.nodes[&path], path, package));
            }
            _ => {
                self.nodes.insert(path, node);
            }
        }
        self.directories[package].insert(listed, owner);
        Ok(())
    }

    fn verdict(&self, existing: &Node, new: &Node, package: usize) -> Verdict {
        if existing.entry.kind == EntryKind::Directory {
            return Verdict::Conflict;
        }
        let same_kind =
            std::mem::discriminant(&existing.entry.kind) == std::mem::discriminant(&new.entry.kind);
        if same_kind && existing.sha1.is_some() && existing.sha1 == new.sha1 {
            return Verdict::KeepFirst;
        }
        let Some(first) = existing.package.filter(|first| *first != package) else {
            return Verdict::Conflict;
        };
        let (old, new) = (&self.packages[first], &self.packages[package]);
        Claim::from(old).against(Claim::from(new))
    }

    fn conflict(&self, existing: &Node, path: EntryPath, package: usize) -> InstallError {
        let second = self.packages[package].entry.file_name();
        match existing.package {
            Some(first) => InstallError::Conflict {
                path,
                first: self.packages[first].entry.file_name(),
                second,
            },
            None => InstallError::System {
                path,
                package: second,
            },
        }
    }
}

/// As apk-tools decides what a directory of several packages is (`apk_db_dir_apply_diri_permissions`).
fn join_directories(existing: &mut Entry, new: Entry) {
    let (old_ids, new_ids) = ((existing.uid, existing.gid), (new.uid, new.gid));
    if new_ids < old_ids {
        (existing.uid, existing.gid, existing.mode) = (new.uid, new.gid, new.mode);
    } else if new_ids == old_ids {
        existing.mode &= new.mode;
    }
    existing.xattrs.extend(new.xattrs);
}

/// What a package says that decides about files of two packages.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    entry: &'a IndexEntry,
    replaces: &'a [Dependency],
    priority: u64,
}

impl<'a> From<&'a InstalledPackage> for Claim<'a> {
    fn from(package: &'a InstalledPackage) -> Self {
        Self {
            entry: &package.entry,
            replaces: &package.replaces,
            priority: package.replaces_priority,
        }
    }
}

impl<'a> From<&'a InstalledRecord> for Claim<'a> {
    fn from(record: &'a InstalledRecord) -> Self {
        Self {
            entry: &record.entry,
            replaces: &record.replaces,
            priority: record.replaces_priority,
        }
    }
}

impl Claim<'_> {
    /// What becomes of a file of the package that came first when `new` has another one there.
    pub(super) fn against(self, new: Claim<'_>) -> Verdict {
        if !self.entry.origin.is_empty() && self.entry.origin == new.entry.origin {
            return Verdict::Overwrite;
        }
        let old_priority = self.replaces(new).then_some(self.priority);
        let new_priority = new.replaces(self).then_some(new.priority);
        if old_priority > new_priority {
            Verdict::KeepFirst
        } else if new_priority.is_some() {
            Verdict::Overwrite
        } else {
            Verdict::Conflict
        }
    }

    /// Whether it may have the files of `other`.
    fn replaces(self, other: Claim<'_>) -> bool {
        let names = |wanted: &Dependency| wanted.name == other.entry.name;
        self.replaces
            .iter()
            .any(|wanted| names(wanted) && wanted.accepts(Some(&other.entry.version)))
    }
}
