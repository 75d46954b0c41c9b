//! `docs/reference/pipelines.md`, written from the built-in pipelines.

pub(crate) mod table;

use anyhow::{Result, anyhow};
use bessemer_recipe::{builtin_definitions, written::PipelineFile};
use std::fmt::Write as _;
use table::{Place, ROWS};

const HEAD: &str = "\
# Built-in pipelines

This page is written from the files in `pipelines/` by `bessemer reference pipelines`; a test holds it
against them. Each name is used as `uses: NAME`. A file of the same name in a `--pipeline-dir` comes
first. All install into `${{targets.contextdir}}`, so they work in subpackages too.

A value that stands alone between single quotes in a script is one word for the shell, whatever is in
it. The other inputs are lists for the shell to split, as their descriptions say.
";

const WHERE: &str = "
## What runs where

All are compiled, and their scripts parsed, for every change; the scripts of most `split/` pipelines
are also run on small trees outside of guests (`crates/recipe/tests/pipelines.rs`). In a microVM they
run as the last column says. The second column counts `uses` in the 3,401 recipes of wolfi-dev/os
(August 2026): what is used a hundred times or more, and whose tools are in Debian, runs in a guest
for every change, unless it is too heavy for that.

| pipeline | uses | run in a guest |
|---|---:|---|
";

/// The page.
pub(crate) fn markdown() -> Result<String> {
    let definitions = builtin_definitions().map_err(|error| anyhow!("{error}"))?;
    let mut text = HEAD.to_owned();
    text.push_str(WHERE);
    for row in &ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| [`{0}`](#{1}) | {2} | {3} |",
            row.name,
            anchor(row.name),
            row.uses,
            place(&row.place)
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

fn place(place: &Place) -> String {
    match place {
        Place::Guest(example) => format!("for every change: `examples/{example}.yaml`"),
        Place::GuestTest(file) => {
            format!("for every change: a recipe of `crates/cli/tests/it/{file}`")
        }
        Place::Soak(example, why) => {
            format!("`cargo xtask soak pipelines`: `examples/{example}.yaml`; {why}")
        }
        Place::Compiled(why) => format!("compiled only; {why}"),
    }
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
