//! A file in a package.

use super::{Content, no_file};
use crate::{package_file, print};
use anyhow::{Context as _, Result, bail};
use bessemer_apk::package::Reader;
use bessemer_apk::{EntryKind, Limits};
use bessemer_digest::HashingReader;
use std::io::{self, BufReader};
use std::path::Path;

/// A path as a package has it: without the slash at its beginning, empty for the root.
pub(super) fn inside(path: &str) -> Result<String> {
    let parts = path.split('/');
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.contains(&"..") {
        let path = print::plain_line(path);
        bail!("{path} goes up with `..`: name the file from the top");
    }
    Ok(parts.join("/"))
}

/// What a package has at a path, and the file that it is another name of.
pub(super) fn content(file: &Path, wanted: &str) -> Result<(Content, Option<String>)> {
    match entry(file, wanted)? {
        Found::Content(content) => Ok((content, None)),
        // The reader takes only regular files before it for the target of a hard link.
        Found::Same(target) => match entry(file, &target)? {
            Found::Content(content) => Ok((content, Some(format!("/{target}")))),
            Found::Same(_) => bail!("the file is not an intact package"),
        },
    }
}

enum Found {
    Content(Content),
    Same(String),
}

/// Reads the whole package, because only its end proves what was read.
fn entry(file: &Path, wanted: &str) -> Result<Found> {
    let damaged = "the file is not an intact package";
    let stream = BufReader::new(package_file::open(file)?);
    let mut reader = Reader::open(stream, Limits::default()).context(damaged)?;
    let (mut found, mut holds) = (None, wanted.is_empty());
    while let Some(mut data) = reader.next_entry().context(damaged)? {
        let path = data.entry.path.as_str();
        if path != wanted {
            let rest = path.strip_prefix(wanted);
            holds |= rest.is_some_and(|rest| rest.starts_with('/'));
            continue;
        }
        let content = match &data.entry.kind {
            EntryKind::File { size } => {
                let size = *size;
                let mut hashing = HashingReader::new(&mut data);
                io::copy(&mut hashing, &mut io::sink()).context(damaged)?;
                let sha256 = hashing.digest();
                Ok(Found::Content(Content::File { sha256, size }))
            }
            EntryKind::Symlink { target } => Ok(Found::Content(Content::Link {
                target: target.clone(),
            })),
            EntryKind::Hardlink { target } => Ok(Found::Same(target.as_str().to_owned())),
            EntryKind::Directory => Err("directory"),
            EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. } | EntryKind::Fifo => {
                Err("device or pipe")
            }
        };
        found = Some(content);
    }
    reader.finish().context(damaged)?;
    match found.or(holds.then_some(Err("directory"))) {
        Some(Ok(found)) => Ok(found),
        Some(Err(kind)) => Err(no_file(wanted, kind)),
        None => bail!("there is no /{} in the package", print::plain_line(wanted)),
    }
}
