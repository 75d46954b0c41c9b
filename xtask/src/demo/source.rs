//! The demo's upstream source, where the upstream site may be out of reach: Debian's source package
//! carries the same tarball, and the recipe's checksum says whether it is the same.

use crate::workspace::{check, output};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The file names that upstream gives its tarballs, by example.
const UPSTREAM: &[(&str, &str, &str)] = &[
    ("bzip2", "bzip2_1.0.8.orig.tar.gz", "bzip2-1.0.8.tar.gz"),
    ("hello", "hello_2.10.orig.tar.gz", "hello-2.10.tar.gz"),
];

/// Puts the tarball of `example` into `directory` under upstream's name.
pub(crate) fn from_debian(example: &str, directory: &Path) -> Result<String> {
    fs_err::create_dir_all(directory)?;
    let Some((package, orig, name)) = UPSTREAM.iter().find(|(package, ..)| *package == example)
    else {
        return Ok("the recipe has no source".to_owned());
    };
    let target = directory.join(name);
    if target.exists() {
        return Ok(format!("reused {name}"));
    }
    let private = directory.join("apt");
    fs_err::create_dir_all(private.join("lists/partial"))?;
    let sources = private.join("sources.list");
    fs_err::write(&sources, source_lines()?)?;
    let options = [
        format!("Dir::Etc::SourceList={}", sources.display()),
        "Dir::Etc::SourceParts=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", private.join("lists").display()),
        "APT::Sandbox::User=root".to_owned(),
    ];
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        for option in &options {
            command.args(["-o", option]);
        }
        command
            .args(words)
            .current_dir(directory)
            .stdout(std::process::Stdio::null());
        command
    };
    check(&mut apt(&["update", "-qq"]))?;
    check(&mut apt(&[
        "source",
        "-qq",
        "--download-only",
        "--only-source",
        package,
    ]))?;
    let fetched = directory.join(orig);
    if !fetched.exists() {
        bail!("Debian's source package of {package} has no {orig}");
    }
    fs_err::rename(&fetched, &target)?;
    Ok(format!("{name} out of Debian's source package"))
}

/// This machine's own Debian sources, asked for source packages instead.
fn source_lines() -> Result<String> {
    let targets = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY) $(ORIGIN)",
        "Created-By: Packages",
    ]))?;
    let mut lines = Vec::new();
    for target in targets.lines() {
        let mut words = target.split_whitespace();
        let (Some(uri), Some(suite), Some(component)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let rest: Vec<&str> = words.collect();
        if !rest.contains(&"Debian") {
            continue;
        }
        let signed = rest.iter().find(|word| word.starts_with('/'));
        let option = signed.map_or_else(String::new, |key| format!("[signed-by={key}] "));
        let line = format!("deb-src {option}{uri} {suite} {component}\n");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return Err(anyhow::anyhow!("apt names no Debian archive"))
            .context("no place for source packages");
    }
    Ok(lines.concat())
}
