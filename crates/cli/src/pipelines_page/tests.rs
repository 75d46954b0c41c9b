use super::markdown;
use super::table::{Place, ROWS};
use bessemer_recipe::{
    CompileOptions, PipelineDirectories, PipelineOrigin, Recipe, SourceFile, builtin_pipelines,
    compile,
};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_page_is_what_the_pipelines_say() {
    let path = root().join("docs/reference/pipelines.md");
    let page = markdown().unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(&path, &page).unwrap();
    }
    let shown = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == page,
        "docs/reference/pipelines.md is old; run this test with BLESS=1"
    );
}

#[test]
fn the_table_has_every_pipeline() {
    let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let all: Vec<&str> = builtin_pipelines().iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, all);
}

#[test]
fn what_is_used_much_runs_in_a_guest_for_every_change_or_is_heavy() {
    for row in ROWS.iter().filter(|row| row.uses >= 100) {
        let heavy = matches!(row.place, Place::Soak(..)) && row.name.starts_with("go/");
        let in_guest = matches!(row.place, Place::Guest(_) | Place::GuestTest(_));
        assert!(in_guest || heavy, "{}: {:?}", row.name, row.place);
    }
}

/// The built-in pipelines that an example uses in steps that run, by themselves or by others.
fn used(example: &str) -> Vec<String> {
    let path = root().join(format!("examples/{example}.yaml"));
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(!text.contains("  if:"), "{example}: a step may not run");
    let recipe = Recipe::parse(SourceFile::new(example, text)).unwrap();
    let loader = PipelineDirectories::new(vec![path.with_file_name("pipelines")]);
    let plan = compile(&recipe, &CompileOptions::new("x86_64", &loader)).unwrap();
    let pipelines = plan.plan.pipelines.into_iter();
    pipelines
        .filter(|pipeline| pipeline.origin == PipelineOrigin::Builtin)
        .map(|pipeline| pipeline.uses)
        .collect()
}

#[test]
fn every_example_uses_what_the_table_says() {
    for row in &ROWS {
        match row.place {
            Place::Guest(example) | Place::Soak(example, _) => {
                let used = used(example);
                assert!(
                    used.iter().any(|uses| uses == row.name),
                    "{}: {example}",
                    row.name
                );
            }
            Place::GuestTest(file) => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/it")
                    .join(file);
                let text = fs_err::read_to_string(path).unwrap();
                let step = format!("- uses: {}\n", row.name);
                assert!(text.contains(&step), "{}: {file}", row.name);
            }
            Place::Compiled(_) => {}
        }
    }
}
