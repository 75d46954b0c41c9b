//! Whatever is changed among the external flags of a build, the parameters are others, or it is refused.

use super::{camel, parsed};
use crate::commands::build;
use crate::influence::Influence;
use crate::influence::table::ENTRIES;
use proptest::sample::Index;
use serde_json::{Map, Value};
use std::path::Path;

/// The external flags of `build`, each with the fields that have what it says.
fn flags() -> Vec<(&'static str, Vec<&'static str>)> {
    let of_build = ENTRIES
        .iter()
        .filter(|entry| entry.commands.contains(&"build") && entry.flag.starts_with("--"));
    of_build
        .filter_map(|entry| match entry.influence {
            Influence::External(field) if entry.flag == "--env-file" => {
                Some((entry.flag, vec![field, "environment"]))
            }
            Influence::External(field) => Some((entry.flag, vec![field])),
            _ => None,
        })
        .collect()
}

/// How many flags there are: a vector of choices has one number for each.
const COUNT: usize = 15;

/// Choices of a flag that mean the same have one class.
fn class(flag: &str, choice: u32) -> u32 {
    match flag {
        "--arch"
        | "--debug"
        | "--strip-origin-name"
        | "--override-host-triplet-libc-substitution-flavor" => choice % 2,
        _ => choice,
    }
}

/// A flag as it is typed; the choice 0 leaves it out. Files that it names are made.
fn typed(directory: &Path, flag: &str, choice: u32) -> Vec<String> {
    let choice = class(flag, choice);
    let file = |name: String, content: String| {
        let path = directory.join(name);
        fs_err::write(&path, content).unwrap();
        path.display().to_string()
    };
    if flag == "--arch" {
        let known = ["x86_64", "aarch64"][choice as usize];
        return vec![flag.to_owned(), known.to_owned()];
    }
    if choice == 0 {
        return Vec::new();
    }
    let value = match flag {
        "--debug" | "--strip-origin-name" => return vec![flag.to_owned()],
        "--env-file" => file(format!("{choice}.env"), format!("A={choice}\n")),
        "--vars-file" => file(format!("{choice}.yaml"), format!("key: value-{choice}\n")),
        "--git-repo-url" => format!("https://example.test/{choice}"),
        "--repository-append" => format!("/srv/{choice}"),
        "--keyring-append" => format!("/srv/{choice}.rsa.pub"),
        "--override-host-triplet-libc-substitution-flavor" => "musl".to_owned(),
        "--package-append" | "--namespace" | "--git-commit" | "--license" | "--build-option"
        | "--pipeline-dir" => format!("text{choice}"),
        other => panic!("{other} has no values here"),
    };
    vec![flag.to_owned(), value]
}

/// The parameters without the fields that are left out; nothing where the request is refused.
fn parameters(choices: &[u32], left_out: &[&str]) -> Option<Map<String, Value>> {
    let directory = tempfile::tempdir().unwrap();
    let flags = flags();
    assert_eq!(flags.len(), choices.len(), "COUNT is the number of flags");
    let typed = flags
        .iter()
        .zip(choices)
        .flat_map(|((flag, _), choice)| typed(directory.path(), flag, *choice));
    let typed: Vec<String> = typed.collect();
    let mut words = vec!["bessemer", "build", "r.yaml"];
    words.extend(typed.iter().map(String::as_str));
    let parameters = build::external_parameters(&parsed(&words)).ok()?;
    let Value::Object(fields) = serde_json::to_value(parameters).unwrap() else {
        panic!("parameters are an object");
    };
    let named = fields
        .into_iter()
        .map(|(field, value)| (camel(&field), value));
    Some(
        named
            .filter(|(field, _)| !left_out.contains(&field.as_str()))
            .collect(),
    )
}

proptest::proptest! {
    #[test]
    fn whatever_is_changed_changes_the_parameters(
        choices in proptest::collection::vec(0_u32..4, COUNT),
        at: Index,
        other in 0_u32..4,
    ) {
        let at = at.index(COUNT);
        let flag = flags()[at].0;
        let mut changed = choices.clone();
        changed[at] = other;
        let same = class(flag, choices[at]) == class(flag, other);
        let (before, after) = (parameters(&choices, &[]), parameters(&changed, &[]));
        proptest::prop_assert!(before.is_some() && after.is_some(), "refused: {flag}");
        proptest::prop_assert_eq!(before == after, same, "{}", flag);
    }
}

/// With its fields left out of the parameters, a change of a flag goes unseen, whichever it is.
#[test]
fn control_run_what_is_left_out_of_the_parameters_is_not_seen() {
    for (at, (flag, fields)) in flags().iter().enumerate() {
        let mut changed = [0; COUNT];
        changed[at] = 1;
        let seen = |left_out: &[&str]| {
            parameters(&[0; COUNT], left_out).unwrap() != parameters(&changed, left_out).unwrap()
        };
        assert!(seen(&[]) && !seen(fields), "{flag}");
    }
}
