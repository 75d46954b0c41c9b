//! The same recipe twice gives the same bytes.

use crate::fixture::{FILES, tiny};
use std::fs;

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn two_builds_give_the_same_packages_and_index() {
    let tiny = tiny();
    for file in FILES {
        let [one, two] = &tiny.builds;
        let (one, two) = (fs::read(one.join(file)), fs::read(two.join(file)));
        assert!(one.unwrap() == two.unwrap(), "{file} differs");
    }
    let index = |at: usize| fs::read(tiny.repositories[at].join("APKINDEX.tar.gz")).unwrap();
    assert!(index(0) == index(1), "the indexes differ");
    // Two builds they were: each has an invocation of its own.
    let envelopes =
        |at: usize| fs::read(tiny.builds[at].join(format!("{}.intoto.jsonl", FILES[0]))).unwrap();
    assert_ne!(envelopes(0), envelopes(1));
}
