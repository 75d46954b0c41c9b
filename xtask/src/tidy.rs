//! The rules of this repository that a compiler cannot check.

use crate::workspace::{cargo, output, root};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// Crates in which `unsafe` may stand (design invariant 7).
const UNSAFE: &[&str] = &["vm", "jailer", "guest-agent"];
/// No hand-written source file may be longer, in lines.
const LONGEST_FILE: usize = 800;
/// Marks of unfinished work, put together so that this file bears none.
const UNFINISHED: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
/// Folder names that say nothing.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "misc",
];

/// Who may depend on whom inside the workspace; what is not listed may not.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("apk", &["digest"]),
    ("attest", &["digest", "tlog"]),
    ("bootstrap", &["apk", "digest", "package"]),
    (
        "build",
        &[
            "apk",
            "attest",
            "digest",
            "erofs",
            "install",
            "jks",
            "license",
            "lint",
            "package",
            "proxy",
            "recipe",
            "repository",
            "sift",
            "store",
            "vm",
        ],
    ),
    (
        "cli",
        &[
            "apk",
            "attest",
            "bootstrap",
            "build",
            "digest",
            "image",
            "install",
            "license",
            "lint",
            "package",
            "policy",
            "recipe",
            "registry",
            "repository",
            "signer",
            "store",
            "tlog",
            "vm",
        ],
    ),
    ("digest", &[]),
    ("erofs", &[]),
    (
        "image",
        &[
            "apk",
            "attest",
            "digest",
            "erofs",
            "install",
            "jks",
            "repository",
            "store",
            "yaml",
        ],
    ),
    ("install", &["apk", "erofs"]),
    ("guest-agent", &["relay", "vm-proto"]),
    ("jailer", &[]),
    ("jks", &[]),
    ("license", &[]),
    ("lint", &["apk", "digest", "package"]),
    ("package", &["apk", "digest"]),
    ("policy", &["attest", "digest", "yaml"]),
    ("proxy", &["digest", "relay", "vm-proto"]),
    ("recipe", &["apk", "digest", "yaml"]),
    ("registry", &["digest", "store"]),
    ("relay", &["vm-proto"]),
    ("repository", &["apk", "attest", "digest", "store"]),
    ("sift", &[]),
    ("signer", &["attest", "digest", "tlog"]),
    ("store", &["digest"]),
    ("tlog", &["digest"]),
    ("vm", &["digest", "vm-proto"]),
    ("vm-proto", &[]),
    ("yaml", &[]),
];

/// Runs every check and reports all findings together.
pub(crate) fn run() -> Result<()> {
    let mut findings = Vec::new();
    dependencies(&mut findings)?;
    for file in files()? {
        if let Ok(text) = fs_err::read_to_string(root().join(&file)) {
            check_file(&file, &text, &mut findings);
        }
    }
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    for finding in &findings {
        println!("tidy: {finding}");
    }
    bail!("{} findings", findings.len())
}

fn files() -> Result<Vec<String>> {
    let listed = output(Command::new("git").args(["ls-files"]).current_dir(root()))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

fn check_file(file: &str, text: &str, findings: &mut Vec<String>) {
    if Path::new(file).components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        EMPTY_NAMES.contains(&name.trim_end_matches(".rs"))
    }) {
        findings.push(format!("{file}: the name says nothing"));
    }
    if Path::new(file)
        .extension()
        .is_none_or(|extension| extension != "rs")
    {
        return;
    }
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        findings.push(format!("{file}: {lines} lines, more than {LONGEST_FILE}"));
    }
    let may_be_unsafe = UNSAFE
        .iter()
        .any(|name| file.starts_with(&format!("crates/{name}/")));
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        if !may_be_unsafe && line.contains(concat!("unsafe", " {")) {
            findings.push(format!("{place}: `unsafe` outside {}", UNSAFE.join(", ")));
        }
        if line.contains(concat!("#[ignore", "]")) {
            findings.push(format!("{place}: a test is ignored without a reason"));
        }
        if UNFINISHED.iter().any(|word| line.contains(word)) {
            findings.push(format!("{place}: unfinished work"));
        }
    }
}

fn dependencies(findings: &mut Vec<String>) -> Result<()> {
    let text = output(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let empty = Vec::new();
    for package in metadata["packages"].as_array().unwrap_or(&empty) {
        let Some(name) = package["name"]
            .as_str()
            .and_then(|name| name.strip_prefix("bessemer-"))
        else {
            continue;
        };
        if name == "testkit" {
            continue;
        }
        let Some((_, allowed)) = DEPENDENCIES.iter().find(|(from, _)| *from == name) else {
            findings.push(format!(
                "crate {name} is not in tidy's table of dependencies"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap_or(&empty) {
            let kind = dependency["kind"].as_str();
            let to = dependency["name"]
                .as_str()
                .and_then(|to| to.strip_prefix("bessemer-"));
            if let (None, Some(to)) = (kind, to)
                && !allowed.contains(&to)
            {
                findings.push(format!("crate {name} may not depend on {to}"));
            }
        }
    }
    Ok(())
}
