//! Transparency logs: Merkle trees, tiles, checkpoints, and proofs in them.
//!
//! A log is a list of entries that only grows. Its Merkle tree (RFC 6962 §2.1) has one root for each
//! size; a checkpoint states size and root under the log's key; an inclusion proof leads from one
//! entry to a checkpoint's root, and a consistency proof from an older root to a newer one. On disk a
//! log is tiles (C2SP tlog-tiles), which any web server can hand out.
//!
//! A crate of its own because three sides need the same arithmetic: the signer writes logs, `attest`
//! reads proofs, and the command line audits a whole log. Ours rather than `tlog_tiles`: that crate
//! and `signed_note`, which it needs, bring second versions of `base64` and `thiserror`, `url`, and
//! another implementation of Ed25519 beside the one that is here already.
//!
//! Invariants: no IO but through a reader that is passed in, no private key, no clock.

mod audit;
mod checkpoint;
mod hash;
mod note;
mod proof;
pub mod tile;
mod tree;
mod verify;

pub use audit::{Audit, AuditError, audit};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::{leaf_hash, node_hash};
pub use note::{Note, NoteError, NoteKey, NoteSignature};
pub use proof::{Proof, ProofError};
pub use tree::Tree;
pub use verify::{MerkleError, check_consistency, check_inclusion};

/// The largest entry in bytes: tlog-tiles gives its length 16 bits.
pub const ENTRY_LIMIT: usize = u16::MAX as usize;
