//! Mistakes in recipes and on the command line, as a person sees them. Needs no guest.
//!
//! Each `diagnostics/*.yaml` is compiled, and what is printed stands beside it with the ending
//! `.txt`; `transcripts/*.txt` begin with a command line and go on with what it prints. `BLESS=1`
//! rewrites them.

use crate::commands::names;
use bessemer_testkit::{Filter, Outcome, Workshop, compare};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(name)
}

/// The program of this very build, with an environment of its own.
fn run(words: &[&str], directory: &Path, home: &Workshop) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("COLUMNS", "100");
    command
        .stdin(Stdio::null())
        .current_dir(directory)
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(20))
}

#[test]
fn every_mistake_in_a_recipe_is_shown_where_it_is() {
    let (home, directory) = (Workshop::new(), folder("diagnostics"));
    let recipes = names(&directory, ".yaml");
    assert!(recipes.len() > 20, "{recipes:?}");
    for recipe in recipes {
        let words = [
            "compile",
            "--arch",
            "x86_64",
            "--pipeline-dir",
            "pipelines",
            &recipe,
        ];
        let outcome = run(&words, &directory, &home);
        outcome.expect(1);
        assert_eq!(outcome.stdout, "", "{recipe}");
        // File, line and column, and, unless there is none, the line itself.
        let place = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("  --> "));
        let place = place.unwrap_or_else(|| panic!("{recipe}: no place\n{outcome}"));
        let mut parts = place.split(':');
        let text = std::fs::read_to_string(directory.join(parts.next().unwrap())).unwrap();
        let line: usize = parts.next().unwrap().parse().unwrap();
        let column: usize = parts.next().unwrap().parse().unwrap();
        assert!(column > 0, "{place}");
        if let Some(source) = text.lines().nth(line - 1) {
            // A tab would put the mark below in the wrong place.
            let source = source.replace('\t', " ");
            assert!(
                outcome.stderr.contains(&format!(" {line} | {source}\n")),
                "{outcome}"
            );
        }
        compare(
            &directory.join(&recipe).with_extension("txt"),
            &outcome.stderr,
        );
    }
}

/// A warning or a mistake that is none would make the test above see errors everywhere.
#[test]
fn control_run_a_recipe_without_mistakes_compiles() {
    let home = Workshop::new();
    let recipe = crate::fixture::recipe();
    let words = ["compile", "--arch", "x86_64", recipe.to_str().unwrap()];
    let outcome = run(&words, Path::new("/"), &home);
    outcome.expect(0);
    assert_eq!(outcome.stderr, "");
    assert!(outcome.stdout.starts_with('{'), "{outcome}");
}

#[test]
fn mistakes_on_the_command_line_are_answered() {
    let (home, directory) = (Workshop::new(), folder("transcripts"));
    let transcripts = names(&directory, ".txt");
    assert!(transcripts.len() > 5, "{transcripts:?}");
    for transcript in transcripts {
        let path = directory.join(transcript);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap();
        let words: Vec<&str> = line
            .strip_prefix("$ bessemer")
            .unwrap()
            .split_whitespace()
            .collect();
        let outcome = run(&words, home.path(), &home);
        let filter = Filter::new().with(home.path().to_str().unwrap(), "[HOME]");
        compare(&path, &filter.apply(&format!("{line}\n{outcome}")));
    }
}

/// It must not ask for a place that it does not use, and as root not start anything.
#[test]
fn a_list_is_printed_and_nothing_is_made() {
    let home = Workshop::new();
    let outcome = run(&["bootstrap", "debian", "--print-list"], home.path(), &home);
    outcome.expect(0);
    assert!(outcome.stdout.contains("packages:"), "{outcome}");
    assert_eq!(outcome.stderr, "");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
