//! `docs/reference/pipelines.md`, written from the built-in pipelines.

use anyhow::{Result, anyhow};
use bessemer_recipe::{builtin_definitions, written::PipelineFile};
use std::fmt::Write as _;

const HEAD: &str = "\
# Built-in pipelines

This page is written from the files in `pipelines/` by `bessemer reference pipelines`; a test holds it
against them. Each name is used as `uses: NAME`. A file of the same name in a `--pipeline-dir` comes
first. All install into `${{targets.contextdir}}`, so they work in subpackages too.

A value that stands alone between single quotes in a script is one word for the shell, whatever is in
it. The other inputs are lists for the shell to split, as their descriptions say.
";

/// The pipelines that guests run today, and where; what is not here is only compiled.
const RUN: [(&str, &str); 10] = [
    ("autoconf/configure", "the example `hello`"),
    ("autoconf/make", "the examples `bzip2` and `hello`"),
    ("autoconf/make-install", "the examples `bzip2` and `hello`"),
    ("fetch", "the examples `bzip2` and `hello`"),
    ("split/alldocs", "the example `hello`"),
    ("split/dev", "the example `bzip2`"),
    ("split/lib", "the example `bzip2`"),
    ("split/manpages", "the examples `bzip2` and `tiny`"),
    ("split/select", "within the other `split/` pipelines"),
    ("strip", "the examples `bzip2` and `hello`"),
];

/// The pipelines whose scripts a test runs with the machine's own shell, outside of a guest.
const HERE: [&str; 6] = [
    "patch",
    "split/bin",
    "split/infodir",
    "split/locales",
    "split/static",
    "git-am",
];

/// The page.
pub(crate) fn markdown() -> Result<String> {
    let definitions = builtin_definitions().map_err(|error| anyhow!("{error}"))?;
    let mut text = HEAD.to_owned();
    text.push_str("\n## What runs where\n\n| pipeline | run by the tests |\n|---|---|\n");
    for (name, file) in &definitions {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| [`{name}`](#{}) | {} |",
            anchor(name),
            place(name, file)
        );
    }
    for (name, file) in &definitions {
        section(&mut text, name, file);
    }
    Ok(text)
}

/// The id that a heading of this name has.
fn anchor(name: &str) -> String {
    name.replace('/', "").to_ascii_lowercase()
}

fn place(name: &str, file: &PipelineFile) -> String {
    if let Some((_, place)) = RUN.iter().find(|(own, _)| *own == name) {
        return format!("in guests: {place}");
    }
    if HERE.contains(&name) {
        return "outside of guests: its script, with the machine's own shell".to_owned();
    }
    let needs: Vec<String> = needs(file);
    let needs = match needs.iter().filter(|name| *name != "`busybox`").count() {
        0 => "what it works on".to_owned(),
        _ => needs.join(", "),
    };
    format!("compiled, and its script parsed, only: the test repositories do not have {needs}")
}

fn needs(file: &PipelineFile) -> Vec<String> {
    let packages = file.needs.packages.iter();
    packages
        .map(|package| format!("`{}`", package.value))
        .collect()
}

fn section(text: &mut String, name: &str, file: &PipelineFile) {
    let _ = writeln!(text, "\n## {name}\n\n{}.", file.name.value);
    let needs = needs(file);
    if !needs.is_empty() {
        let _ = writeln!(text, "\nNeeds {}.", needs.join(", "));
    }
    if file.inputs.is_empty() {
        let _ = writeln!(text, "\nNo inputs.");
        return;
    }
    let _ = writeln!(text, "\n| input | default | meaning |\n|---|---|---|");
    for (input, declared) in &file.inputs {
        let default = match declared.default.value.as_str() {
            _ if declared.required => "required".to_owned(),
            "" => String::new(),
            value => format!("`{value}`"),
        };
        let words: Vec<&str> = declared.description.split_whitespace().collect();
        let meaning = words.join(" ").replace('|', "\\|");
        let _ = writeln!(text, "| `{input}` | {default} | {meaning} |");
    }
}

#[cfg(test)]
mod tests {
    use super::{HERE, RUN, markdown};
    use std::path::Path;

    #[test]
    fn the_page_is_what_the_pipelines_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/pipelines.md");
        let page = markdown().unwrap();
        for name in RUN.iter().map(|(name, _)| *name).chain(HERE) {
            assert!(page.contains(&format!("\n## {name}\n")), "{name}");
        }
        if std::env::var_os("BLESS").is_some() {
            fs_err::write(&path, &page).unwrap();
        }
        let shown = fs_err::read_to_string(&path).unwrap_or_default();
        assert!(
            shown == page,
            "docs/reference/pipelines.md is old; run this test with BLESS=1"
        );
    }
}
