//! A policy to begin with: what a package that verified is today (trust on first use).

use crate::read::SCHEMA;
use bessemer_attest::verify::{BuiltReport, Origin, Report, harmless};
use std::fmt::Write as _;
use std::slice::from_ref;

/// A policy that accepts this package, and of it little else: to be read and edited before it is
/// trusted. Each text of a statement is quoted, so that it stays the text that it is.
pub fn starting_policy(report: &Report) -> String {
    let mut text = format!(
        "# What {} is today. Read it before you rely on it.\nschema: {SCHEMA}\npackages:\n  - names: [{}]\n    expect:\n",
        plain(&report.file),
        quoted(&report.package)
    );
    match &report.origin {
        Origin::Built(built) => provenance(&mut text, built),
        Origin::Imported(imported) => {
            text.push_str("      imports: accepted\n");
            list(&mut text, "keys", from_ref(&imported.key));
        }
    }
    for (key, found) in [
        ("tests", report.test.is_some()),
        ("sbom", report.sbom),
        ("gate", report.gate.is_some()),
    ] {
        let word = if found { "required" } else { "optional" };
        line(&mut text, &format!("      {key}: {word}"));
    }
    let admitted = report.gate.as_ref().and_then(|gate| {
        let inside = gate.resource_uri.rsplit_once('/')?.0;
        Some(inside.to_owned())
    });
    list(&mut text, "gate-repositories", admitted.as_slice());
    text
}

fn provenance(text: &mut String, built: &BuiltReport) {
    let source = &built.source;
    match &source.repository {
        Some(repository) => {
            line(text, "      sources:");
            line(
                text,
                &format!("        - repository: {}", quoted(repository)),
            );
            if let Some(reference) = &source.reference {
                line(text, &format!("          refs: [{}]", quoted(reference)));
            }
            line(
                text,
                &format!("          paths: [{}]", quoted(&source.path)),
            );
        }
        None => line(
            text,
            "      # No `sources`: provenance names no repository, and anybody's recipe would do.",
        ),
    }
    list(text, "builders", from_ref(&built.builder_id));
    list(text, "keys", from_ref(&built.key));
    line(text, &format!("      min-level: {}", built.level));
    list(text, "network", from_ref(&built.network));
    list(text, "accelerators", from_ref(&built.accelerator));
    let complete = built.isolation.missing.is_empty() && built.isolation.host_kernel.is_none();
    let isolation = if complete { "complete" } else { "any" };
    line(text, &format!("      isolation: {isolation}"));
    let used = built.parameters.iter();
    let mut parameters: Vec<String> = used
        .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}={value}")))
        .collect();
    if parameters.is_empty() {
        parameters.push("none".to_owned());
    }
    list(text, "parameters", &parameters);
}

fn list(text: &mut String, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    line(text, &format!("      {key}:"));
    for value in values {
        line(text, &format!("        - {}", quoted(value)));
    }
}

fn line(text: &mut String, line: &str) {
    // A string takes all that is written.
    let _ = writeln!(text, "{line}");
}

fn plain(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// A text that YAML reads as itself. JSON's strings are YAML's; control characters are escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(plain(text)).to_string()
}
