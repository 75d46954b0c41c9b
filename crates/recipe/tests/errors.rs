//! Every file in `test-data/errors` is refused, in words that help; the snapshot shows them all.

use bessemer_recipe::{
    BuiltinPipelines, CompileOptions, Diagnostic, Recipe, RecipeError, SourceFile, compile,
};
use std::fmt::Write as _;

#[test]
fn mistakes_are_explained() {
    let directory = format!("{}/test-data/errors", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .expect("test data")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    let mut report = String::new();
    for name in names {
        let text = std::fs::read_to_string(format!("{directory}/{name}")).expect("fixture");
        report.push_str(&explain(&name, text));
        report.push('\n');
    }
    insta::assert_snapshot!(report);
}

fn explain(name: &str, text: String) -> String {
    let recipe = match Recipe::parse(SourceFile::new(name, text)) {
        Ok(recipe) => recipe,
        Err(error) => {
            let kind = match error {
                RecipeError::Syntax(_) => "syntax",
                RecipeError::Invalid(_) => "invalid",
            };
            return render(kind, error.diagnostic());
        }
    };
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    let Err(error) = compile(&recipe, &options) else {
        panic!("{name} compiles")
    };
    match error.diagnostic() {
        Some(diagnostic) => render("compile", diagnostic),
        None => format!("compile: {error}\n"),
    }
}

fn render(kind: &str, diagnostic: &Diagnostic) -> String {
    let mut text = format!("{kind}: {diagnostic}\n");
    if let (Some(excerpt), Some(position)) = (&diagnostic.excerpt, diagnostic.position) {
        let column = usize::try_from(position.column).expect("small");
        writeln!(text, "  | {excerpt}\n  | {:>column$}", "^").expect("string");
    }
    text
}
