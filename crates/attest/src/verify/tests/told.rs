//! What a report tells whoever has expectations: name, parameters, commits.

use super::*;
use crate::documents::{LockedCommit, LockedSource};

fn built(factory: &Factory) -> (String, BuiltReport) {
    let report = factory.verify(&factory.sidecar()).unwrap();
    match report.origin {
        Origin::Built(built) => (report.package, *built),
        Origin::Imported(imported) => panic!("{imported:?}"),
    }
}

fn git_source(id: &str, uri: &str, commit: char) -> LockedSource {
    let name = |digit: char| digit.to_string().repeat(40);
    LockedSource {
        id: id.to_owned(),
        uri: uri.to_owned(),
        sha256: Digest::of(id),
        size: 7,
        git: Some(LockedCommit {
            commit: name(commit),
            tree: name('e'),
        }),
    }
}

#[test]
fn parameters_but_recipe_and_architecture_are_told_as_texts() {
    let factory = Factory::of(|run| {
        let parameters = &mut run.job_spec.external_parameters;
        parameters.options = vec!["static".to_owned(), "small".to_owned()];
        parameters.variables = [("mode".to_owned(), "fast".to_owned())].into();
        parameters.debug = true;
        parameters.namespace = Some("example".to_owned());
    });
    let (package, report) = built(&factory);
    assert_eq!(package, "hello");
    let expected = [
        ("debug", vec!["true"]),
        ("namespace", vec!["example"]),
        ("options", vec!["static", "small"]),
        ("variables", vec!["mode=fast"]),
    ];
    let found = report.parameters.iter();
    let found: Vec<(&str, Vec<&str>)> = found
        .map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, expected);
    assert!(built(&Factory::new()).1.parameters.is_empty());
}

#[test]
fn commits_of_sources_are_told_once_and_the_recipes_own_apart() {
    let factory = Factory::of(|run| {
        let place = "https://git.example/";
        for (id, name, commit) in [
            ("main/1", "b", 'b'),
            ("main/2", "a", 'a'),
            ("main/3", "a", 'a'),
        ] {
            let source = git_source(id, &format!("{place}{name}"), commit);
            run.lock.sources.push(source);
        }
        let source = &mut run.job_spec.config_source;
        source.repository = Some(format!("{place}recipes"));
        source.reference = Some("refs/heads/main".to_owned());
        source.commit = Some("c".repeat(40));
    });
    let (_, report) = built(&factory);
    let found = report.commits.iter();
    let found: Vec<_> = found
        .map(|one| (one.repository.as_str(), &one.commit[..1]))
        .collect();
    assert_eq!(
        found,
        [
            ("https://git.example/a", "a"),
            ("https://git.example/b", "b")
        ]
    );
    assert_eq!(report.source.commit, Some("c".repeat(40)));
}

#[test]
fn a_name_is_the_statements_or_the_files() {
    // The annotation speaks of another file than the subject's name: the latter was checked.
    for (package, version, expected) in [
        ("hello", "2.12-r0", "hello"),
        ("hello-2.12", "r0", "hello-2.12"),
        ("openssl", "9-r0", "hello"),
        ("hello", "2.13-r0", "hello"),
    ] {
        let factory = Factory::new();
        let mut payloads = factory.payloads.clone();
        let mut value: Value = serde_json::from_slice(&payloads[0].1).unwrap();
        let annotations = &mut value["subject"][0]["annotations"];
        annotations["package"] = package.into();
        annotations["version"] = version.into();
        payloads[0].1 = serde_json::to_vec(&value).unwrap();
        let report = factory.verify(&factory.seal(&payloads)).unwrap();
        assert_eq!(report.package, expected, "{package} {version}");
    }
}
