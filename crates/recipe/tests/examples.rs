//! The repository's examples compile, and to what their readers expect.

use bessemer_recipe::{
    BuiltinPipelines, CompileOptions, PipelineDirectories, PipelineOrigin, Plan, PlanSchema,
    Recipe, SourceFile, compile,
};

fn plan(name: &str) -> Plan {
    let path = format!(
        "{}/../../examples/{name}/{name}.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("example");
    let recipe = Recipe::parse(SourceFile::new(format!("{name}.yaml"), text)).expect("example");
    let options = CompileOptions::new("amd64", &BuiltinPipelines);
    let compiled = compile(&recipe, &options).expect("example");
    assert!(compiled.warnings.is_empty());
    compiled.plan
}

#[test]
fn bzip2_makes_four_packages_from_one_source() {
    let plan = plan("bzip2");
    assert_eq!(
        (plan.schema, plan.architecture.as_str()),
        (PlanSchema::V1, "x86_64")
    );
    let names: Vec<_> = plan
        .subpackages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(names, ["libbz2", "bzip2-dev", "bzip2-doc"]);
    let [source] = plan.sources.as_slice() else {
        panic!("{:?}", plan.sources)
    };
    assert_eq!(source.id, "main/0");
    assert_eq!(
        source.uri,
        "https://sourceware.org/pub/bzip2/bzip2-1.0.8.tar.gz"
    );
    assert_eq!(source.cache_name, source.sha256.unwrap().to_string());
    assert_eq!(
        (source.purl_name.as_str(), source.purl_version.as_str()),
        ("bzip2", "1.0.8")
    );
    assert_eq!(
        plan.environment.packages,
        ["build-base", "busybox", "make", "binutils"]
    );
    let dev = &plan.subpackages[1];
    assert_eq!(dev.dependencies.runtime, ["libbz2=1.0.8-r0"]);
    assert_eq!(dev.steps[0].id, "sub/bzip2-dev/0");
    assert!(
        dev.steps[0]
            .runs
            .contains("target='/home/build/melange-out/bzip2-dev'")
    );
    assert!(
        dev.steps[0]
            .runs
            .contains("source='/home/build/melange-out/bzip2'")
    );
    let test = dev.test.as_ref().expect("example");
    assert_eq!(
        test.environment.packages,
        ["build-base", "busybox", "bzip2-dev"]
    );
    assert_eq!(test.steps[0].id, "test/bzip2-dev/0");
    assert!(plan.package.test.is_some());
    assert!(
        plan.pipelines
            .iter()
            .all(|file| file.origin == PipelineOrigin::Builtin)
    );
}

#[test]
fn every_step_is_substituted_and_has_a_place() {
    for name in ["bzip2", "hello", "tiny"] {
        let plan = plan(name);
        let packages = std::iter::once(&plan.package).chain(&plan.subpackages);
        for step in packages.flat_map(|package| &package.steps) {
            assert!(!step.runs.contains("${{"), "{}", step.id);
            assert!(step.location.is_some(), "{}", step.id);
            assert_eq!(step.working_directory, "/home/build");
        }
    }
}

#[test]
fn plans_are_reproducible_and_survive_json() {
    for name in ["bzip2", "hello", "tiny"] {
        let first = serde_json::to_string(&plan(name)).expect("example");
        assert_eq!(first, serde_json::to_string(&plan(name)).unwrap());
        let back: Plan = serde_json::from_str(&first).expect("example");
        assert_eq!(first, serde_json::to_string(&back).unwrap());
    }
}

#[test]
fn tiny_needs_nothing_but_busybox() {
    let plan = plan("tiny");
    assert_eq!(plan.environment.packages, ["busybox"]);
    assert!(plan.sources.is_empty());
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan.configuration).unwrap());
}

/// Documents with a digest must not depend on the directory that somebody worked in.
#[test]
fn a_plan_does_not_tell_where_its_files_were() {
    let compiled = || {
        let place = tempfile::tempdir().expect("directory");
        std::fs::write(
            place.path().join("greet.yaml"),
            "pipeline:\n  - runs: echo hello\n",
        )
        .expect("pipeline");
        let name = place.path().join("demo.yaml").display().to_string();
        let text = "package: {name: demo, version: 1, epoch: 0}\npipeline:\n  - uses: greet\n  \
                    - runs: echo ${{package.name}}\n";
        let recipe = Recipe::parse(SourceFile::new(name, text)).expect("recipe");
        let directories = PipelineDirectories::new(vec![place.path().to_path_buf()]);
        let options = CompileOptions::new("x86_64", &directories);
        compile(&recipe, &options).expect("plan").plan
    };
    let plan = compiled();
    assert_eq!(plan, compiled());
    assert_eq!(plan.recipe.path, "demo.yaml");
    assert_eq!(plan.pipelines[0].path, "greet.yaml");
    let files = plan.package.steps.iter().map(|step| {
        let place = step.location.as_ref().expect("place");
        (place.file.as_str(), place.line)
    });
    assert_eq!(
        files.collect::<Vec<_>>(),
        [("greet.yaml", 2), ("demo.yaml", 4)]
    );
}

#[test]
fn the_documentation_shows_what_tiny_compiles_to() {
    let path = format!("{}/../../docs/formats/plan.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("```json\n").expect("an example");
    let (example, after) = rest.split_once("\n```").expect("its end");
    let plan = plan("tiny");
    if std::env::var_os("BLESS").is_some() {
        let value = serde_json::to_value(&plan).expect("JSON");
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        std::fs::write(&path, format!("{before}```json\n{text}\n```{after}")).expect("write");
        return;
    }
    let shown: Plan = serde_json::from_str(example).expect("a plan");
    assert!(
        shown == plan,
        "docs/formats/plan.md is out of date: run with BLESS=1"
    );
}
