//! The solver: small worlds by hand, random ones against exhaustive search, and Alpine's.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::solver::{Chosen, InstallIf, Repository, Solver, Unsolvable, solve};
use bessemer_apk::{Dependency, Index, IndexEntry, Limits, read_index};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use support::shared_data;

/// One package a line: `name-version [D:dep,dep] [p:provide,provide] [i:dep,dep] [k:1] [o:origin]`.
fn index(text: &str) -> Index {
    let mut records = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (name, version) = words.next().unwrap().rsplit_once('-').unwrap();
        writeln!(records, "P:{name}\nV:{version}").unwrap();
        for word in words {
            writeln!(records, "{}", word.replace(',', " ")).unwrap();
        }
        records.push('\n');
    }
    Index::parse(&records).unwrap()
}

fn world(text: &str) -> Vec<Dependency> {
    text.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

fn names(repositories: &[Repository<'_>], wanted: &str) -> Result<String, Unsolvable> {
    Ok(rendered(&solve(repositories, &world(wanted))?))
}

fn rendered(chosen: &[Chosen<'_>]) -> String {
    let names = chosen
        .iter()
        .map(|c| format!("{}-{}", c.entry.name, c.entry.version));
    names.collect::<Vec<_>>().join(" ")
}

fn one(repository: &str, wanted: &str) -> Result<String, Unsolvable> {
    names(
        &[Repository {
            tag: None,
            index: &index(repository),
        }],
        wanted,
    )
}

#[test]
fn prefers_as_apko_does() {
    for (what, repository, wanted, expected) in [
        ("the highest version", "a-1\na-3\na-2", "a", "a-3"),
        ("the version asked for", "a-1\na-3\na-2", "a<3", "a-2"),
        (
            "dependencies first",
            "a-1 D:c,b\nb-1\nc-1 D:b",
            "a",
            "b-1 c-1 a-1",
        ),
        ("cycles are cut", "a-1 D:b\nb-1 D:a", "a b", "b-1 a-1"),
        ("priority", "a-1 p:v k:1\nb-1 p:v k:2\nc-9 p:v", "v", "b-1"),
        ("provided version", "a-1 p:v=3\nb-1 p:v=4", "v", "b-1"),
        (
            "a provided version is that name's",
            "a-9 p:v=3\nb-1 p:v=4",
            "v>3",
            "b-1",
        ),
        (
            "no version meets no constraint",
            "a-1 p:v\nb-1 p:v=1",
            "v>=0",
            "b-1",
        ),
        (
            "sonames below full versions",
            "a-1 p:so:x=9\nb-1 p:so:x=1-r0",
            "so:x",
            "b-1",
        ),
        (
            "same origin",
            "a-1 D:v o:z\nb-1 p:v o:z\nc-2 p:v o:y",
            "a",
            "b-1 a-1",
        ),
        (
            "no origin for the world itself",
            "a-1 o:z\nb-1 p:v o:z\nc-2 p:v o:y",
            "a v",
            "a-1 c-2",
        ),
        ("smaller name", "b-1 p:v\na-1 p:v", "v", "a-1"),
        (
            "self-provided",
            "a-1 D:cmd:a p:cmd:a=1\nb-2 p:cmd:a=2",
            "a",
            "a-1",
        ),
        ("a world conflict", "a-1 p:v\nb-1 p:v", "v !a", "b-1"),
        (
            "a dependency's conflict",
            "a-1 D:!b,v\nb-2 p:v\nc-1 p:v",
            "a",
            "c-1 a-1",
        ),
        (
            "unversioned provides coexist",
            "a-1 p:v\nb-1 p:v",
            "a b",
            "a-1 b-1",
        ),
    ] {
        assert_eq!(one(repository, wanted).unwrap(), expected, "{what}");
    }
}

#[test]
fn install_if_has_two_rules() {
    for (what, repository, wanted, as_apko, all) in [
        (
            "what one constraint depends on",
            "x-1 D:a,b\na-1\nb-1\nc-1 i:a,b D:d\nd-1\ne-1 i:a,z",
            "x",
            "a-1 b-1 d-1 c-1 x-1",
            "a-1 b-1 x-1 d-1 c-1",
        ),
        (
            "what several constraints name",
            "a-1\nb-1\nc-1 i:a,b",
            "a b",
            "a-1 b-1",
            "a-1 b-1 c-1",
        ),
        (
            "what cannot be",
            "x-1 D:a\na-1\nc-1 i:a D:zzz\nd-1 i:a D:!x",
            "x",
            "a-1 x-1",
            "a-1 x-1",
        ),
        (
            "a version",
            "x-1 D:a\na-2\nc-1 i:a=1\nc-2 i:a=2\nc-3 i:a>2",
            "x",
            "a-2 c-2 x-1",
            "a-2 x-1 c-2",
        ),
        (
            "what needs the package of the world",
            "x-1 D:a\na-1\nc-1 i:a D:x",
            "x",
            "a-1 x-1 c-1",
            "a-1 x-1 c-1",
        ),
        (
            "a provided name",
            "x-1 D:a\na-2 p:v=3\nc-1 i:v=3",
            "x",
            "a-2 x-1",
            "a-2 x-1 c-1",
        ),
        (
            "one leads to another",
            "x-1 D:a\na-1\nc-1 i:a D:d\nd-1\ne-1 i:c\nf-1 i:d",
            "x",
            "a-1 d-1 c-1 e-1 x-1",
            "a-1 x-1 d-1 c-1 f-1 e-1",
        ),
        (
            "absence",
            "x-1 D:a\na-1\nc-1 i:a,!x\nd-1 i:a,!y",
            "x",
            "a-1 d-1 x-1",
            "a-1 x-1 d-1",
        ),
    ] {
        let index = index(repository);
        let repositories = [Repository {
            tag: None,
            index: &index,
        }];
        for (rule, expected) in [(InstallIf::Dependencies, as_apko), (InstallIf::All, all)] {
            let solver = Solver::new(&repositories).install_if(rule);
            let chosen = solver.solve(&world(wanted)).unwrap();
            assert_eq!(rendered(&chosen), expected, "{what}, {rule:?}");
        }
    }
}

#[test]
fn goes_back_where_a_greedy_choice_fails() {
    for (repository, wanted, expected) in [
        ("a-2 D:b>1\na-1\nb-1", "a", "a-1"),
        (
            "a-2 D:c=1\na-1 D:c=2\nb-1 D:c=2\nc-1\nc-2",
            "a b",
            "c-2 a-1 b-1",
        ),
        (
            "a-1 D:v\nx-2 p:v=2 D:!y\nx-1 p:v=1\ny-1",
            "a y",
            "x-1 a-1 y-1",
        ),
        (
            "a-1 D:p,q\np-2 D:r=2\np-1 D:r=1\nq-1 D:r=1\nr-1\nr-2",
            "a",
            "r-1 p-1 q-1 a-1",
        ),
    ] {
        assert_eq!(one(repository, wanted).unwrap(), expected, "{wanted}");
    }
}

#[test]
fn says_why_there_is_no_solution() {
    for (repository, wanted, expected) in [
        ("a-1", "b", "b is asked for, which nothing provides"),
        (
            "b-1\nb-2",
            "b>2",
            "b>2 is asked for, which nothing provides (there is 2, 1)",
        ),
        (
            "a-1 D:b>2\nb-1",
            "a",
            "a is asked for\n  a-1 needs b>2, which nothing provides (there is 1)",
        ),
        (
            "a-1 D:c=1\nb-1 D:c=2\nc-1\nc-2",
            "a b",
            "a is asked for\n  b is asked for\n  a-1 needs c=1\n  b-1 needs c=2\n  considered of c: 2, 1",
        ),
        (
            "a-1 D:!b\nb-1",
            "a b",
            "a is asked for\n  b is asked for\n  a-1 refuses !b, which is b-1",
        ),
        (
            "a-1 p:v=1\nb-1 p:v=1",
            "a b",
            "a is asked for\n  b is asked for\n  a-1 and b-1 both have the name v",
        ),
        (
            "a-1",
            "a !a",
            "!a is asked for\n  a is asked for\n  considered of a: 1",
        ),
        (
            "busybox-1\nbusyboxy-1\nmusl-1",
            "busybux mucl x>1",
            "busybux is asked for, which nothing provides; did you mean busybox or busyboxy?\n  \
             mucl is asked for, which nothing provides; did you mean musl?\n  \
             x>1 is asked for, which nothing provides",
        ),
        (
            "a-1 D:z\nz-1 D:b,so:x\nb-1 D:!l\nl-1 p:so:x=1",
            "a",
            "a is asked for\n  a-1 needs z\n  z-1 needs b\n  z-1 needs so:x (l-1)\n  \
             b-1 refuses !l, which is l-1",
        ),
        (
            "a-1 D:b\nb-1 D:c<2\nd-1 D:e\ne-1 D:c>1\nc-1\nc-2\nc-3",
            "a d",
            "a is asked for\n  d is asked for\n  a-1 needs b\n  d-1 needs e\n  b-1 needs c<2\n  \
             e-1 needs c>1\n  considered of c: 3, 2, 1",
        ),
        (
            "a-1",
            "b@edge",
            "b@edge is asked for, which nothing provides; no repository has the tag edge",
        ),
        (
            "a-1 D:b=3\na-2 D:b=3\nb-1\nb-2\nb-4\nb-5\nb-6",
            "a",
            "a is asked for\n  a-2 needs b=3, which nothing provides (there is 6, 5, 4, 2, …)",
        ),
    ] {
        let error = one(repository, wanted).unwrap_err().to_string();
        let expected = format!("no choice of packages satisfies every constraint:\n  {expected}");
        assert_eq!(error, expected);
    }
}

#[test]
fn repositories_have_an_order_and_tags() {
    let (first, second, edge) = (
        index("a-1\nb-1"),
        index("a-1\nb-2"),
        index("a-9 D:e\ne-1\nb-9"),
    );
    let plain = |index| Repository { tag: None, index };
    let repositories = [
        plain(&first),
        plain(&second),
        Repository {
            tag: Some("edge"),
            index: &edge,
        },
    ];
    let chosen = solve(&repositories, &world("a")).unwrap();
    assert_eq!((chosen[0].repository, chosen.len()), (0, 1));
    assert_eq!(names(&repositories, "b").unwrap(), "b-2");
    assert_eq!(names(&repositories, "a@edge b").unwrap(), "e-1 a-9 b-2");
    assert_eq!(
        names(&repositories, "a>2").unwrap_err().reasons,
        ["a>2 is asked for, which nothing provides (there is 9 @edge, 1)"]
    );
    // A tag is for what its constraint leads to, not for others.
    assert!(names(&repositories, "b>2 a@edge").is_err());
    assert_eq!(
        names(&repositories, "a@edge e").unwrap_err().reasons.len(),
        1
    );
    assert_eq!(names(&repositories, "b@none").unwrap(), "b-2");
}

#[test]
fn several_architectures_take_what_all_have() {
    let (one, other) = (index("a-1\na-2\nb-1"), index("a-1\na-3\nb-1 D:a"));
    let plain = |index| vec![Repository { tag: None, index }];
    let solvers = Solver::for_all(&[plain(&one), plain(&other)]);
    let solved = |at: usize, wanted| solvers[at].solve(&world(wanted)).map(|c| rendered(&c));
    assert_eq!(solved(0, "a").unwrap(), "a-1");
    assert_eq!(solved(1, "b").unwrap(), "a-1 b-1");
    assert!(solved(0, "a>1").is_err());
}

/// Whether a set of packages obeys every rule.
fn is_valid(chosen: &[&IndexEntry], world: &[Dependency]) -> bool {
    let has = |entry: &IndexEntry, d: &Dependency| {
        (entry.name == d.name && d.accepts(Some(&entry.version)))
            || entry
                .provides
                .iter()
                .any(|p| p.name == d.name && d.accepts(p.version.as_ref()))
    };
    let any = |d: &Dependency| chosen.iter().any(|entry| has(entry, d));
    let needs = |entry: &IndexEntry| {
        entry.depends.iter().all(|d| {
            let others = chosen
                .iter()
                .any(|other| other.name != entry.name && has(other, d));
            if d.conflict { !others } else { any(d) }
        })
    };
    let owned = |entry: &IndexEntry| -> Vec<(String, bool)> {
        let provided = entry
            .provides
            .iter()
            .map(|p| (p.name.clone(), p.version.is_some()));
        provided.chain([(entry.name.clone(), true)]).collect()
    };
    let rivals = |a: &IndexEntry, b: &IndexEntry| {
        let b = owned(b);
        owned(a).iter().any(|(name, versioned)| {
            b.iter()
                .any(|(other, other_versioned)| name == other && (*versioned || *other_versioned))
        })
    };
    world.iter().all(|d| any(d) != d.conflict)
        && chosen.iter().all(|entry| needs(entry))
        && chosen
            .iter()
            .enumerate()
            .all(|(i, a)| chosen[..i].iter().all(|b| !rivals(a, b)))
}

fn random_package() -> impl Strategy<Value = String> {
    let constraint = "!?[a-dv](|=[12]|>1|<2)";
    let depends = proptest::collection::vec(constraint, 0..3);
    let provides = proptest::collection::vec("[vw](|=[12])", 0..2);
    ("[a-d]-[1-3]", depends, provides).prop_map(|(name, depends, provides)| {
        let depends: Vec<String> = depends
            .into_iter()
            .filter(|d| d.trim_start_matches('!')[..1] != name[..1])
            .collect();
        format!("{name} D:{} p:{}", depends.join(","), provides.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn finds_a_solution_exactly_when_there_is_one(
        packages in proptest::collection::vec(random_package(), 1..9),
        wanted in proptest::collection::vec("!?[a-dv](|=[12]|>1)", 1..4),
    ) {
        let mut index = index(&packages.join("\n"));
        let mut seen = BTreeSet::new();
        index.entries.retain(|entry| seen.insert(entry.file_name()));
        let world = world(&wanted.join(" "));
        let subsets = 0_u32..1 << index.entries.len();
        let exists = subsets.into_iter().any(|bits| {
            let numbered = index.entries.iter().enumerate();
            let chosen: Vec<_> =
                numbered.filter(|(at, _)| bits >> at & 1 == 1).map(|(_, entry)| entry).collect();
            is_valid(&chosen, &world)
        });
        match solve(&[Repository { tag: None, index: &index }], &world) {
            Ok(chosen) => {
                let entries: Vec<_> = chosen.iter().map(|chosen| chosen.entry).collect();
                prop_assert!(is_valid(&entries, &world), "{entries:#?}");
            }
            Err(error) => prop_assert!(!exists, "{error}"),
        }
    }
}

#[test]
fn a_sample_of_alpine_packages_can_be_installed() {
    let Some(directory) = shared_data() else {
        assert_eq!(one("a-1 D:b\nb-1", "a").unwrap(), "b-1 a-1");
        return;
    };
    let bytes = std::fs::read(directory.join("alpine-3.16-main-x86_64.APKINDEX.tar.gz")).unwrap();
    let index = read_index(&bytes, Limits::default()).unwrap().index;
    let repository = [Repository {
        tag: None,
        index: &index,
    }];
    let base = names(&repository, "build-base").unwrap();
    for part in [
        "musl-1.2.3-r",
        "gcc-11.2.1_git20220219-r2",
        "make-4.3-r0",
        "build-base-0.5-r3",
    ] {
        assert!(base.contains(part), "{part} in {base}");
    }
    for entry in index.entries.iter().step_by(50) {
        let chosen = solve(&repository, &world(&format!("alpine-base {}", entry.name)));
        let chosen = chosen.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert!(chosen.iter().any(|chosen| chosen.entry.name == entry.name));
    }
}

/// Pigeons that each need a hole, and holes that exclude each other: resolution takes exponential
/// time (Haken 1985).
fn pigeons(count: usize) -> String {
    let mut repository = String::new();
    for pigeon in 0..=count {
        for hole in 0..count {
            let line = format!("p{pigeon}h{hole}-1 p:pigeon{pigeon}=1,hole{hole}=1");
            repository.push_str(&line);
            repository.push('\n');
        }
    }
    repository
}

#[test]
fn a_search_without_an_end_gives_up_and_says_so() {
    let text = pigeons(9);
    let index = index(&text);
    let repositories = [Repository {
        tag: None,
        index: &index,
    }];
    let wanted: Vec<String> = (0..10).map(|pigeon| format!("pigeon{pigeon}")).collect();
    let wanted = world(&wanted.join(" "));
    let error = Solver::new(&repositories).limit(10_000).solve(&wanted);
    let error = error.unwrap_err();
    assert!(error.gave_up);
    assert!(
        error.to_string().starts_with("gave up looking for"),
        "{error}"
    );
    let small = Solver::new(&repositories).limit(10_000).solve(&wanted[..9]);
    assert_eq!(small.unwrap().len(), 9);
}
