//! Generated repositories that a search could lose itself in, each with a world and whether that has
//! a solution. For the tests and for the bench.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "two programs include this file; it fails by panicking"
)]

use bessemer_apk::{Dependency, Index};
use std::fmt::Write as _;

/// One of them.
#[derive(Debug)]
pub struct Graph {
    pub what: &'static str,
    pub index: Index,
    pub world: Vec<Dependency>,
    /// How many packages the solution has; none without a solution.
    pub expected: Option<usize>,
}

/// All of them. Sizes are those that a search must be done with in a second.
pub fn graphs() -> Vec<Graph> {
    vec![
        providers(),
        rivals_that_fail(),
        rivals_that_fail_later(),
        versions_that_fail(),
        chain(),
        ring(),
        ring_that_does_not_close(),
        layers(),
        ladder(),
        pigeons(7, 7),
        pigeons(7, 6),
        wide_world(),
    ]
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn package(&mut self, name: &str, version: usize, depends: &str, provides: &str) {
        let Self(text) = self;
        write!(text, "P:{name}\nV:{version}\nD:{depends}\np:{provides}\n\n").unwrap();
    }

    fn graph(self, what: &'static str, world: &str, expected: Option<usize>) -> Graph {
        Graph {
            what,
            index: Index::parse(&self.0).unwrap(),
            world: world
                .split_whitespace()
                .map(|word| word.parse().unwrap())
                .collect(),
            expected,
        }
    }
}

/// 5,000 packages provide each of ten names, and one package needs all ten.
fn providers() -> Graph {
    let mut text = Text::default();
    let names: Vec<String> = (0..10).map(|n| format!("v{n}")).collect();
    for n in 0..5000 {
        text.package(&format!("p{n}"), n, "", &names.join(" "));
    }
    text.package("root", 1, &names.join(" "), "");
    text.graph("5,000 providers of ten names", "root", Some(2))
}

/// 5,000 packages provide a name that only one may have; the least wanted of them alone can be.
fn rivals_that_fail() -> Graph {
    let mut text = Text::default();
    for n in 0..5000 {
        let depends = if n == 0 { "" } else { "absent" };
        text.package(&format!("p{n}"), n, depends, "v=1");
    }
    text.graph("5,000 rivals of which one can be", "v", Some(1))
}

/// The same, where what is absent is two steps away.
fn rivals_that_fail_later() -> Graph {
    let mut text = Text::default();
    for n in 0..1000 {
        let depends = if n == 0 { "" } else { "broken" };
        text.package(&format!("p{n}"), n, depends, "v=1");
        text.package(&format!("q{n}"), n, &format!("broken{n}"), "u=1");
        text.package(
            &format!("broken{n}"),
            1,
            if n == 0 { "" } else { "v=2" },
            "",
        );
    }
    text.package("broken", 1, "absent", "");
    text.graph("1,000 rivals that fail later", "v u", Some(3))
}

/// 1,000 versions of two packages, which agree on the lowest alone.
fn versions_that_fail() -> Graph {
    let mut text = Text::default();
    for n in 1..=1000 {
        text.package("a", n, &format!("b={}", 1001 - n), "");
        text.package("b", n, "c", "");
    }
    text.package("c", 1, "a<2", "");
    text.graph("1,000 versions that disagree", "a b", Some(3))
}

/// Each needs the next, 10,000 times.
fn chain() -> Graph {
    let mut text = Text::default();
    for n in 0..10_000 {
        text.package(&format!("c{n}"), 1, &format!("c{}", n + 1), "");
    }
    text.package("c10000", 1, "", "");
    text.graph("a chain of 10,001", "c0", Some(10_001))
}

/// Each needs the next, and the last the first.
fn ring() -> Graph {
    let mut text = Text::default();
    for n in 0..5000 {
        text.package(&format!("r{n}"), 1, &format!("r{}", (n + 1) % 5000), "");
    }
    text.graph("a ring of 5,000", "r17", Some(5000))
}

/// Like a ring, but the last needs another version of the first.
fn ring_that_does_not_close() -> Graph {
    let mut text = Text::default();
    for n in 0..5000 {
        text.package(&format!("r{n}"), 1, &format!("r{}=1", n + 1), "");
    }
    text.package("r5000", 1, "r0=2", "");
    text.package("r0", 2, "r1", "");
    text.graph("a ring that does not close", "r0<2", None)
}

/// 60 layers of 12 packages, each of which needs all of the next layer, by names of their own and by
/// unversioned ones.
fn layers() -> Graph {
    let mut text = Text::default();
    for layer in 0..60 {
        let next: Vec<String> = (0..12)
            .map(|n| format!("l{}-{n} any{}-{n}", layer + 1, layer + 1))
            .collect();
        let depends = if layer == 59 {
            String::new()
        } else {
            next.join(" ")
        };
        for n in 0..12 {
            text.package(
                &format!("l{layer}-{n}"),
                1,
                &depends,
                &format!("any{layer}-{n}"),
            );
        }
    }
    text.graph("60 layers of 12", "l0-0", Some(1 + 59 * 12))
}

/// 20 packages of 50 versions, each of which needs the same version of the next; only the lowest of
/// the last can be.
fn ladder() -> Graph {
    let mut text = Text::default();
    for step in 0..20 {
        for version in 1..=50 {
            let depends = if step == 19 {
                if version == 1 {
                    String::new()
                } else {
                    "absent".to_owned()
                }
            } else {
                format!("s{}={version}", step + 1)
            };
            text.package(&format!("s{step}"), version, &depends, "");
        }
    }
    text.graph("a ladder of 20 by 50", "s0 s5 s10", Some(20))
}

/// Pigeons that each need a hole, and holes for one pigeon each.
fn pigeons(pigeons: usize, holes: usize) -> Graph {
    let mut text = Text::default();
    let mut world = Vec::new();
    for pigeon in 0..pigeons {
        for hole in 0..holes {
            let provides = format!("pigeon{pigeon} hole{hole}=1");
            text.package(&format!("p{pigeon}h{hole}"), 1, "", &provides);
        }
        world.push(format!("pigeon{pigeon}"));
    }
    let (what, expected) = if pigeons > holes {
        ("pigeons without holes", None)
    } else {
        ("pigeons with holes", Some(pigeons))
    };
    text.graph(what, &world.join(" "), expected)
}

/// A world of 3,000 constraints.
fn wide_world() -> Graph {
    let mut text = Text::default();
    let mut world = Vec::new();
    for n in 0..3000 {
        text.package(&format!("w{n}"), 1, "base any", "");
        text.package(&format!("w{n}"), 2, "base any", "");
        world.push(format!("w{n}>0"));
    }
    text.package("base", 1, "", "any");
    text.graph("a world of 3,000 constraints", &world.join(" "), Some(3001))
}
