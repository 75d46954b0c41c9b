//! Reading a whole log and holding every file of it against its checkpoint.

use crate::tile::{self, CHECKPOINT, FILE_LIMIT, Kind, Tile};
use crate::{
    Checkpoint, CheckpointError, MerkleError, NoteKey, Tree, check_consistency, leaf_hash,
};
use std::io;

/// A log that is what its checkpoint says.
#[derive(Debug)]
pub struct Audit {
    /// What the log says of itself, verified.
    pub checkpoint: Checkpoint,
    /// Its tree, made anew from the entries.
    pub tree: Tree,
}

/// Why a log is not what it says.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file of the log is missing or cannot be read.
    #[error("cannot read `{path}` of the log")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A checkpoint is not the log's.
    #[error("the {0} checkpoint is refused")]
    Checkpoint(&'static str, #[source] CheckpointError),
    /// A bundle is not so many entries.
    #[error("`{path}` of the log is not {width} entries")]
    Bundle {
        /// Which file.
        path: String,
        /// How many it should hold.
        width: u64,
    },
    /// The entries have another root.
    #[error("the entries have the root {found}, but the checkpoint says {expected}")]
    Root {
        /// What the checkpoint says.
        expected: String,
        /// What the entries have.
        found: String,
    },
    /// A tile has other hashes than its entries.
    #[error("`{path}` of the log has other hashes than the entries")]
    Tile {
        /// Which file.
        path: String,
    },
    /// The log is shorter than, or another than, an earlier checkpoint says.
    #[error("the log does not continue the older checkpoint of {size} entries")]
    Inconsistent {
        /// The older checkpoint's size.
        size: u64,
        /// What does not hold.
        source: MerkleError,
    },
    /// Whoever looks at the entries refuses one.
    #[error("entry {index} of the log is refused: {reason}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why.
        reason: String,
    },
}

/// Reads the log whose files `read` gives by path, verifies its checkpoint with `key`, makes the
/// root anew from the entries, compares every tile, and shows each entry to `look`.
pub fn audit(
    key: &NoteKey,
    mut read: impl FnMut(&str) -> io::Result<Vec<u8>>,
    mut look: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> Result<Audit, AuditError> {
    let mut file = |path: &str| {
        read(path)
            .and_then(|bytes| {
                if bytes.len() > FILE_LIMIT {
                    return Err(io::Error::from(io::ErrorKind::FileTooLarge));
                }
                Ok(bytes)
            })
            .map_err(|source| AuditError::Read {
                path: path.to_owned(),
                source,
            })
    };
    let checkpoint = Checkpoint::open(&file(CHECKPOINT)?, key)
        .map_err(|source| AuditError::Checkpoint("log's", source))?;
    let mut tree = Tree::default();
    for part in tile::added(0, checkpoint.size) {
        let Tile {
            kind,
            number,
            width,
        } = part;
        let path = part.path();
        let bytes = file(&path)?;
        match kind {
            Kind::Entries => {
                let entries = tile::entries(&bytes, width);
                let entries = entries.ok_or(AuditError::Bundle { path, width })?;
                for entry in entries {
                    let index = tree.size();
                    look(index, entry).map_err(|reason| AuditError::Entry { index, reason })?;
                    tree.push(leaf_hash(entry));
                }
            }
            Kind::Hashes(level) => {
                if tile::hashes(&tree, level, number, width).as_deref() != Some(&bytes[..]) {
                    return Err(AuditError::Tile { path });
                }
            }
        }
    }
    let found = tree.root(checkpoint.size);
    if found != Some(checkpoint.root) {
        return Err(AuditError::Root {
            expected: checkpoint.root.to_string(),
            found: found.map_or_else(String::new, |root| root.to_string()),
        });
    }
    Ok(Audit { checkpoint, tree })
}

impl Audit {
    /// Whether the log continues an older checkpoint of it.
    pub fn continues(&self, older: &Checkpoint) -> Result<(), AuditError> {
        let (size, new) = (older.size, self.checkpoint.size);
        let inconsistent = |source| AuditError::Inconsistent { size, source };
        let path = self.tree.consistency(size, new).ok_or_else(|| {
            inconsistent(MerkleError::Range {
                index: size,
                size: new,
            })
        })?;
        check_consistency(size, &older.root, new, &self.checkpoint.root, &path)
            .map_err(inconsistent)
    }
}
