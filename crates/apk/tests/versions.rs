//! The order of versions against the table that apk-tools and apko are tested with.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::Version;
use std::cmp::Ordering;
use support::shared_data;

/// For machines without the table.
const STAND_IN: &str = "\
1.0\t<\t1.1
1.1\t>\t1.1_alpha1
1.6.8_p12-r1\t>\t1.6.8_p9-r2
4.5.14\t>\t4.09-r1
6.4_p20231125-r0\t>\t6.4-r2
1.1.1\t=\t1.1.1
";

#[test]
fn agrees_with_apk_tools() {
    let table = shared_data().map_or_else(
        || STAND_IN.to_owned(),
        |directory| std::fs::read_to_string(directory.join("version-pairs.tsv")).unwrap(),
    );
    let mut checked = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
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
    assert!(checked >= STAND_IN.lines().count());
}
