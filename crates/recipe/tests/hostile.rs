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

#[test]
fn a_range_cannot_multiply_without_end() {
    let rows = (0..1200).map(|row| format!("      r{row}: x"));
    let rows = rows.collect::<Vec<_>>().join("\n");
    let text = format!(
        "package:\n  name: a\n  version: 1\ndata:\n  - name: many\n    items:\n{rows}\n\
         subpackages:\n  - range: many\n    name: a-${{{{range.key}}}}\n"
    );
    let recipe = Recipe::parse(SourceFile::new("hostile.yaml", text)).expect("a recipe");
    let error = compile(&recipe, &CompileOptions::new("x86_64", &BuiltinPipelines));
    let error = error
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains("more than 1000 packages"), "{error}");
}

/// What is refused, in one clear error each.
#[test]
fn hostile_recipes_are_refused_in_one_line() {
    let head = "package:\n  name: a\n  version: 1\n";
    let with = |tail: &str| format!("{head}{tail}");
    let uses = |name: &str| with(&format!("pipeline:\n  - uses: {name}\n"));
    let nested = |depth: usize| {
        let mut opened = String::new();
        for level in 0..depth {
            opened.extend(["  ".repeat(level).as_str(), "- pipeline:\n"]);
        }
        with(&format!(
            "pipeline:\n{opened}{}- runs: x\n",
            "  ".repeat(depth)
        ))
    };
    let cases: &[(&str, String, &str)] = &[
        ("name with a path", "package: {name: ../../etc/x, version: 1}".into(), "is not a package name"),
        ("name with a command", "package: {name: 'a$(id)', version: 1}".into(), "is not a package name"),
        ("name with a line", "package: {name: \"a\\nb\", version: 1}".into(), "is not a package name"),
        ("name by variable", "package: {name: '${{vars.x}}', version: 1}\nvars: {x: '../up'}".into(), "is not a package name"),
        ("subpackage by variable", with("vars: {x: 'a;b'}\nsubpackages:\n  - name: ${{vars.x}}\n"), "is not a package name"),
        ("subpackage by range", with("data:\n  - name: r\n    items: {k: '../x'}\nsubpackages:\n  - name: b-${{range.value}}\n    range: r\n"), "is not a package name"),
        ("version with a path", "package: {name: a, version: '1/../../x'}".into(), "is not a version"),
        ("version with a command", "package: {name: a, version: '1`id`'}".into(), "is not a version"),
        ("absolute uses", uses("/etc/passwd"), "is not a pipeline name"),
        ("uses of the parent", uses("../../../etc/shadow"), "is not a pipeline name"),
        ("uses through the parent", uses("go/../../x"), "is not a pipeline name"),
        ("uses with NUL", uses("\"a\\0b\""), "is not a pipeline name"),
        ("uses with a backslash", uses("'a\\b'"), "is not a pipeline name"),
        ("uses by variable", uses("${{package.name}}"), "is not a pipeline name"),
        ("two lines of directory", with("pipeline:\n  - working-directory: \"a\\nb\"\n    runs: x\n"), "must be one line of text"),
        ("two lines of dependency", "package:\n  name: a\n  version: 1\n  dependencies: {runtime: [\"a\\nprovides = b\"]}\n".into(), "must be one line of text"),
        ("two lines of licence", "package:\n  name: a\n  version: 1\n  copyright: [{license: \"MIT\\norigin = b\"}]\n".into(), "must be one line of text"),
        ("a licence file elsewhere", "package:\n  name: a\n  version: 1\n  copyright: [{license: X, license-path: ../../etc/shadow}]\n".into(), "must be a relative path"),
        ("an absolute licence file", "package:\n  name: a\n  version: 1\n  copyright: [{license: X, license-path: /etc/shadow}]\n".into(), "must be a relative path"),
        ("variables in a circle", with("vars: {a: '${{vars.b}}', b: '${{vars.a}}'}\n"), "depends on itself"),
        ("deep nesting", nested(40), "deeper or larger than a file may be"),
        ("a long line", with(&format!("vars:\n  x: {}\n", "y".repeat(5 * 1024 * 1024))), "bytes, more than"),
        ("doubling variables", doubling(30), "longer than"),
    ];
    for (what, text, expected) in cases {
        let message = refusal(text).unwrap_or_else(|| panic!("{what} is taken"));
        assert!(message.contains(expected), "{what}: {message}");
        assert_eq!(message.lines().count(), 1, "{what}: {message}");
        assert!(message.len() < 500, "{what}: {} bytes", message.len());
    }
}

/// Why a recipe is refused; `None` when it is not.
fn refusal(text: &str) -> Option<String> {
    let recipe = match Recipe::parse(SourceFile::new("hostile.yaml", text)) {
        Ok(recipe) => recipe,
        Err(error) => return Some(error.to_string()),
    };
    let compiled = compile(&recipe, &CompileOptions::new("x86_64", &BuiltinPipelines));
    compiled.err().map(|error| error.to_string())
}

/// An alias bomb and a million brackets end quickly, with an error.
#[test]
fn expanding_documents_are_errors() {
    let mut bomb = "vars:\n  a0: &a0 [x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = level - 1;
        let aliases = vec![format!("*a{before}"); 10].join(", ");
        let line = format!("  a{level}: &a{level} [{aliases}]\n");
        bomb += &line;
    }
    for text in [
        bomb,
        "[".repeat(1_000_000),
        "package: &a {name: *a, version: 1}".to_owned(),
    ] {
        assert!(refusal(&text).is_some_and(|message| message.len() < 500));
    }
}

/// Names of patches are data: nothing in them is run, whatever quotes they hold.
#[test]
fn inputs_of_built_in_pipelines_are_never_run() {
    for hostile in [
        "$(touch MARK)",
        "`touch MARK`",
        "'; touch MARK; '",
        "\"; touch MARK; \"",
        "; touch MARK",
        "| touch MARK",
        "&& touch MARK",
        "> MARK",
        "'$(touch MARK)'",
        "x' || touch MARK #",
        "${IFS}touch${IFS}MARK",
        "a\ntouch MARK",
    ] {
        let directory = tempfile::tempdir().expect("directory");
        let value = serde_json::to_string(hostile).expect("text");
        for input in ["patches", "series", "strip-components", "fuzz"] {
            let patches = if input == "patches" {
                ""
            } else {
                "\n      patches: none.patch"
            };
            let text = format!(
                "package:\n  name: a\n  version: 1\npipeline:\n  - uses: patch\n    with:{patches}\n      {input}: {value}\n"
            );
            let recipe = Recipe::parse(SourceFile::new("r.yaml", text)).expect("recipe");
            let plan = compile(&recipe, &CompileOptions::new("x86_64", &BuiltinPipelines));
            let script = &plan.expect("plan").plan.package.steps[0].runs;
            let ran = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("set -e\n{script}")])
                .current_dir(directory.path())
                .output()
                .expect("sh");
            assert!(!ran.status.success(), "{input}: {hostile}");
            let files = std::fs::read_dir(directory.path())
                .expect("directory")
                .count();
            assert_eq!(files, 0, "{input}: {hostile}\n{script}");
        }
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
