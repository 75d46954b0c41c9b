//! Strangers' recipes cannot make the parser or the compiler panic.

use bessemer_recipe::{BuiltinPipelines, CompileOptions, Recipe, SourceFile, compile, query};
use proptest::prelude::*;

fn run(text: String) {
    if let Ok(recipe) = Recipe::parse(SourceFile::new("hostile.yaml", text)) {
        let _ = compile(&recipe, &CompileOptions::new("x86_64", &BuiltinPipelines));
        let _ = query(&recipe, "{{ .Package.Name }}");
    }
}

/// Pieces of recipes, so that many of the texts get past the first line.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("package:\n  name: a\n  version: 1\n".to_owned()),
        Just("pipeline:\n".to_owned()),
        Just("  - runs: ${{package.name}}\n".to_owned()),
        Just("  - uses: fetch\n".to_owned()),
        Just("    with:\n      uri: ${{vars.x}}\n".to_owned()),
        Just("  - if: ${{build.arch}} == 'x'\n    pipeline:\n      - runs: é ${{\n".to_owned()),
        Just("vars:\n  x: &a y\n  z: *a\n".to_owned()),
        Just("subpackages:\n  - name: b\n    range: r\n".to_owned()),
        Just("data:\n  - name: r\n    items: {1: 2}\n".to_owned()),
        "[ -~é\n]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        run(text);
    }

    #[test]
    fn nearly_recipes(pieces in prop::collection::vec(piece(), 0..8)) {
        run(pieces.concat());
    }
}

#[test]
fn deep_and_expanding_documents_are_refused() {
    run("[".repeat(100_000));
    run(format!("package: {}", "{a: ".repeat(10_000)));
    run("  - pipeline:\n".repeat(10_000));
    let mut bomb = "vars:\n  a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        let line = format!("  a{level}: &a{level} [*a{before}, *a{before}, *a{before}]\n");
        bomb += &line;
    }
    run(bomb);
    for levels in [30, 40] {
        run(doubling(levels));
    }
}

/// Variables each twice as long as the next.
fn doubling(levels: usize) -> String {
    let line = |level: usize| {
        let next = format!("${{{{vars.v{}}}}}", level + 1);
        format!("  v{level}: {next}{next}\n")
    };
    let lines: String = (0..levels).map(line).collect();
    format!("package:\n  name: a\n  version: 1\nvars:\n{lines}  v{levels}: x\n")
}
