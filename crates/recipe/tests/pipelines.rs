//! The built-in pipelines: what they declare, and what their fragments do when they are run.
//!
//! The fragments run here with the machine's own shell, on directories below a temporary one that
//! stand for the guest's; the tools they need are those of any development machine.

use bessemer_recipe::{
    BuiltinPipelines, CompileOptions, Plan, Recipe, SourceFile, Step, builtin_pipelines, compile,
    written::PipelineFile,
};
use std::fs;
use std::path::Path;
use std::process::Command;

fn plan(text: &str) -> Plan {
    let head = "package:\n  name: demo\n  version: 1.0\n";
    let recipe = Recipe::parse(SourceFile::new("demo.yaml", format!("{head}{text}")));
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    compile(&recipe.expect("recipe"), &options)
        .expect("plan")
        .plan
}

/// Runs a step as the guest does, with the guest's directories moved below `root`.
fn run(step: &Step, root: &Path) -> String {
    let moved = |text: &str| {
        let root = root.display();
        text.replace("/home/build", &format!("{root}/build"))
            .replace("/var/cache/melange", &format!("{root}/cache"))
    };
    let script = format!(
        "set -e\ncd {}\n{}",
        moved(&step.working_directory),
        moved(&step.runs)
    );
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(&script)
        .output()
        .expect("sh");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {log}\n{script}", step.id);
    log
}

/// A directory with an empty workspace and cache, and a package `demo` holding `files`.
fn workspace(files: &[&str], links: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("directory");
    fs::create_dir(root.path().join("cache")).expect("cache");
    let package = root.path().join("build/melange-out/demo");
    fs::create_dir_all(&package).expect("package");
    for file in files {
        let path = package.join(file);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, file).expect("file");
    }
    for (link, target) in links {
        std::os::unix::fs::symlink(target, package.join(link)).expect("link");
    }
    root
}

/// Everything but directories below `directory`, sorted; also empty directories, with a slash.
fn listing(directory: &Path) -> Vec<String> {
    let output = Command::new("find")
        .args([".", "-type", "d", "-empty", "-printf", "%P/\\n", "-o"])
        .args(["!", "-type", "d", "-printf", "%P\\n"])
        .current_dir(directory)
        .output()
        .expect("find");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

const FILES: [&str; 12] = [
    "usr/bin/demo",
    "usr/bin/demo-config",
    "usr/include/demo/a b.h",
    "usr/lib/libdemo.a",
    "usr/lib/libdemo.so.1.0",
    "usr/lib/pkgconfig/demo.pc",
    "usr/lib/demo/plugin.so",
    "usr/share/doc/demo/README",
    "usr/share/info/demo.info",
    "usr/share/info/dir",
    "usr/share/locale/de/demo.mo",
    "usr/share/man/man1/demo.1",
];
const LINKS: [(&str, &str); 2] = [
    ("usr/lib/libdemo.so", "libdemo.so.1.0"),
    ("usr/lib/libdemo.so.1", "libdemo.so.1.0"),
];

#[test]
fn split_pipelines_move_what_they_should() {
    let cases: [(&str, &[&str]); 8] = [
        (
            "split/dev",
            &[
                "usr/bin/demo-config",
                "usr/include/demo/a b.h",
                "usr/lib/libdemo.a",
                "usr/lib/libdemo.so",
                "usr/lib/pkgconfig/demo.pc",
            ],
        ),
        (
            "split/lib",
            &["usr/lib/libdemo.so.1", "usr/lib/libdemo.so.1.0"],
        ),
        ("split/bin", &["usr/bin/demo", "usr/bin/demo-config"]),
        ("split/static", &["usr/lib/libdemo.a"]),
        ("split/infodir", &["usr/share/info/demo.info"]),
        ("split/locales", &["usr/share/locale/de/demo.mo"]),
        ("split/manpages", &["usr/share/man/man1/demo.1"]),
        (
            "split/alldocs",
            &[
                "usr/share/doc/demo/README",
                "usr/share/info/demo.info",
                "usr/share/info/dir",
                "usr/share/man/man1/demo.1",
            ],
        ),
    ];
    for (uses, expected) in cases {
        let root = workspace(&FILES, &LINKS);
        let plan = plan(&format!(
            "subpackages:\n  - name: demo-part\n    pipeline:\n      - uses: {uses}\n"
        ));
        for step in &plan.subpackages[0].steps {
            run(step, root.path());
        }
        let out = root.path().join("build/melange-out");
        assert_eq!(listing(&out.join("demo-part")), expected, "{uses}");
        let mut all = listing(&out.join("demo"));
        all.extend(expected.iter().map(|name| (*name).to_owned()));
        all.sort();
        let links = LINKS.iter().map(|(link, _)| *link);
        let mut before: Vec<_> = FILES.into_iter().chain(links).collect();
        before.sort_unstable();
        assert_eq!(all, before, "{uses} lost or left something");
    }
}

#[test]
fn split_from_a_named_package_only() {
    let root = workspace(&FILES, &LINKS);
    let plan = plan(
        "subpackages:\n  - name: other\n  - name: other-doc\n    pipeline:\n      \
         - uses: split/manpages\n        with:\n          package: other\n",
    );
    let other = root
        .path()
        .join("build/melange-out/other/usr/share/man/man3");
    fs::create_dir_all(&other).expect("directory");
    fs::write(other.join("other.3"), "").expect("file");
    run(&plan.subpackages[1].steps[0], root.path());
    let moved = listing(&root.path().join("build/melange-out/other-doc"));
    assert_eq!(moved, ["usr/share/man/man3/other.3"]);
}

#[test]
fn fetch_unpacks_the_source_it_is_given() {
    let root = workspace(&[], &[]);
    fs::create_dir_all(root.path().join("demo-1.0/sub")).expect("directory");
    fs::write(root.path().join("demo-1.0/sub/file"), "x").expect("file");
    let archive = root.path().join("archive.tar.gz");
    let status = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("demo-1.0")
        .current_dir(root.path())
        .status();
    assert!(status.expect("tar").success());
    let digest = bessemer_digest::Digest::of(fs::read(&archive).expect("archive"));
    let plan = plan(&format!(
        "pipeline:\n  - uses: fetch\n    with:\n      uri: https://example.org/d/demo.tar.gz?x=1\n      \
         expected-sha256: {}\n      directory: src\n",
        digest.hex()
    ));
    let cached = root.path().join("cache").join(&plan.sources[0].cache_name);
    fs::rename(&archive, cached).expect("cache");
    run(&plan.package.steps[0], root.path());
    let build = root.path().join("build");
    assert_eq!(
        fs::read_to_string(build.join("src/sub/file")).expect("unpacked"),
        "x"
    );
    assert!(build.join("demo.tar.gz").is_file());
}

#[test]
fn strip_leaves_what_is_not_elf() {
    let root = workspace(&["usr/lib/libtext.so.1", "usr/bin/script"], &[]);
    let package = root.path().join("build/melange-out/demo");
    let program = package.join("usr/bin/program");
    fs::copy(std::env::current_exe().expect("self"), &program).expect("copy");
    let size = |path: &Path| fs::metadata(path).expect("metadata").len();
    let before = size(&program);
    run(
        &plan("pipeline:\n  - uses: strip\n").package.steps[0],
        root.path(),
    );
    assert!(
        size(&program) < before,
        "this test's own program has debug information"
    );
    assert_eq!(size(&package.join("usr/lib/libtext.so.1")), 20);
}

#[test]
fn every_input_is_documented_and_every_fragment_is_shell() {
    for (uses, text) in builtin_pipelines() {
        let file: PipelineFile = serde_saphyr::from_str(text).expect(uses);
        assert!(!file.name.is_empty(), "{uses} does not say what it does");
        let mut recipe =
            format!("subpackages:\n  - name: part\n    pipeline:\n      - uses: {uses}\n");
        let digits = "a".repeat(64);
        recipe.push_str("        with:\n");
        for (name, input) in &file.inputs {
            assert!(!input.description.is_empty(), "{uses}: {name}");
            if name == "expected-sha256" {
                recipe.push_str(&["          expected-sha256: ", &digits, "\n"].concat());
            } else if input.required {
                recipe.push_str(&["          ", name, ": -name x\n"].concat());
            }
        }
        for step in &plan(&recipe).subpackages[0].steps {
            check_syntax(step);
        }
    }
}

#[test]
fn the_examples_fragments_are_shell() {
    for name in ["bzip2", "hello", "tiny"] {
        let path = format!(
            "{}/../../examples/{name}/{name}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = fs::read_to_string(path).expect("example");
        let recipe = Recipe::parse(SourceFile::new(name, text)).expect("recipe");
        let options = CompileOptions::new("x86_64", &BuiltinPipelines);
        let plan = compile(&recipe, &options).expect("plan").plan;
        for package in std::iter::once(&plan.package).chain(&plan.subpackages) {
            let tests = package.test.iter().flat_map(|test| &test.steps);
            package.steps.iter().chain(tests).for_each(check_syntax);
        }
    }
}

fn check_syntax(step: &Step) {
    let root = tempfile::tempdir().expect("directory");
    let file = root.path().join("fragment");
    fs::write(&file, &step.runs).expect("fragment");
    let status = Command::new("/bin/sh")
        .arg("-n")
        .arg(&file)
        .status()
        .expect("sh");
    assert!(status.success(), "{}: {}", step.id, step.runs);
}
