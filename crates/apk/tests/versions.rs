//! The order of versions against the table that apk-tools and apko are tested with.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use bessemer_apk::Version;
use std::cmp::Ordering;

/// A version, its relation to the next, that one; half of the public table.
const TABLE: &str = include_str!("data/version-pairs.tsv");

#[test]
fn agrees_with_apk_tools() {
    let mut checked = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let [a, relation, b] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("malformed line {line:?}");
        };
        let expected = match relation {
            "<" => Ordering::Less,
            ">" => Ordering::Greater,
            "=" => Ordering::Equal,
            _ => panic!("malformed line {line:?}"),
        };
        let (a, b) = (Version::new(a), Version::new(b));
        assert!(a.is_valid() && b.is_valid(), "{line}");
        assert_eq!(a.cmp(&b), expected, "{line}");
        assert_eq!(b.cmp(&a), expected.reverse(), "{line}");
        checked += 1;
    }
    assert_eq!(checked, 367);
}
