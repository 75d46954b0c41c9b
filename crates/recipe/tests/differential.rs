//! Texts that two readers of a recipe understand differently. Here there is one reader: it refuses such
//! a text, or reads it once, and what a guest is given has nothing left to be read. Two readers that
//! take the text itself, as a builder has whose guest looks into the recipe again, disagree on every
//! one of them: that is the control run.

use bessemer_recipe::{BuiltinPipelines, CompileOptions, Recipe, SourceFile, compile};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a text says of the package's version, and what became of it.
struct Ambiguous {
    what: &'static str,
    /// The text after `package:` and a name.
    version: &'static str,
    /// The version that is built, or a part of the refusal.
    read: Result<&'static str, &'static str>,
}

const fn refused(what: &'static str, version: &'static str, says: &'static str) -> Ambiguous {
    let read = Err(says);
    Ambiguous {
        what,
        version,
        read,
    }
}

const fn taken(what: &'static str, version: &'static str, built: &'static str) -> Ambiguous {
    let read = Ok(built);
    Ambiguous {
        what,
        version,
        read,
    }
}

const TEXTS: [Ambiguous; 11] = [
    refused("a key twice", "  version: 1\n  version: 2\n", "twice"),
    refused(
        "a key twice, once quoted",
        "  version: 1\n  \"version\": 2\n",
        "twice",
    ),
    refused(
        "a second document",
        "  version: 1\n---\npackage:\n  name: a\n  version: 2\n",
        "",
    ),
    refused(
        "a variable of the environment",
        "  version: ${HOME}\n",
        "is not a version",
    ),
    taken("an alias", "  epoch: &e 7\n  version: *e\n", "7"),
    taken("a value in base64", "  version: !!binary Mg==\n", "2"),
    taken("an escape", "  version: \"\\x32\"\n", "2"),
    taken("a text over two lines", "  version:\n    2\n", "2"),
    taken("a text in a block", "  version: >-\n    2\n", "2"),
    taken("a comment that looks like text", "  version: 2 # 3\n", "2"),
    taken(
        "a variable of the recipe",
        "  version: ${{vars.v}}\nvars:\n  v: 2\n",
        "2",
    ),
];

impl Ambiguous {
    fn text(&self) -> String {
        let steps = "pipeline:\n  - runs: echo ${{package.version}}\n";
        // The steps come first: the second document is the end of its text.
        format!("{steps}package:\n  name: a\n{}", self.version)
    }
}

/// Version and steps as a guest is given them, or why there are none.
fn read(text: &str) -> Result<(String, String), String> {
    let recipe = Recipe::parse(SourceFile::new("a.yaml", text.to_owned()));
    let recipe = recipe.map_err(|error| error.to_string())?;
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    let plan = compile(&recipe, &options).map_err(|error| error.to_string())?;
    let package = plan.plan.package;
    let version = serde_json::to_value(&package).expect("JSON")["version"].clone();
    let version = version.as_str().expect("a version").to_owned();
    Ok((version, package.steps[0].runs.clone()))
}

#[test]
fn a_text_with_two_readings_is_refused_or_read_once() {
    for ambiguous in &TEXTS {
        let (what, text) = (ambiguous.what, ambiguous.text());
        match (read(&text), ambiguous.read) {
            (Err(message), Err(says)) => assert!(message.contains(says), "{what}: {message}"),
            (Ok((version, runs)), Ok(built)) => {
                assert_eq!(version, built, "{what}");
                assert_eq!(runs.trim_end(), format!("echo {built}"), "{what}");
            }
            (read, _) => panic!("{what}: {read:?}"),
        }
    }
}

/// What a script makes of the text.
fn script(text: &str, script: &str) -> String {
    let mut child = Command::new("sh")
        .args(["-c", script])
        .env("HOME", "2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut input = child.stdin.take().expect("input");
    input.write_all(text.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("output");
    let output = String::from_utf8(output.stdout).expect("text");
    output.trim_end().to_owned()
}

/// Readers of the text itself: one takes the first line that gives a version, as it is; the other
/// takes the last one without quotes and puts in what the environment has; the third is a parser.
fn readings(text: &str) -> BTreeSet<String> {
    let first = "sed -n 's/^  version: *//p' | head -n 1";
    let last = "tr -d '\"' | sed -n 's/^  version: *//p' | tail -n 1 | sed \"s/[$]{HOME}/$HOME/\"";
    let mut found = BTreeSet::from([script(text, first), script(text, last)]);
    found.extend(read(text).map(|(version, _)| version));
    found
}

#[test]
fn control_run_readers_of_the_text_itself_disagree() {
    for ambiguous in &TEXTS {
        let found = readings(&ambiguous.text());
        assert!(found.len() > 1, "{}: {found:?}", ambiguous.what);
    }
    // Where nothing is ambiguous they agree.
    let plain = taken("nothing", "  version: 2\n", "2");
    assert_eq!(readings(&plain.text()), BTreeSet::from(["2".to_owned()]));
}
