use super::case::{Case, Control, Target, Test};
use super::cases;
use super::needs::Need;
use super::running::failures;
use crate::workspace::root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the list has for a factory and for those who verify.
fn demanded() -> Vec<u8> {
    (1..=40).collect()
}

#[test]
fn every_attack_has_one_entry() {
    let numbers: Vec<u8> = cases::all().iter().map(|case| case.number).collect();
    assert_eq!(numbers, demanded());
}

#[test]
fn what_has_no_test_says_why() {
    for case in cases::all() {
        let number = case.number;
        let said = case.missing.is_some_and(|why| why.len() > 20);
        assert!(!case.tests.is_empty() || said, "T{number}");
        match case.control {
            Control::Tests(tests) => assert!(!tests.is_empty(), "T{number}"),
            Control::Within(what) => {
                assert!(what.len() > 20, "T{number}");
            }
        }
        let both = case
            .tests
            .iter()
            .find(|test| matches!(case.control, Control::Tests(control) if control.contains(test)));
        assert!(both.is_none(), "T{number}: attack and control in one");
    }
}

/// A control run within a test names that test, unless it speaks of all of them.
#[test]
fn a_control_within_a_test_names_one_of_the_tests() {
    for case in cases::all() {
        if let Control::Within(what) = case.control {
            let function = |test: &Test| test.name.rsplit("::").next().unwrap_or_default();
            let named = case.tests.iter().any(|test| what.contains(function(test)));
            let all = what.contains("tests:");
            assert!(named || all, "T{}: {what}", case.number);
        }
    }
}

/// A test that reads a variable is given it: `cargo xtask attack` makes no more than what is needed.
#[test]
fn what_a_test_reads_is_made_for_it() {
    let mut read = 0;
    for case in cases::all() {
        let control = match case.control {
            Control::Tests(tests) => tests,
            Control::Within(_) => &[],
        };
        for test in case.tests.iter().chain(control) {
            let module = test.name.split("::").next().unwrap_or_default();
            let file = format!("crates/{}/tests/it/{module}.rs", test.binary.folder);
            let text = fs_err::read_to_string(root().join(file)).unwrap_or_default();
            for need in Need::ALL {
                if need.variables().iter().any(|name| text.contains(name)) {
                    read += 1;
                    assert!(need.is_of(test), "{} reads what is of {need:?}", test.name);
                }
            }
        }
    }
    assert!(read > 2, "no test reads any of these");
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The files in which a test of this name can stand.
fn files_of(test: &Test) -> Vec<PathBuf> {
    let folder = root().join("crates").join(test.binary.folder);
    let mut modules: Vec<&str> = test.name.split("::").collect();
    modules.pop();
    let (top, single) = match test.binary.target {
        Target::Lib | Target::Bin(_) => (folder.join("src"), None),
        Target::Test(name) => (
            folder.join("tests"),
            Some(folder.join("tests").join(format!("{name}.rs"))),
        ),
    };
    let mut found = Vec::new();
    if let Some(file) = single.filter(|file| file.exists()) {
        found.push(file);
    } else if let Target::Test(name) = test.binary.target {
        sources(&top.join(name), &mut found);
    } else {
        sources(&top, &mut found);
    }
    found.retain(|path| {
        let text = path.display().to_string();
        let mut inner = modules.iter().filter(|module| **module != "tests");
        inner.all(|module| {
            text.contains(&format!("/{module}.rs")) || text.contains(&format!("/{module}/"))
        })
    });
    found
}

/// Whether the function is there, and whether it is ignored without a guest.
fn look(test: &Test) -> Option<bool> {
    let function = test.name.rsplit("::").next()?;
    let opening = format!("fn {function}(");
    files_of(test).iter().find_map(|file| {
        let text = fs_err::read_to_string(file).ok()?;
        let before = &text[..text.find(&opening)?];
        let attributes = &before[before.rfind("#[test]")?..];
        // Nothing but attributes and comments stand between.
        let between = |line: &str| line.is_empty() || line.starts_with(['#', '/']);
        let direct = attributes.lines().map(str::trim).all(between);
        direct.then(|| attributes.contains("#[ignore"))
    })
}

#[test]
fn every_named_test_is_there() {
    for case in cases::all() {
        for test in case.all_tests() {
            let found = look(test);
            let (number, folder, name) = (case.number, test.binary.folder, test.name);
            assert_eq!(found, Some(test.guest), "T{number}: {folder} {name}");
        }
    }
}

#[test]
fn control_run_a_name_that_is_nowhere_is_seen() {
    let case: &Case = cases::all()[0];
    let test = case.tests[0];
    assert!(look(&test).is_some());
    for name in [
        "reach::no_such_test",
        "entered::nothing_of_the_signer_is_in_a_guest",
    ] {
        assert_eq!(look(&Test { name, ..test }), None, "{name}");
    }
}

fn failed(printed: &str, succeeded: bool) -> Vec<&'static str> {
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let names = BTreeSet::from(["a::one", "a::two"]);
    failures(&names, &lines, succeeded).into_iter().collect()
}

#[test]
fn failures_are_read_from_the_last_list() {
    let good = "test a::one ... ok\ntest a::two ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n";
    assert_eq!(failed(good, true), Vec::<&str>::new());
    let inner = format!(
        "failures:\n    a::one\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n{good}"
    );
    assert_eq!(failed(&good.replace("ok.", "FAILED."), false).len(), 2);
    let bad = "failures:\n---- a::two stdout ----\nfailures:\n    a::two\n\ntest result: FAILED. 1 passed; 1 failed;\n";
    assert_eq!(failed(bad, false), ["a::two"]);
    let fewer = "test result: ok. 1 passed; 0 failed; 0 ignored";
    assert_eq!(failed(fewer, true).len(), 2, "one did not run");
    assert_eq!(failed("", false).len(), 2, "it did not compile");
    assert_eq!(failed(&inner, true), Vec::<&str>::new());
}

fn assessment() -> String {
    fs_err::read_to_string(root().join("docs/slsa-assessment.md")).unwrap()
}

#[test]
fn the_assessment_says_what_is_missing() {
    let page = assessment();
    let (_, last) = page.split_once("## What no test tries").unwrap();
    let words: BTreeSet<&str> = last
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .collect();
    for case in cases::all() {
        let number = format!("T{}", case.number);
        assert_eq!(words.contains(&*number), case.is_missing(), "{number}");
    }
}

#[test]
fn the_tests_that_the_assessment_names_are_there() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    let texts: Vec<_> = files
        .iter()
        .map(|file| fs_err::read_to_string(file).unwrap())
        .collect();
    let page = assessment();
    let names = page.split('`').skip(1).step_by(2);
    let names = names.filter(|word| word.matches('_').count() > 2 && word.is_ascii());
    let names: Vec<_> = names
        .filter(|word| !word.contains(['-', ' ', '/']))
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let opening = format!("fn {name}(");
        assert!(texts.iter().any(|text| text.contains(&opening)), "{name}");
    }
}
