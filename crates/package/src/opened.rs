//! A finished package as a tree.

use crate::tree::{Content, Node, Tree};
use bessemer_apk::package::{Header, ReadError, Reader};
use bessemer_apk::{EntryKind, Limits};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// A package file, read once.
#[derive(Debug)]
pub struct Opened {
    /// Signature and control member.
    pub header: Header,
    /// The files of its data member.
    pub tree: Tree,
    /// Whether the data member is the one that the control member names. A tree that is not proved
    /// may be looked at but not believed.
    pub proof: Result<(), ReadError>,
}

/// Why a package file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is no package.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files of the data member cannot be kept.
    #[error("cannot keep the package's files")]
    Io(#[from] io::Error),
}

impl Opened {
    /// Reads the package in `file`. Contents go, decompressed, to one temporary file in the
    /// directory `scratch`, which has no name there and is gone with the tree.
    pub fn read(file: File, scratch: &Path, limits: Limits) -> Result<Self, OpenError> {
        let mut reader = Reader::open(BufReader::new(file), limits)?;
        let header = reader.header().clone();
        let mut contents = tempfile::tempfile_in(scratch)?;
        let mut found = Vec::new();
        let mut offset = 0_u64;
        while let Some(mut entry) = reader.next_entry()? {
            let size = match entry.entry.kind {
                EntryKind::File { size } => size,
                _ => 0,
            };
            found.push((entry.entry.clone(), offset));
            let copied = io::copy(&mut entry.by_ref().take(size), &mut contents)?;
            if copied != size {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            offset += size;
        }
        contents.seek(SeekFrom::Start(0))?;
        let file = Arc::new(contents);
        let mut tree = Tree::new();
        for (entry, offset) in found {
            let content = match entry.kind {
                EntryKind::File { .. } => Content::At {
                    file: Arc::clone(&file),
                    offset,
                },
                _ => Content::None,
            };
            tree.insert(Node { entry, content });
        }
        Ok(Self {
            header,
            tree,
            proof: reader.finish().map(drop),
        })
    }
}
