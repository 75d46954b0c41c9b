//! Checking proofs. Source: RFC 9162 §2.1.3.2 and §2.1.4.2.

use crate::hash::node_hash;
use bessemer_digest::Digest;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// There is no such entry, or the older tree is the larger one.
    #[error("{index} does not lie within a tree of {size} entries")]
    Range {
        /// The entry's index, or the older size.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// More or fewer hashes than the way has steps.
    #[error("the proof has {0} hashes, which is not the length of the way")]
    Length(usize),
    /// Another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Whether the entry with the hash `leaf` is the one at `index` in the tree of `size` entries with
/// this root.
pub fn check_inclusion(
    leaf: Digest,
    index: u64,
    size: u64,
    path: &[Digest],
    root: &Digest,
) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::Range { index, size });
    }
    let (mut own, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return Err(MerkleError::Length(path.len()));
        }
        if own % 2 == 1 || own == last {
            hash = node_hash(step, &hash);
            while own.is_multiple_of(2) && own != 0 {
                own /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        own /= 2;
        last /= 2;
    }
    if last != 0 {
        return Err(MerkleError::Length(path.len()));
    }
    if hash == *root {
        Ok(())
    } else {
        Err(MerkleError::Root)
    }
}

/// Whether the tree of `old` entries with `old_root` is the beginning of the tree of `new` entries
/// with `new_root`.
pub fn check_consistency(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    path: &[Digest],
) -> Result<(), MerkleError> {
    if old > new {
        return Err(MerkleError::Range {
            index: old,
            size: new,
        });
    }
    if old == 0 || old == new {
        if !path.is_empty() {
            return Err(MerkleError::Length(path.len()));
        }
        let same = if old == 0 {
            *old_root == Digest::of(b"")
        } else {
            old_root == new_root
        };
        return if same { Ok(()) } else { Err(MerkleError::Root) };
    }
    let length = || MerkleError::Length(path.len());
    // A tree of a power of two stands whole in the newer one, so its root is not repeated.
    let (mut seed, mut steps) = (*old_root, path);
    if !old.is_power_of_two() {
        let (first, rest) = path.split_first().ok_or_else(length)?;
        (seed, steps) = (*first, rest);
    }
    let (mut own, mut last) = (old - 1, new - 1);
    while own % 2 == 1 {
        own /= 2;
        last /= 2;
    }
    let (mut older, mut newer) = (seed, seed);
    for step in steps {
        if last == 0 {
            return Err(length());
        }
        if own % 2 == 1 || own == last {
            older = node_hash(step, &older);
            newer = node_hash(step, &newer);
            while own.is_multiple_of(2) && own != 0 {
                own /= 2;
                last /= 2;
            }
        } else {
            newer = node_hash(&newer, step);
        }
        own /= 2;
        last /= 2;
    }
    if last != 0 {
        return Err(length());
    }
    if older == *old_root && newer == *new_root {
        Ok(())
    } else {
        Err(MerkleError::Root)
    }
}
