//! Checkpoints: size and root of a log, signed. Source: c2sp.org/tlog-checkpoint.

use crate::note::{Note, NoteError, NoteKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a URL without a scheme. The log's key has this name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// Why bytes are not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or not signed by the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is none of a checkpoint.
    #[error("the checkpoint is not three lines: origin, size, root")]
    Shape,
    /// Another log's.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    Origin {
        /// The log that was meant.
        expected: String,
        /// What the checkpoint says.
        found: String,
    },
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let root = STANDARD.encode(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads the text of a checkpoint. Further lines are extensions of others and passed over.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        let (Some(origin), Some(size), Some(root)) = (line(), line(), line()) else {
            return Err(CheckpointError::Shape);
        };
        let size = number(size).ok_or(CheckpointError::Shape)?;
        let root = hash(root).ok_or(CheckpointError::Shape)?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// Reads a signed checkpoint of the log that `key` belongs to, and verifies the signature.
    pub fn open(bytes: &[u8], key: &NoteKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Self::from_text(note.open(key)?)?;
        if checkpoint.origin == key.name() {
            return Ok(checkpoint);
        }
        Err(CheckpointError::Origin {
            expected: key.name().to_owned(),
            found: checkpoint.origin.chars().take(200).collect(),
        })
    }
}

/// A decimal number in its one spelling.
pub(crate) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in standard base64.
pub(crate) fn hash(text: &str) -> Option<Digest> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Digest::from_bytes(bytes))
}
