//! Interpreters named by scripts.

use std::io::{self, Read};

/// Directories below which scripts are looked at.
const SEARCHED: [&str; 3] = ["usr/bin/", "usr/local/bin/", "usr/local/sbin/"];
/// How much of a script is read.
const FIRST_BYTES: u64 = 80;
/// Interpreters that are not named as dependencies: other rules or every environment cover them.
const IGNORED: [&str; 5] = ["python3", "python", "sh", "awk", "luajit"];

/// Whether a script at `path` counts.
pub(crate) fn is_searched(path: &str) -> bool {
    SEARCHED.iter().any(|directory| path.starts_with(directory))
}

/// The command that runs the script, if the file is one and the command counts.
pub(crate) fn command(file: impl Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(FIRST_BYTES).read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Option<String> {
    let line = bytes
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let mut name = words.next()?.rsplit('/').next()?;
    if name == "env" {
        name = words.next()?;
        if name == "-S" {
            name = words.next()?;
        }
        name = name.rsplit('/').next()?;
    }
    (!name.is_empty() && !name.starts_with('-') && !IGNORED.contains(&name))
        .then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_the_interpreter() {
        let cases = [
            ("#!/bin/bash\n", Some("bash")),
            ("#! /usr/bin/perl -w\nuse strict;", Some("perl")),
            ("#!/usr/bin/env ruby\n", Some("ruby")),
            ("#!/usr/bin/env -S node --x\n", Some("node")),
            ("#!/usr/bin/env -i x\n", None),
            ("#!/bin/sh\n", None),
            ("#!\n", None),
            ("echo", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
