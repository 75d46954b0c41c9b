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
const HERE: [&str; 4] = [
    "split/bin",
    "split/infodir",
    "split/locales",
    "split/static",
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
    format!(
        "compiled, and its script parsed, only; in a guest it needs {}",
        needs(file).join(", ")
    )
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
mod tests;
