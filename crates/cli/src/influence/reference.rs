//! `docs/reference/flags.md`, written from the table.

use super::table::{ENTRIES, FILES, VARIABLES};
use super::{Influence, defined};
use crate::arguments::definition;
use crate::melange_flags::{
    BuildTable, CompileTable, Flag, LintTable, PlainTable, RebuildTable, ScanTable, Table,
    TestTable,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "\
# Flags, variables, files: what they may change

This page is written from the table in `crates/cli/src/influence/table.rs` by `bessemer reference`;
a test holds it against the command line's definition. Provenance of a build has a place for
everything that may change what is built. What has no such place is refused.
";
const REFUSED_HEAD: &str = "
## Flags of melange that are refused

A value that asks for what happens anyway is accepted, as listed. Every other value ends the command
with exit status 2, the reason and what to do instead; but for flags that could change nothing, of
which the command says so in a note.
";

/// The page.
pub(crate) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for (command, rows) in commands() {
        let title = if command.is_empty() {
            "bessemer".to_owned()
        } else {
            format!("bessemer {command}")
        };
        table(&mut text, &title, "Flag", &rows);
    }
    let rows = |list: &[(&str, Influence)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(name, influence)| (name.to_string(), words(influence)))
            .collect()
    };
    table(
        &mut text,
        "Environment variables",
        "Variable",
        &rows(VARIABLES),
    );
    table(&mut text, "Files that nobody names", "File", &rows(FILES));
    text.push_str(REFUSED_HEAD);
    for (command, flags) in [
        ("build", BuildTable::FLAGS),
        ("test", TestTable::FLAGS),
        ("compile", CompileTable::FLAGS),
        ("lint", LintTable::FLAGS),
        ("rebuild", RebuildTable::FLAGS),
        ("scan", ScanTable::FLAGS),
        (
            "license-check, update-cache, query, package-version, index, sign, sign-index, keygen",
            PlainTable::FLAGS,
        ),
    ] {
        let rows: Vec<_> = flags.iter().map(refused).collect();
        let mut section = String::new();
        table(&mut section, &format!("bessemer {command}"), "Flag", &rows);
        text.push_str(&section.replace("\n## ", "\n### "));
    }
    text
}

/// Rows by command, in the order of the table.
fn commands() -> BTreeMap<&'static str, Vec<(String, String)>> {
    let hidden: Vec<(String, String)> = defined(&definition())
        .into_iter()
        .filter(|(_, argument)| argument.is_hide_set())
        .map(|(command, argument)| (command, super::name(&argument)))
        .collect();
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in ENTRIES {
        for command in entry.commands {
            let known = ((*command).to_owned(), entry.flag.to_owned());
            let mark = if hidden.contains(&known) {
                " (internal)"
            } else {
                ""
            };
            rows.entry(*command)
                .or_default()
                .push((format!("`{}`{mark}", entry.flag), words(&entry.influence)));
        }
    }
    rows
}

fn words(influence: &Influence) -> String {
    match influence {
        Influence::External(field) => format!("`externalParameters.{field}`"),
        Influence::Internal(field) => format!("`internalParameters.{field}`"),
        Influence::Recorded(place) => (*place).to_owned(),
        Influence::Unattested => "the job is interactive: no signer attests it".to_owned(),
        Influence::None(why) => format!("no influence: {why}"),
    }
}

fn refused(flag: &Flag) -> (String, String) {
    let accepted = match flag.accepted {
        _ if flag.noted => " (taken, with a note)".to_owned(),
        [] => String::new(),
        values => format!(" (accepted: `{}`)", values.join("`, `")),
    };
    (
        format!("`--{}`{accepted}", flag.name),
        format!("{}; {}", flag.why, flag.hint),
    )
}

fn table(text: &mut String, title: &str, column: &str, rows: &[(String, String)]) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n## {title}\n\n| {column} | Where it is recorded, or why not |"
    );
    let _ = writeln!(text, "|---|---|");
    for (one, two) in rows {
        let _ = writeln!(text, "| {one} | {two} |");
    }
}
