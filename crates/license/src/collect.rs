//! Gathering licence files from sources.

use crate::archive::{self, ArchiveError};
use crate::names::weight;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much of strangers' sources is read. Sizes in bytes, after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries of one archive or directory.
    pub entries: u64,
    /// One archive.
    pub archive: u64,
    /// One licence file; a larger one is left out and named.
    pub file: u64,
    /// Licence files together.
    pub kept: u64,
}

impl Default for Limits {
    /// 2,000,000 entries, 16 GiB an archive, 1 MiB a file, 64 MiB together.
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            archive: 16 << 30,
            file: 1 << 20,
            kept: 64 << 20,
        }
    }
}

/// Which part of a source is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The top and one level below, without `vendor`: most likely the project's own licences.
    Shallow,
    /// All of it, with what it contains of others.
    Deep,
}

/// Where a source's files are in the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// The folder it is unpacked in, relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// Leading components of its paths that are dropped.
    pub strip: usize,
}

/// A file that by its name, or as the recipe says, holds a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseFile {
    /// Its path in the workspace.
    pub path: String,
    /// What it holds; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// [`weight`] of its path, or 100 for one that only the recipe names.
    pub weight: u16,
}

/// Gathers licence files, each path once: what comes later replaces what was there, as unpacking
/// over it would.
#[derive(Debug)]
pub struct Collector {
    depth: Depth,
    limits: Limits,
    declared: BTreeSet<String>,
    files: BTreeMap<String, LicenseFile>,
    too_large: BTreeSet<String>,
    kept: u64,
}

impl Collector {
    /// `declared` are paths that hold a licence because the recipe says so.
    pub fn new(depth: Depth, limits: Limits, declared: impl IntoIterator<Item = String>) -> Self {
        Self {
            depth,
            limits,
            declared: declared.into_iter().collect(),
            files: BTreeMap::new(),
            too_large: BTreeSet::new(),
            kept: 0,
        }
    }

    /// Reads an archive: tar, plain or compressed with gzip, xz, bzip2 or zstd, or zip. False when
    /// the file is none of these.
    pub fn archive(&mut self, file: File, placement: &Placement) -> Result<bool, ArchiveError> {
        let limits = self.limits;
        archive::read(
            file,
            &limits,
            &mut |path, content| match placement.place(path) {
                Some(path) => self.offer(path, content),
                None => Ok(()),
            },
        )
    }

    /// Reads a directory; symbolic links in it are not followed.
    pub fn directory(&mut self, root: &Path, placement: &Placement) -> Result<(), ArchiveError> {
        let mut entries = 0;
        let mut waiting = vec![(root.to_owned(), String::new())];
        while let Some((directory, relative)) = waiting.pop() {
            let listed = std::fs::read_dir(&directory).map_err(ArchiveError::Read)?;
            for entry in listed {
                let entry = entry.map_err(ArchiveError::Read)?;
                entries += 1;
                if entries > self.limits.entries {
                    return Err(ArchiveError::limit("entries", self.limits.entries));
                }
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let path = match relative.as_str() {
                    "" => name,
                    relative => format!("{relative}/{name}"),
                };
                let kind = entry.file_type().map_err(ArchiveError::Read)?;
                if kind.is_dir() {
                    waiting.push((entry.path(), path));
                } else if kind.is_file()
                    && let Some(path) = placement.place(&path)
                    && self.wanted(&path).is_some()
                {
                    let mut file = File::open(entry.path()).map_err(ArchiveError::Read)?;
                    self.offer(path, &mut file)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a single file.
    pub fn file(&mut self, path: String, content: &mut dyn Read) -> Result<(), ArchiveError> {
        self.offer(path, content)
    }

    /// What was gathered, the likeliest first, and the paths of files that were too large.
    pub fn finish(self) -> (Vec<LicenseFile>, Vec<String>) {
        let mut files: Vec<LicenseFile> = self.files.into_values().collect();
        files.sort_by(|one, other| (other.weight, &one.path).cmp(&(one.weight, &other.path)));
        (files, self.too_large.into_iter().collect())
    }

    fn wanted(&self, path: &str) -> Option<u16> {
        if self.declared.contains(path) {
            return Some(weight(path).unwrap_or(100));
        }
        let shallow = self.depth == Depth::Shallow;
        let parts = path.split('/');
        if shallow && (parts.clone().count() > 2 || parts.clone().any(|part| part == "vendor")) {
            return None;
        }
        weight(path)
    }

    fn offer(&mut self, path: String, content: &mut dyn Read) -> Result<(), ArchiveError> {
        let Some(weight) = self.wanted(&path) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        let read = content.take(self.limits.file + 1).read_to_end(&mut bytes);
        read.map_err(ArchiveError::Read)?;
        if bytes.len() as u64 > self.limits.file {
            if self.too_large.len() < 100 {
                self.too_large.insert(path);
            }
            return Ok(());
        }
        self.kept += bytes.len() as u64;
        if self.kept > self.limits.kept {
            return Err(ArchiveError::limit("licence files", self.limits.kept));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let file = LicenseFile {
            path: path.clone(),
            text,
            weight,
        };
        self.files.insert(path, file);
        Ok(())
    }
}

impl Placement {
    /// Where a path of the source ends up; `None` for one that is dropped, or that leads out of the
    /// workspace.
    fn place(&self, path: &str) -> Option<String> {
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        let kept: Vec<&str> = parts.skip(self.strip).collect();
        let folder = self.folder.split('/');
        let folder = folder.filter(|part| !matches!(*part, "" | "."));
        let mut whole: Vec<&str> = folder.collect();
        if kept.is_empty() {
            return None;
        }
        whole.extend(kept);
        let leaves = whole.contains(&"..") || whole.iter().any(|part| part.contains('\0'));
        (!leaves).then(|| whole.join("/"))
    }
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

#[cfg(test)]
mod tests;
