//! What the parts of the language mean, one small recipe each.

use bessemer_recipe::{
    BuiltinPipelines, CompileOptions, PipelineDirectories, PipelineOrigin, Plan, Recipe,
    SourceFile, compile,
};

const HEAD: &str = "package:\n  name: demo\n  version: 1.2.3\n  epoch: 4\n";

fn recipe(text: &str) -> Recipe {
    Recipe::parse(SourceFile::new("demo.yaml", format!("{HEAD}{text}"))).expect("recipe")
}

fn plan(text: &str) -> Plan {
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    compile(&recipe(text), &options).expect("plan").plan
}

/// The fragments of the main pipeline, without line ends.
fn runs(plan: &Plan) -> Vec<&str> {
    plan.package
        .steps
        .iter()
        .map(|step| step.runs.trim())
        .collect()
}

#[test]
fn variables_are_what_melange_says() {
    let out = "/home/build/melange-out";
    for (name, expected) in [
        ("package.full-version", "1.2.3-r4".to_owned()),
        ("targets.destdir", format!("{out}/demo")),
        ("targets.contextdir", format!("{out}/demo")),
        ("targets.package.demo-b", format!("{out}/demo-b")),
        ("context.name", "demo".to_owned()),
        ("build.goarch", "amd64".to_owned()),
        ("host.triplet.gnu", "x86_64-pc-linux-gnu".to_owned()),
    ] {
        let text =
            format!("pipeline:\n  - runs: ${{{{ {name} }}}}\nsubpackages:\n  - name: demo-b\n");
        assert_eq!(runs(&plan(&text)), [expected]);
    }
}

#[test]
fn subpackages_have_their_own_directory_and_the_main_package_s() {
    let plan = plan(
        "subpackages:\n  - name: b\n    pipeline:\n      \
         - runs: ${{targets.destdir}} ${{targets.contextdir}} ${{targets.subpkgdir}} ${{subpkg.name}}\n",
    );
    let out = "/home/build/melange-out";
    let expected = format!("{out}/demo {out}/b {out}/b b");
    assert_eq!(plan.subpackages[0].steps[0].runs, expected);
}

#[test]
fn ranges_multiply_subpackages_in_key_order() {
    let plan = plan(
        "data:\n  - name: r\n    items:\n      b: 2\n      a: 1.10\nsubpackages:\n  - range: r\n    \
         name: demo-${{range.key}}\n    if: ${{range.key}} != 'c'\n    dependencies:\n      \
         runtime: [\"x=${{range.value}}\"]\n",
    );
    let found = plan
        .subpackages
        .iter()
        .map(|p| (p.name.as_str(), p.dependencies.runtime[0].as_str()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [("demo-a", "x=1.10"), ("demo-b", "x=2")]
    );
}

#[test]
fn subpackage_conditions_see_variables() {
    let plan = plan(
        "subpackages:\n  - name: yes\n    if: ${{build.arch}} == 'x86_64'\n  - name: no\n    \
         if: ${{build.arch}} == 'aarch64'\n",
    );
    assert_eq!(plan.subpackages.len(), 1);
    assert_eq!(plan.subpackages[0].name, "yes");
}

#[test]
fn nested_steps_inherit_directory_and_environment() {
    let plan = plan(
        "pipeline:\n  - working-directory: src\n    environment: {A: '1', B: '1'}\n    pipeline:\n      \
         - runs: one\n        environment: {B: '2'}\n      - runs: two\n        \
         working-directory: /abs\n",
    );
    let [one, two] = plan.package.steps.as_slice() else {
        panic!("two steps")
    };
    assert_eq!(
        (one.id.as_str(), one.working_directory.as_str()),
        ("main/0", "/home/build/src")
    );
    assert_eq!(
        (one.environment["A"].as_str(), one.environment["B"].as_str()),
        ("1", "2")
    );
    assert_eq!(
        (two.id.as_str(), two.working_directory.as_str()),
        ("main/1", "/abs")
    );
    assert_eq!(two.environment["B"], "1");
}

#[test]
fn variables_are_transformed_and_overridden() {
    let text = "vars:\n  minor: ${{vars.major}}.2\n  major: '1'\nvar-transforms:\n  \
                - from: ${{package.version}}\n    match: ^(\\d+)\\.(\\d+).*\n    replace: ${1}_$2\n    \
                to: mangled\npipeline:\n  - runs: ${{vars.mangled}} ${{vars.minor}}\noptions:\n  \
                big:\n    vars: {major: '9'}\n    environment:\n      contents:\n        packages:\n          \
                add: [extra]\n          remove: [base]\nenvironment:\n  contents:\n    packages: [base]\n";
    let recipe = recipe(text);
    let mut options = CompileOptions::new("x86_64", &BuiltinPipelines);
    assert_eq!(
        runs(&compile(&recipe, &options).expect("plan").plan),
        ["1_2 1.2"]
    );
    options.variables.insert("major".into(), "7".into());
    assert_eq!(
        runs(&compile(&recipe, &options).expect("plan").plan),
        ["1_2 7.2"]
    );
    options.build_options.push("big".into());
    let plan = compile(&recipe, &options).expect("plan").plan;
    assert_eq!(runs(&plan), ["1_2 9.2"]);
    assert_eq!(plan.environment.packages, ["extra"]);
    options.build_options.push("bigger".into());
    assert!(compile(&recipe, &options).is_err());
}

#[test]
fn needs_go_where_their_steps_run() {
    let plan = plan(
        "environment:\n  contents:\n    packages: [busybox]\npipeline:\n  - needs:\n      \
         packages: [a, busybox]\n    runs: x\n  - if: ${{build.arch}} == 'none'\n    uses: cmake/build\n\
         test:\n  pipeline:\n    - uses: patch\n      with:\n        patches: p\n",
    );
    assert_eq!(plan.environment.packages, ["busybox", "a"]);
    assert_eq!(
        plan.package.test.expect("test").environment.packages,
        ["demo", "patch"]
    );
}

#[test]
fn sources_are_requested_once_and_git_by_commit() {
    let sum = "0".repeat(64);
    let commit = "1".repeat(40);
    let fetch = format!(
        "  - uses: fetch\n    with:\n      uri: https://example.org/${{{{package.name}}}}.tgz\n      \
         expected-sha256: {sum}\n"
    );
    let git = format!(
        "  - uses: git-checkout\n    with:\n      repository: https://example.org/demo\n      \
         tag: v${{{{package.version}}}}\n      expected-commit: {commit}\n      cherry-picks: |\n        \
         main/abc: why\n        # a remark\n"
    );
    let plan = plan(&format!("pipeline:\n{fetch}{fetch}{git}"));
    let [file, git] = plan.sources.as_slice() else {
        panic!("{:?}", plan.sources)
    };
    assert_eq!(
        (file.id.as_str(), file.uri.as_str()),
        ("main/0", "https://example.org/demo.tgz")
    );
    assert_eq!(git.id, "main/2");
    let request = git.git.as_ref().expect("git");
    assert_eq!(
        (request.tag.as_str(), request.expected_commit.as_str()),
        ("v1.2.3", commit.as_str())
    );
    assert_eq!(
        (request.depth, request.cherry_picks.as_slice()),
        (0, ["main/abc: why".to_owned()].as_slice())
    );
    assert!(
        plan.package.steps[2]
            .runs
            .contains(&format!("/var/cache/melange/{}", git.cache_name))
    );
}

#[test]
fn inputs_pass_down_and_local_files_come_first() {
    let directory = tempfile::tempdir().expect("directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("pipeline");
    };
    write(
        "outer.yaml",
        "inputs:\n  shared: {default: from-outer}\n  given: {required: true}\npipeline:\n  \
         - uses: inner\n    with:\n      given: <${{inputs.given}}>\n",
    );
    write(
        "inner.yaml",
        "inputs:\n  shared: {default: from-inner}\n  given: {}\n  both: {default: '${{inputs.given}}-${{inputs.shared}}'}\n\
         runs: echo ${{inputs.both}}\n",
    );
    write(
        "fetch.yaml",
        "inputs:\n  uri: {}\nruns: my own ${{inputs.uri}}\n",
    );
    let recipe = recipe(
        "pipeline:\n  - uses: outer\n    with: {given: '${{package.name}}'}\n  - uses: fetch\n    \
         with: {uri: u}\n  - uses: inner\n",
    );
    let loader = PipelineDirectories::new(vec![directory.path().to_owned()]);
    let plan = compile(&recipe, &CompileOptions::new("x86_64", &loader))
        .expect("plan")
        .plan;
    assert_eq!(
        runs(&plan),
        ["echo <demo>-from-inner", "my own u", "echo -from-inner"]
    );
    assert_eq!(plan.package.steps[0].uses.as_deref(), Some("inner"));
    assert!(
        plan.sources.is_empty(),
        "only the built-in fetch asks for sources"
    );
    let uses: Vec<_> = plan
        .pipelines
        .iter()
        .map(|file| (file.uses.as_str(), file.origin))
        .collect();
    let local = PipelineOrigin::Local;
    assert_eq!(uses, [("fetch", local), ("inner", local), ("outer", local)]);
    write(
        "inner.yaml",
        "inputs:\n  given: {}\npipeline:\n  - uses: outer\n    with: {given: x}\n",
    );
    let error = compile(&recipe, &CompileOptions::new("x86_64", &loader)).expect_err("a circle");
    assert!(
        error.to_string().ends_with("pipeline `outer` uses itself"),
        "{error}"
    );
}

#[test]
fn descriptions_are_one_line() {
    let text = "subpackages:\n  - name: b\n    description: |\n      two\n      lines of ${{package.name}}\n";
    assert_eq!(plan(text).subpackages[0].description, "two lines of demo");
}
