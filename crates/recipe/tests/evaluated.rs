//! What a recipe evaluates to can be read back, and plans the same build.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bessemer_recipe::{
    CompileOptions, Evaluated, PipelineDirectories, Plan, Recipe, SourceFile, Step, compile,
};
use std::path::{Path, PathBuf};

fn planned(path: &Path) -> Plan {
    let text = std::fs::read_to_string(path).unwrap();
    let recipe = Recipe::parse(SourceFile::new(path.display().to_string(), text)).unwrap();
    let local = path.with_file_name("pipelines");
    let directories = PipelineDirectories::new(vec![local]);
    let mut options = CompileOptions::new("x86_64", &directories);
    options.source_date_epoch = 7;
    compile(&recipe, &options).unwrap().plan
}

fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = vec![root.join("crates/cli/tests/it/makefile/greeting.yaml")];
    for folder in std::fs::read_dir(root.join("examples")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let is_recipe = path.extension().is_some_and(|end| end == "yaml");
            // These are lists of Debian packages.
            let lists = ["languages.yaml", "heavy.yaml", "debian.yaml"];
            if is_recipe && !lists.iter().any(|list| path.ends_with(list)) {
                found.push(path);
            }
        }
    }
    found
}

fn bare(steps: &[Step]) -> Vec<(&str, &str, &str)> {
    steps
        .iter()
        .map(|step| (&*step.id, &*step.runs, &*step.working_directory))
        .collect()
}

#[test]
fn every_example_plans_the_same_from_what_it_evaluates_to() {
    let examples = examples();
    assert!(examples.len() > 8);
    for path in examples {
        let plan = planned(&path);
        let text = serde_json::to_string_pretty(&plan.configuration).unwrap();
        let evaluated = Evaluated::parse("a.apk: .melange.yaml", &text).unwrap();
        let again = evaluated.compile("x86_64", 7).unwrap().plan;
        let name = path.display();
        assert_eq!(again.configuration, plan.configuration, "{name}");
        assert_eq!(again.sources, plan.sources, "{name}");
        assert_eq!(again.environment.variables, plan.environment.variables);
        assert_eq!(again.environment.packages, plan.environment.packages);
        assert_eq!(again.resources, plan.resources, "{name}");
        let all = |plan: &Plan| {
            let mut all = plan.subpackages.clone();
            all.insert(0, plan.package.clone());
            all
        };
        for (one, two) in all(&plan).iter().zip(all(&again)) {
            assert_eq!(bare(&one.steps), bare(&two.steps), "{name}");
            assert_eq!(one.dependencies, two.dependencies, "{name}");
            assert_eq!(one.licenses, two.licenses, "{name}");
            assert_eq!(one.scriptlets, two.scriptlets, "{name}");
            let test = |test: &Option<bessemer_recipe::TestPlan>| {
                let test = test.as_ref();
                test.map(|test| (test.environment.packages.clone(), test.steps.len()))
            };
            assert_eq!(test(&one.test), test(&two.test), "{name}");
        }
    }
}

const MELANGES: &str = "\
package:
  name: one
  version: \"1.0\"
  epoch: 2
  timeout: 90000000000
  a-key-of-tomorrow: yes
environment:
  contents:
    packages:
      - busybox=1.37.0-r54
pipeline:
  - uses: git-checkout
    with:
      repository: https://example.test/one
      tag: v1.0
      expected-commit: 2e2812bb38a143ef2e0a553104c0a58a693f8ca7
    pipeline:
      - runs: git clone https://example.test/one
  - uses: fetch
    with:
      uri: https://example.test/one.tar.gz
      expected-sha256: abababababababababababababababababababababababababababababababab
    pipeline:
      - runs: |
          fn=\"/var/cache/melange/sha256:abababababababababababababababababababababababababababababababab\"
          test -f $fn || wget https://example.test/one.tar.gz
  - uses: local/thing
    with:
      unknown: here
    pipeline:
      - needs:
          packages: [never]
        if: \"'x86_64' == \\\"aarch64\\\"\"
        runs: echo never
      - runs: echo done
";

#[test]
fn what_melange_evaluates_is_planned_with_sources_from_the_control_side() {
    let evaluated = Evaluated::parse("one.apk", MELANGES).unwrap();
    assert_eq!(evaluated.packages(), ["busybox=1.37.0-r54"]);
    let plan = evaluated.compile("x86_64", 0).unwrap().plan;
    assert_eq!(plan.package.full_version(), "1.0-r2");
    assert_eq!(plan.timeout, "90s");
    let uris: Vec<_> = plan.sources.iter().map(|source| &*source.uri).collect();
    assert_eq!(
        uris,
        [
            "https://example.test/one",
            "https://example.test/one.tar.gz"
        ]
    );
    let runs: Vec<_> = plan.package.steps.iter().map(|step| &*step.runs).collect();
    // The checkout would want the network: the built-in one unpacks what the control side fetched.
    assert!(!runs[0].contains("git clone"), "{}", runs[0]);
    assert!(
        runs[0].contains("/var/cache/melange/request:"),
        "{}",
        runs[0]
    );
    assert!(runs[1].contains("test -f $fn"), "{}", runs[1]);
    assert_eq!(runs[2..], ["echo done"]);
}

#[test]
fn what_is_none_is_refused_with_its_place() {
    for (text, says) in [
        ("", "expected a mapping"),
        ("- a\n", "expected"),
        ("package: {name: one}\n", "key `version` is missing"),
        (
            "package: {name: ../one, version: '1'}\n",
            "is not a package name",
        ),
        (
            "package: {name: one, version: '1'}\npipeline: [{uses: fetch, runs: x}]\n",
            "uri",
        ),
    ] {
        let error = match Evaluated::parse("one.apk", text) {
            Err(error) => error.to_string(),
            Ok(evaluated) => evaluated.compile("x86_64", 0).unwrap_err().to_string(),
        };
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn keys_are_as_long_as_yaml_can_read_them() {
    let text = |key: &str| {
        format!("package: {{name: a, version: 1}}\nenvironment: {{environment: {{? {key} : x}}}}\n")
    };
    let compiled = |key: &str| {
        let recipe = Recipe::parse(SourceFile::new("a.yaml", text(key))).unwrap();
        let directories = PipelineDirectories::new(Vec::new());
        compile(&recipe, &CompileOptions::new("x86_64", &directories))
    };
    for longest in ["k".repeat(998), "é".repeat(499)] {
        let plan = compiled(&longest).unwrap().plan;
        let kept = serde_json::to_string_pretty(&plan.configuration).unwrap();
        let again = Evaluated::parse("a.apk", &kept).unwrap();
        assert_eq!(*again.configuration(), plan.configuration);
    }
    let escaped = format!("\"{}\"", "\\x01".repeat(167));
    for longer in ["k".repeat(999), escaped] {
        let error = compiled(&longer).unwrap_err().to_string();
        assert!(
            error.starts_with("a.yaml: the key `") && error.ends_with("1000 bytes"),
            "{error}"
        );
        let error = Evaluated::parse("a.apk", &text(&longer))
            .unwrap_err()
            .to_string();
        assert!(error.contains("…` has more than 1000 bytes"), "{error}");
    }
}
