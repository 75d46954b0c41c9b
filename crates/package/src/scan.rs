//! Reading a stranger's tar archive without unpacking it.
//!
//! The archive comes from a guest or from a distribution's package, so nothing in it is believed:
//! paths are validated, every size is bounded before anything is allocated for it, links must name
//! what came before, and nothing may lie beneath a link. The only trace of a file is its offset.
//! Extension headers are read here, raw, because the `tar` crate would read them without a bound.

mod extension;

use crate::limits::Limits;
use crate::tree::{Content, Node, Tree};
use bessemer_apk::{Entry, EntryKind, EntryPath};
use extension::Extension;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use tar::EntryType;

/// Bytes in a header; contents are padded to whole blocks, and an empty one ends the archive.
const BLOCK: usize = 512;
/// Roughly what an entry takes in memory beside its names and attributes.
const ENTRY_SIZE: u64 = 256;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The archive cannot be read, or a header is malformed.
    #[error("cannot read the archive near byte {offset}")]
    Read {
        /// Bytes from the start of the archive.
        offset: u64,
        /// What the read said.
        source: io::Error,
    },
    /// There is no end marker, so whoever wrote the archive may not have finished.
    #[error("archive has no end marker at byte {offset}")]
    Unfinished {
        /// Bytes from the start of the archive.
        offset: u64,
    },
    /// A bound of [`Limits`] is exceeded.
    #[error("archive exceeds the limit on {what} ({limit}) at byte {offset}")]
    Limit {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// Bytes from the start of the archive.
        offset: u64,
    },
    /// An entry that no package may hold.
    #[error("archive entry `{path}` at byte {offset}: {reason}")]
    Entry {
        /// The entry's path as far as it could be read, escaped.
        path: String,
        /// Bytes from the start of the archive.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// An uncompressed tar archive in a file.
#[derive(Debug)]
pub struct Archive;

impl Archive {
    /// Reads every header of the tar archive in `file`, from its start to its end marker.
    ///
    /// # Errors
    /// The first entry that is malformed, over a limit, duplicated, beneath a link, or a hard link
    /// to something other than an earlier regular file.
    pub fn scan(file: File, limits: &Limits) -> Result<Tree, ScanError> {
        let length = file
            .metadata()
            .map_err(|source| ScanError::Read { offset: 0, source })?
            .len();
        let file = Arc::new(file);
        let mut scanner = Scanner {
            file: Arc::clone(&file),
            length,
            limits,
            total: 0,
            held: 0,
            extension: Extension::default(),
            tree: Tree::new(),
            parents: BTreeSet::new(),
        };
        let read = |source| ScanError::Read { offset: 0, source };
        (&*file).seek(SeekFrom::Start(0)).map_err(read)?;
        let mut archive = tar::Archive::new(&*file);
        let mut offset = 0;
        let entries = archive.entries_with_seek().map_err(read)?.raw(true);
        for (count, entry) in (1..).zip(entries) {
            let mut entry = entry.map_err(|source| ScanError::Read { offset, source })?;
            offset = entry.raw_header_position();
            if count > limits.entries {
                return Err(ScanError::Limit {
                    what: "entries",
                    limit: limits.entries,
                    offset,
                });
            }
            scanner.take(&mut entry)?;
            let size = entry.size().checked_next_multiple_of(BLOCK as u64);
            offset = size
                .and_then(|size| entry.raw_file_position().checked_add(size))
                .ok_or(ScanError::Unfinished { offset })?;
        }
        let mut end = [1; BLOCK];
        match file.read_exact_at(&mut end, offset) {
            Ok(()) if end == [0; BLOCK] => Ok(scanner.tree),
            _ => Err(ScanError::Unfinished { offset }),
        }
    }
}

struct Scanner<'a> {
    file: Arc<File>,
    length: u64,
    limits: &'a Limits,
    total: u64,
    /// Bytes of names and attributes kept in memory.
    held: u64,
    extension: Extension,
    tree: Tree,
    /// Every directory that some entry lies in, named in the archive or not.
    parents: BTreeSet<String>,
}

impl Scanner<'_> {
    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), ScanError> {
        if self.extension.take(entry, self.limits)? {
            return Ok(());
        }
        let offset = entry.raw_header_position();
        let mut extension = std::mem::take(&mut self.extension);
        let path = extension.path.take();
        let path = path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let shown = path.escape_ascii().to_string();
        let wrong = |reason: String| ScanError::Entry {
            path: shown.clone(),
            offset,
            reason,
        };
        match self.path(&path).map_err(wrong)? {
            Some(path) => self.place(entry, path, extension, &wrong),
            None => Ok(()),
        }
    }

    fn place<R: Read>(
        &mut self,
        entry: &tar::Entry<'_, R>,
        path: EntryPath,
        extension: Extension,
        wrong: &dyn Fn(String) -> ScanError,
    ) -> Result<(), ScanError> {
        let header = entry.header();
        let number = |result: io::Result<u64>| result.map_err(|error| wrong(error.to_string()));
        let size = number(header.entry_size())?;
        if extension.size.is_some_and(|pax| pax != size) {
            return Err(wrong(
                "the PAX record and the header disagree about the size".into(),
            ));
        }
        let link = extension
            .link
            .clone()
            .or_else(|| header.link_name_bytes().map(|link| link.to_vec()));
        let kind = self.kind(header, size, link.as_deref()).map_err(wrong)?;
        let (offset, raw_offset) = (entry.raw_file_position(), entry.raw_header_position());
        let mut content = Content::None;
        if let EntryKind::File { size } = kind {
            self.count(size, offset, raw_offset)?;
            content = Content::At {
                file: Arc::clone(&self.file),
                offset,
            };
        } else if size != 0 {
            return Err(wrong("only regular files may have contents".into()));
        }
        self.check_place(&path, &kind).map_err(wrong)?;
        let owner = |id: u64| u32::try_from(id).map_err(|_| wrong("owner exceeds 32 bits".into()));
        let uid = owner(extension.uid.map_or_else(|| number(header.uid()), Ok)?)?;
        let gid = owner(extension.gid.map_or_else(|| number(header.gid()), Ok)?)?;
        let mode = header.mode().map_err(|error| wrong(error.to_string()))? & 0o7777;
        self.hold(&path, extension.held(), raw_offset)?;
        let entry = Entry {
            path,
            kind,
            mode,
            uid,
            gid,
            xattrs: extension.xattrs,
        };
        self.tree.insert(Node { entry, content });
        Ok(())
    }

    fn kind(
        &self,
        header: &tar::Header,
        size: u64,
        link: Option<&[u8]>,
    ) -> Result<EntryKind, String> {
        let device = || -> Result<(u32, u32), String> {
            let part = |value: io::Result<Option<u32>>| value.ok().flatten();
            part(header.device_major())
                .zip(part(header.device_minor()))
                .ok_or_else(|| "device number is malformed".to_owned())
        };
        Ok(match header.entry_type() {
            EntryType::Regular | EntryType::Continuous => EntryKind::File { size },
            EntryType::Directory => EntryKind::Directory,
            EntryType::Symlink => EntryKind::Symlink {
                target: self.target(link)?,
            },
            EntryType::Link => {
                let target = self.path(link.unwrap_or_default())?;
                EntryKind::Hardlink {
                    target: target.ok_or("hard link to the root")?,
                }
            }
            EntryType::Char => {
                let (major, minor) = device()?;
                EntryKind::CharDevice { major, minor }
            }
            EntryType::Block => {
                let (major, minor) = device()?;
                EntryKind::BlockDevice { major, minor }
            }
            EntryType::Fifo => EntryKind::Fifo,
            other => {
                return Err(format!(
                    "unexpected tar type {:?}",
                    char::from(other.as_byte())
                ));
            }
        })
    }

    /// Adds a file's size to the total and checks that the archive holds all of it.
    fn count(&mut self, size: u64, start: u64, offset: u64) -> Result<(), ScanError> {
        let limit = self.limits.total_size;
        self.total = self.total.saturating_add(size);
        if self.total > limit {
            return Err(ScanError::Limit {
                what: "total size",
                limit,
                offset,
            });
        }
        if start.checked_add(size).is_none_or(|end| end > self.length) {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(ScanError::Read {
                offset: self.length,
                source,
            });
        }
        Ok(())
    }

    /// Counts what an entry keeps in memory, the directories it implies included.
    fn hold(&mut self, path: &EntryPath, extension: usize, offset: u64) -> Result<(), ScanError> {
        let mut bytes = path.as_str().len() + extension;
        for above in ancestors(path.as_str()) {
            if !self.parents.insert(above.to_owned()) {
                break;
            }
            bytes += above.len();
        }
        let limit = self.limits.metadata;
        self.held = self.held.saturating_add(bytes as u64 + ENTRY_SIZE);
        if self.held > limit {
            return Err(ScanError::Limit {
                what: "names and attributes",
                limit,
                offset,
            });
        }
        Ok(())
    }

    /// No duplicates (but for directories), nothing beneath a non-directory, hard links to earlier
    /// regular files only.
    fn check_place(&self, path: &EntryPath, kind: &EntryKind) -> Result<(), String> {
        if let Some(earlier) = self.tree.get(path)
            && !(*kind == EntryKind::Directory && earlier.entry.kind == EntryKind::Directory)
        {
            return Err("the path occurs twice".into());
        }
        let text = path.to_string();
        if *kind != EntryKind::Directory && self.parents.contains(&text) {
            return Err("other entries lie beneath it, but it is no directory".into());
        }
        for above in ancestors(&text) {
            // Whatever is known to have entries was checked when it got the first.
            if self.parents.contains(above) {
                break;
            }
            let node = self.tree.find(above);
            if node.is_some_and(|node| node.entry.kind != EntryKind::Directory) {
                return Err(format!("it lies beneath `{above}`, not a directory"));
            }
        }
        if let EntryKind::Hardlink { target } = kind {
            let file = self.tree.get(target).map(|node| &node.entry.kind);
            if !matches!(file, Some(EntryKind::File { .. })) {
                return Err(format!(
                    "hard link to `{target}`, not an earlier regular file"
                ));
            }
        }
        Ok(())
    }

    /// A validated path, or `None` for the root itself (`.` or `./`).
    fn path(&self, bytes: &[u8]) -> Result<Option<EntryPath>, String> {
        let text = self.text(bytes)?;
        let mut text = text.trim_end_matches('/');
        while let Some(rest) = text.strip_prefix("./") {
            text = rest;
        }
        if text.is_empty() || text == "." {
            return if bytes.starts_with(b"/") || bytes.is_empty() {
                Err("the path is empty or absolute".into())
            } else {
                Ok(None)
            };
        }
        if let Some(name) = text.split('/').find(|name| name.len() > self.limits.name) {
            return Err(format!("a name of {} bytes is too long", name.len()));
        }
        EntryPath::new(text)
            .map(Some)
            .map_err(|error| error.to_string())
    }

    fn target(&self, bytes: Option<&[u8]>) -> Result<String, String> {
        match self.text(bytes.unwrap_or_default())? {
            "" => Err("symbolic link without a target".into()),
            target => Ok(target.to_owned()),
        }
    }

    fn text<'t>(&self, bytes: &'t [u8]) -> Result<&'t str, String> {
        if bytes.len() > self.limits.path {
            return Err(format!("a path of {} bytes is too long", bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "the path is not UTF-8".to_owned())?;
        if text.chars().any(char::is_control) {
            return Err("the path contains a control character".into());
        }
        Ok(text)
    }
}

/// The directories that `path` lies in, deepest first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(index, _)| &path[..index])
}

#[cfg(test)]
mod tests;
