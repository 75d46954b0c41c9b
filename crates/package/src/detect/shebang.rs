//! Interpreters named by scripts.

use super::{Findings, Package};
use crate::tree::Node;
use std::io::{self, Read};

/// Directories below which scripts are looked at.
const SEARCHED: [&str; 3] = ["usr/bin/", "usr/local/bin/", "usr/local/sbin/"];
/// How much of a script is read.
const FIRST_BYTES: u64 = 80;
/// Interpreters that are not named as dependencies: other rules or every environment cover them.
const IGNORED: [&str; 5] = ["python3", "python", "sh", "awk", "luajit"];

/// A script in one of the places needs its interpreter.
pub(super) fn look(
    package: &Package<'_>,
    path: &str,
    node: &Node,
    findings: &mut Findings,
) -> io::Result<()> {
    if !SEARCHED.iter().any(|directory| path.starts_with(directory)) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let file = package.tree.open(node)?;
    file.take(FIRST_BYTES).read_to_end(&mut bytes)?;
    if let Some(command) = command(&bytes) {
        findings.depend(&format!("cmd:{command}"));
    }
    Ok(())
}

/// The command that runs the script, if the file is one and the command counts. `env` with more
/// arguments than a name is not understood, except `-S` in front of it; only `/usr/bin/env` is
/// known to be `env`.
fn command(bytes: &[u8]) -> Option<&str> {
    let line = bytes
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let words: Vec<&str> = std::str::from_utf8(line)
        .ok()?
        .split_ascii_whitespace()
        .collect();
    let program = match words[..] {
        ["/usr/bin/env", program] => program,
        ["/usr/bin/env", "-S", program, ..] if !program.starts_with('-') => program,
        ["/usr/bin/env", ..] | [] => return None,
        [program, ..] => program,
    };
    let name = program.rsplit('/').next()?;
    (!name.is_empty() && !IGNORED.contains(&name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn names_the_interpreter() {
        let cases = [
            ("#!/bin/bash\n", Some("bash")),
            ("#! /usr/bin/perl -w\nuse strict;", Some("perl")),
            ("#!/usr/bin/perl", Some("perl")),
            ("#!/usr/bin/env ruby\n", Some("ruby")),
            ("#!/usr/bin/env python3.12\nwith open", Some("python3.12")),
            ("#!/usr/bin/env -S node --x\n", Some("node")),
            ("#!/usr/bin/env -S -i node\n", None),
            ("#!/usr/bin/env bash -x\n", None),
            ("#!/usr/bin/env\n", None),
            ("#!/opt/env bash\n", Some("env")),
            ("#!/bin/sh\n", None),
            ("#!   \n", None),
            ("#!/\n", None),
            ("#!\n", None),
            ("echo", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(command(text.as_bytes()), expected, "{text}");
        }
    }
}
