//! A Merkle tree in memory: roots of every size, and proofs. Source: RFC 6962 §2.1.

use crate::hash::node_hash;
use bessemer_digest::Digest;

/// The tree of a log. `levels[0]` are the leaves, `levels[n][i]` is the hash over the `2^n` leaves
/// from `i * 2^n` on, and only whole ones are kept: two hashes an entry in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds the hash of an entry at the end.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            if row.len() % 2 == 1 {
                return;
            }
            hash = node_hash(&row[row.len() - 2], &row[row.len() - 1]);
        }
    }

    /// The whole hashes of a level: the leaves are level 0.
    pub fn level(&self, level: usize) -> &[Digest] {
        self.levels.get(level).map_or(&[], Vec::as_slice)
    }

    /// The root over the first `size` entries, if there are as many.
    pub fn root(&self, size: u64) -> Option<Digest> {
        (size <= self.size()).then(|| self.range(0, size))
    }

    /// The way from entry `index` to the root over the first `size` entries.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Digest>> {
        if index >= size || size > self.size() {
            return None;
        }
        let mut path = Vec::new();
        let (mut from, mut until) = (0, size);
        while until - from > 1 {
            let middle = from + split(until - from);
            if index < middle {
                path.push(self.range(middle, until));
                until = middle;
            } else {
                path.push(self.range(from, middle));
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// What shows that the first `old` of `new` entries are the ones that an older root is over.
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Digest>> {
        if old > new || new > self.size() {
            return None;
        }
        if old == 0 || old == new {
            return Some(Vec::new());
        }
        let mut path = Vec::new();
        let (mut from, mut until) = (0, new);
        // Whether what is left is the older tree itself, whose root the reader has.
        let mut whole = true;
        while old != until {
            let middle = from + split(until - from);
            if old <= middle {
                path.push(self.range(middle, until));
                until = middle;
            } else {
                path.push(self.range(from, middle));
                from = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(from, until));
        }
        path.reverse();
        Some(path)
    }

    /// The hash over the entries from `from` until before `until`; `from` is a multiple of the
    /// smallest power of two that is not less than their number.
    fn range(&self, from: u64, until: u64) -> Digest {
        let count = until - from;
        if count == 0 {
            // RFC 6962 §2.1: the root of no entries is the hash of nothing.
            return Digest::of(b"");
        }
        if count.is_power_of_two() {
            let level = count.trailing_zeros() as usize;
            let place = usize::try_from(from >> level).unwrap_or(usize::MAX);
            if let Some(hash) = self.level(level).get(place) {
                return *hash;
            }
        }
        let middle = from + split(count);
        node_hash(&self.range(from, middle), &self.range(middle, until))
    }
}

/// The largest power of two below `count`, which is 2 or more.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
