//! pkg-config files: what they offer and require.

use super::{Findings, Package, TEXT_LIMIT, file_name, has_extension, parent};
use crate::tree::Node;
use std::collections::BTreeMap;
use std::io;

/// Directories whose pkg-config files others find.
const DIRECTORIES: [&str; 5] = [
    "usr/lib/pkgconfig",
    "usr/lib64/pkgconfig",
    "usr/share/pkgconfig",
    "usr/local/lib/pkgconfig",
    "usr/local/share/pkgconfig",
];

/// Most rounds of variable replacement; a variable may use another.
const ROUNDS: usize = 10;

/// A file that others find offers a module and needs those it names; one elsewhere is the package's
/// own matter.
pub(super) fn look(
    package: &Package<'_>,
    path: &str,
    node: &Node,
    findings: &mut Findings,
) -> io::Result<()> {
    if !has_extension(path, "pc") {
        return Ok(());
    }
    let Some(text) = package.tree.read(node, TEXT_LIMIT)? else {
        return Ok(());
    };
    let file = file_name(path);
    let name = format!("pc:{}", file.strip_suffix(".pc").unwrap_or(file));
    if !DIRECTORIES.contains(&parent(path)) {
        findings.contain(&name, package.version);
        return Ok(());
    }
    findings.provide(&name, Some(package.version));
    for module in requirements(&String::from_utf8_lossy(&text)) {
        findings.depend(&format!("pc:{module}"));
    }
    Ok(())
}

/// The module names in `Requires`, `Requires.private` and `Requires.internal`, without versions.
fn requirements(text: &str) -> Vec<String> {
    let mut variables = BTreeMap::new();
    let mut names = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(at) = line.find([':', '=']) else {
            continue;
        };
        let (key, value) = (line[..at].trim(), line[at + 1..].trim());
        if line.as_bytes()[at] == b'=' {
            variables.insert(key.to_owned(), value.to_owned());
        } else if matches!(key, "Requires" | "Requires.private" | "Requires.internal") {
            names.extend(modules(&expand(value, &variables)));
        }
    }
    names
}

/// Splits `a >= 1, b c` into `a`, `b`, `c`.
fn modules(value: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut words = value
        .split([' ', ',', '\t'])
        .filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word.starts_with(['<', '>', '=', '!']) {
            // An operator: the version after it is no module.
            words.next();
        } else {
            names.push(word.to_owned());
        }
    }
    names
}

fn expand(value: &str, variables: &BTreeMap<String, String>) -> String {
    let mut value = value.to_owned();
    for _ in 0..ROUNDS {
        let Some(start) = value.find("${") else { break };
        let Some(length) = value[start..].find('}') else {
            break;
        };
        let name = &value[start + 2..start + length];
        let replacement = variables.get(name).map_or("", String::as_str).to_owned();
        value.replace_range(start..=start + length, &replacement);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::requirements;

    #[test]
    fn reads_names_without_versions() {
        let cases: &[(&str, &[&str])] = &[
            (
                "Requires: glib-2.0 >= 2.5, gobject-2.0",
                &["glib-2.0", "gobject-2.0"],
            ),
            ("Requires.private: zlib\\\n libpng > 1", &["zlib", "libpng"]),
            ("dep=zlib\nRequires: ${dep} # why\nLibs: -lz", &["zlib"]),
            ("a=${a}${a}\nRequires: x${a", &["x${a"]),
            ("Name: x\nConflicts: y", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(requirements(text), *expected, "{text}");
        }
    }
}
