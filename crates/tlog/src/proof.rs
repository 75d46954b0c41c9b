//! Proofs that a log has an entry, to be kept beside what the entry is about.
//! Source: c2sp.org/tlog-proof.

use crate::checkpoint::{hash, number};
use crate::{Checkpoint, CheckpointError, ENTRY_LIMIT, MerkleError, NoteKey};
use crate::{check_inclusion, leaf_hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;

/// The first line of every proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1\n";
/// The largest proof that is read, in bytes (128 KiB): an entry in base64, a way, a checkpoint.
const PROOF_LIMIT: usize = 128 << 10;
/// The most hashes of a way: sizes have 64 bits.
const HASH_LIMIT: usize = 64;

/// Why bytes are not a proof, or do not prove it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Too many bytes.
    #[error("the proof has {0} bytes; at most {PROOF_LIMIT} are read")]
    TooLarge(usize),
    /// Not of the form.
    #[error("the proof is not of the form `{}`", HEADER.trim_end())]
    Shape,
    /// The checkpoint is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The way does not lead to the root.
    #[error("the entry is not in the log")]
    Inclusion(#[from] MerkleError),
}

/// An entry, its place, and the way from there to a signed root. Nothing is verified by reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry itself: the form's `extra` line.
    pub entry: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// The way to the root.
    pub path: Vec<Digest>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl Proof {
    /// The proof as text.
    pub fn to_text(&self) -> String {
        let extra = STANDARD.encode(&self.entry);
        let mut text = format!("{HEADER}extra {extra}\nindex {}\n", self.index);
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads one proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROOF_LIMIT {
            return Err(ProofError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofError::Shape)?;
        Self::from_text(text).ok_or(ProofError::Shape)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.strip_prefix(HEADER)?.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let entry = STANDARD
            .decode(lines.next()?.strip_prefix("extra ")?)
            .ok()?;
        let index = number(lines.next()?.strip_prefix("index ")?)?;
        let path: Vec<Digest> = lines.map(hash).collect::<Option<_>>()?;
        (entry.len() <= ENTRY_LIMIT && path.len() <= HASH_LIMIT).then(|| Self {
            entry,
            index,
            path,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Verifies that the log with this key has the entry at the index; returns the checkpoint.
    pub fn check(&self, key: &NoteKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), key)?;
        let leaf = leaf_hash(&self.entry);
        check_inclusion(
            leaf,
            self.index,
            checkpoint.size,
            &self.path,
            &checkpoint.root,
        )?;
        Ok(checkpoint)
    }

    /// Cuts a file of several proofs, one after the other, at their first lines.
    pub fn split(bytes: &[u8]) -> Vec<&[u8]> {
        let header = HEADER.as_bytes();
        let mut starts: Vec<usize> = vec![0];
        let lines = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(end, _)| end + 1);
        starts.extend(lines.filter(|&start| bytes[start..].starts_with(header)));
        starts.push(bytes.len());
        let pairs = starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        pairs.filter(|part| !part.is_empty()).collect()
    }
}
