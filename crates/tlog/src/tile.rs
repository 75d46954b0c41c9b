//! Tiles: pieces of a log as files that never change. Source: c2sp.org/tlog-tiles.
//!
//! A tile is up to 256 hashes of one level, eight levels apart from the next; an entry bundle is up
//! to 256 entries, each behind its length in 16 bits, big-endian. A partial one has its width in its
//! name, and is the beginning of every wider one.

use crate::{ENTRY_LIMIT, Tree};

/// Hashes in a tile and entries in a bundle that is full.
pub const WIDTH: u64 = 256;
/// Levels of the tree between two levels of tiles.
pub const HEIGHT: usize = 8;
/// Where the checkpoint of a log is.
pub const CHECKPOINT: &str = "checkpoint";

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of the level: 0 has the leaves, 1 the roots of full tiles of level 0.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// One file of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its number in its level, from 0.
    pub number: u64,
    /// How many it holds, 1 to [`WIDTH`].
    pub width: u64,
}

impl Tile {
    /// The file's path in the log: `tile/<level>/<number>`, with `.p/<width>` if it is partial.
    pub fn path(&self) -> String {
        let folder = self.folder();
        if self.width == WIDTH {
            folder
        } else {
            format!("{folder}.p/{}", self.width)
        }
    }

    /// The same without the width: the path of the full tile.
    pub fn folder(&self) -> String {
        let mut number = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        match self.kind {
            Kind::Hashes(level) => format!("tile/{level}/{number}"),
            Kind::Entries => format!("tile/entries/{number}"),
        }
    }
}

/// The tiles that a log of `new` entries has and one of `old` entries has not, entries first.
pub fn added(old: u64, new: u64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let mut kinds = vec![Kind::Entries];
    kinds.extend((0..8).map(Kind::Hashes));
    for kind in kinds {
        let level = match kind {
            Kind::Entries => 0,
            Kind::Hashes(level) => u32::from(level),
        };
        let shift = 8 * level;
        let (from, until) = (old >> shift, new >> shift);
        if from == until {
            continue;
        }
        for number in from / WIDTH..until.div_ceil(WIDTH) {
            let width = (until - number * WIDTH).min(WIDTH);
            tiles.push(Tile {
                kind,
                number,
                width,
            });
        }
    }
    tiles
}

/// The hashes of a tile, one after the other, if the tree is as large.
pub fn hashes(tree: &Tree, level: u8, number: u64, width: u64) -> Option<Vec<u8>> {
    let row = tree.level(usize::from(level) * HEIGHT);
    let from = usize::try_from(number * WIDTH).ok()?;
    let until = from.checked_add(usize::try_from(width).ok()?)?;
    let part = row.get(from..until)?;
    Some(part.iter().flat_map(|hash| *hash.as_bytes()).collect())
}

/// Adds an entry to a bundle; says whether it is short enough.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else {
        return false;
    };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// The entries of a bundle: exactly `width`, and nothing behind them.
pub fn entries(bundle: &[u8], width: u64) -> Option<Vec<&[u8]>> {
    let mut rest = bundle;
    let mut found = Vec::new();
    for _ in 0..width.min(WIDTH) {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        found.push(entry);
        rest = after;
    }
    rest.is_empty().then_some(found)
}

/// The most bytes that a file of a log can have.
pub const FILE_LIMIT: usize = 256 * (ENTRY_LIMIT + 2);

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(old: u64, new: u64) -> Vec<String> {
        added(old, new).iter().map(Tile::path).collect()
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        // c2sp.org/tlog-tiles: a log of 70 000 entries.
        let all = paths(0, 70_000);
        for path in [
            "tile/0/272",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1",
            "tile/entries/273.p/112",
        ] {
            assert!(all.iter().any(|one| one == path), "{path}");
        }
        assert_eq!(all.len(), 2 * 274 + 2 + 1);
        let tile = Tile {
            kind: Kind::Hashes(0),
            number: 1_234_067,
            width: WIDTH,
        };
        assert_eq!(tile.path(), "tile/0/x001/x234/067");
    }

    #[test]
    fn an_entry_more_is_a_wider_tile() {
        assert_eq!(paths(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(
            paths(254, 255),
            ["tile/entries/000.p/255", "tile/0/000.p/255"]
        );
        assert_eq!(
            paths(255, 256),
            ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
        );
        assert_eq!(
            paths(250, 258),
            [
                "tile/entries/000",
                "tile/entries/001.p/2",
                "tile/0/000",
                "tile/0/001.p/2",
                "tile/1/000.p/1"
            ]
        );
        assert_eq!(paths(7, 7), [""; 0]);
    }

    #[test]
    fn bundles_hold_what_was_put_in_and_nothing_else() {
        let mut bundle = Vec::new();
        assert!(push_entry(&mut bundle, b"one"));
        assert!(push_entry(&mut bundle, b""));
        assert!(!push_entry(&mut bundle, &vec![0; ENTRY_LIMIT + 1]));
        assert_eq!(entries(&bundle, 2), Some(vec![&b"one"[..], b""]));
        assert_eq!(entries(&bundle, 1), None, "something is left");
        assert_eq!(entries(&bundle, 3), None, "something is missing");
        assert_eq!(entries(&bundle[..4], 1), None, "cut off");
    }
}
