//! Java's key store format, as far as stores of trusted certificates need it.
//!
//! Version 2 of `JKS` (OpenJDK, `sun.security.provider.JavaKeyStore`): a head, entries, and a SHA-1 over
//! the password, a phrase and everything before. Entries that are there stay as they are.
//!
//! Invariants: no IO; what is not a whole store with the usual password is none.

use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const PRIVATE_KEY: u32 = 1;
const TRUSTED: u32 = 2;
/// The password that stores of trusted certificates have by custom: there is no secret in them.
const PASSWORD: &str = "changeit";
const PHRASE: &[u8] = b"Mighty Aphrodite";
const KIND: &str = "X.509";
const SUM: usize = 20;

/// Entries by alias, each as it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TrustStore(BTreeMap<Vec<u8>, Vec<u8>>);

impl TrustStore {
    /// Reads a store whose sum is that of the usual password; `None` if it is anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
        if seal(body) != *sum {
            return None;
        }
        let mut rest = body;
        if (number(&mut rest)?, number(&mut rest)?) != (MAGIC, VERSION) {
            return None;
        }
        let count = number(&mut rest)?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let start = rest;
            let alias = entry(&mut rest)?;
            let written = &start[..start.len() - rest.len()];
            entries.insert(alias.to_vec(), written.to_vec());
        }
        rest.is_empty().then_some(Self(entries))
    }

    /// Adds a certificate, or replaces the one of that alias. `time` is in seconds since 1970.
    pub fn insert(&mut self, alias: &str, time: u64, der: &[u8]) {
        let alias = alias.to_lowercase();
        let mut bytes = TRUSTED.to_be_bytes().to_vec();
        text(&mut bytes, &alias);
        bytes.extend(time.saturating_mul(1000).to_be_bytes());
        text(&mut bytes, KIND);
        bytes.extend(length(der.len()).to_be_bytes());
        bytes.extend(der);
        self.0.insert(alias.into_bytes(), bytes);
    }

    /// The file, entries sorted by alias.
    pub fn render(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [MAGIC, VERSION, length(self.0.len())] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.0.values().flatten());
        bytes.extend(seal(&bytes));
        bytes
    }
}

/// Passes over an entry; gives its alias.
fn entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let tag = number(rest)?;
    let alias = short(rest)?;
    take(rest, 8)?;
    match tag {
        TRUSTED => certificate(rest)?,
        PRIVATE_KEY => {
            long(rest)?;
            for _ in 0..number(rest)? {
                certificate(rest)?;
            }
        }
        _ => return None,
    }
    Some(alias)
}

fn certificate(rest: &mut &[u8]) -> Option<()> {
    short(rest)?;
    long(rest)?;
    Some(())
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let bytes = take(rest, 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// Bytes behind a length of two bytes.
fn short<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bytes = take(rest, 2)?.try_into().ok()?;
    take(rest, usize::from(u16::from_be_bytes(bytes)))
}

/// Bytes behind a length of four bytes.
fn long<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(number(rest)?).ok()?;
    take(rest, count)
}

/// Aliases are short: a name of an image file and a digest.
fn text(bytes: &mut Vec<u8>, text: &str) {
    let count = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(count.to_be_bytes());
    bytes.extend(&text.as_bytes()[..usize::from(count)]);
}

/// Files that are read are far smaller than 4 GiB.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn seal(body: &[u8]) -> [u8; SUM] {
    let mut sum = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        sum.update(unit.to_be_bytes());
    }
    sum.update(PHRASE);
    sum.update(body);
    sum.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_and_are_sorted() {
        let mut store = TrustStore::default();
        store.insert("B", 7, b"second");
        store.insert("a", 7, b"first");
        let bytes = store.render();
        let mut again = TrustStore::parse(&bytes).unwrap();
        assert_eq!(again, store);
        again.insert("c", 8, b"third");
        again.insert("b", 9, b"other");
        let more = again.render();
        assert_eq!(TrustStore::parse(&more), Some(again));
        let at = |text: &[u8]| more.windows(text.len()).position(|window| window == text);
        assert!(at(b"first") < at(b"other") && at(b"other") < at(b"third"));
        assert_eq!(at(b"second"), None);
    }

    #[test]
    fn anything_else_is_no_store() {
        let mut store = TrustStore::default();
        store.insert("a", 7, b"first");
        let bytes = store.render();
        for cut in 0..bytes.len() {
            assert_eq!(TrustStore::parse(&bytes[..cut]), None);
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(TrustStore::parse(&changed), None);
        }
        // Right sums over wrong entries.
        for body in [
            &bytes[..bytes.len() - SUM - 1],
            &[&bytes[..bytes.len() - SUM], b"x"].concat(),
        ] {
            let whole = [body, &seal(body)].concat();
            assert_eq!(TrustStore::parse(&whole), None);
        }
    }
}
