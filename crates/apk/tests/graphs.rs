//! Repositories that a search could lose itself in: they end, without exhausting the stack, and with
//! the right answer. How long they take is for `cargo xtask bench solve`.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "support/graphs.rs"]
mod graphs;

use bessemer_apk::solver::{Repository, solve};
use graphs::{Graph, graphs};

#[test]
fn every_graph_ends_with_the_right_answer() {
    for graph in graphs() {
        let Graph {
            what,
            index,
            world,
            expected,
        } = &graph;
        let repository = Repository { tag: None, index };
        let found = solve(&[repository], world);
        match found {
            Ok(chosen) => assert_eq!(Some(chosen.len()), *expected, "{what}"),
            Err(error) => {
                assert_eq!(None, *expected, "{what}: {error}");
                assert!((1..=14).contains(&error.reasons.len()), "{what}: {error}");
            }
        }
    }
}
