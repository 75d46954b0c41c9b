//! The files in which apk remembers what is installed.

use super::Root;
use crate::index::RenderIndexError;
use crate::package::Control;
use crate::{Dependency, EntryKind, EntryPath, Index, IndexEntry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the tree remembers of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// As in an index.
    pub entry: IndexEntry,
    /// Packages whose files it may take over.
    pub replaces: Vec<Dependency>,
    /// Decides when two packages replace each other.
    pub replaces_priority: u64,
}

impl InstalledPackage {
    /// From the control member of a package of `size` bytes.
    pub fn from_package(control: &Control, size: u64) -> Self {
        let info = &control.pkginfo;
        Self {
            entry: IndexEntry::from_package(control, size),
            replaces: info
                .replaces
                .iter()
                .map(|text| Dependency::from_index(text))
                .collect(),
            replaces_priority: info.replaces_priority.unwrap_or(0),
        }
    }
}

/// `etc/apk/world`: the constraints, sorted, one a line.
pub fn world_file(world: &[Dependency]) -> String {
    let mut lines: Vec<String> = world.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}

impl<C> Root<C> {
    /// `usr/lib/apk/db/installed`: each package's index entry, then its directories (`F:`, with
    /// `M:uid:gid:mode` unless 0:0:755) and in each its files (`R:`, with `a:uid:gid:mode` unless
    /// 0:0:644, and `Z:` with the SHA-1). A file that two packages have is listed with the one
    /// whose file it is.
    pub fn installed_file(&self) -> Result<String, RenderIndexError> {
        let mut files: Vec<BTreeMap<Option<EntryPath>, Vec<&EntryPath>>> =
            vec![BTreeMap::new(); self.packages.len()];
        for (path, node) in &self.nodes {
            if node.entry.kind != EntryKind::Directory {
                files[node.package]
                    .entry(path.parent())
                    .or_default()
                    .push(path);
            }
        }
        let mut text = String::new();
        for (number, mut files) in files.into_iter().enumerate() {
            let package = &self.packages[number];
            let index = Index {
                entries: vec![package.entry.clone()],
                ..Index::default()
            };
            text.push_str(index.render()?.trim_end_matches('\n'));
            text.push('\n');
            if !package.replaces.is_empty() {
                let names: Vec<String> = package.replaces.iter().map(ToString::to_string).collect();
                let _ = writeln!(text, "r:{}", names.join(" "));
            }
            for directory in self.directories[number].keys() {
                files.entry(Some(directory.clone())).or_default();
            }
            for (directory, files) in files {
                self.directory_lines(&mut text, number, directory.as_ref(), &files);
            }
            text.push('\n');
        }
        Ok(text)
    }

    fn directory_lines(
        &self,
        text: &mut String,
        package: usize,
        directory: Option<&EntryPath>,
        files: &[&EntryPath],
    ) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "F:{}", directory.map_or("", EntryPath::as_str));
        if let Some(owner) = directory.and_then(|path| self.directories[package].get(path))
            && (owner.uid, owner.gid, owner.mode) != (0, 0, 0o755)
        {
            let _ = writeln!(text, "M:{}:{}:{:o}", owner.uid, owner.gid, owner.mode);
        }
        for path in files {
            let Some(node) = self.nodes.get(*path) else {
                continue;
            };
            let entry = &node.entry;
            let _ = writeln!(text, "R:{}", path.file_name());
            if (entry.uid, entry.gid, entry.mode) != (0, 0, 0o644) {
                let _ = writeln!(text, "a:{}:{}:{:o}", entry.uid, entry.gid, entry.mode);
            }
            if let Some(sha1) = node.sha1 {
                let _ = writeln!(text, "Z:Q1{}", STANDARD.encode(sha1));
            }
        }
    }
}
