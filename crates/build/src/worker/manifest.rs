//! The file manifest: what is in each finished package, read back from the package itself.

use super::{BuiltPackage, RecordError};
use bessemer_apk::package::Reader;
use bessemer_apk::{Entry, EntryKind, Limits};
use bessemer_digest::Digest;
use serde::Serialize;
use std::io::{BufReader, Read};
use std::path::Path;

/// `bessemer.manifest/v1`.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    schema: &'static str,
    packages: Vec<ManifestPackage<'a>>,
}

#[derive(Debug, Serialize)]
struct ManifestPackage<'a> {
    file: &'a str,
    control_sha256: Digest,
    data_sha256: Digest,
    installed_size: u64,
    members: Vec<Member>,
}

/// An entry of the data member, in the file's order.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Member {
    path: String,
    kind: &'static str,
    /// Four octal digits.
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    /// Of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// Reads every package whole and writes the manifest; returns its digest.
pub(super) fn write(packages: &[BuiltPackage], path: &Path) -> Result<Digest, RecordError> {
    let mut listed = Vec::new();
    for package in packages {
        listed.push(ManifestPackage {
            file: &package.output.file,
            control_sha256: package.output.control_sha256,
            data_sha256: package.output.data_sha256,
            installed_size: package.info.size,
            members: members(fs_err::File::open(&package.path)?)?,
        });
    }
    let manifest = Manifest {
        schema: "bessemer.manifest/v1",
        packages: listed,
    };
    let bytes = bessemer_attest::documents::canonical_bytes(&manifest)?;
    fs_err::write(path, &bytes)?;
    Ok(Digest::of(&bytes))
}

fn members(file: impl Read) -> Result<Vec<Member>, RecordError> {
    let mut reader = Reader::open(BufReader::new(file), Limits::default())?;
    let mut members = Vec::new();
    while let Some(mut item) = reader.next_entry()? {
        let entry = item.entry.clone();
        let content = match entry.kind {
            EntryKind::File { .. } => Some(Digest::of_reader(&mut item)?),
            _ => None,
        };
        members.push(member(&entry, content));
    }
    reader.finish()?;
    Ok(members)
}

fn member(entry: &Entry, content: Option<(Digest, u64)>) -> Member {
    let (kind, target) = match &entry.kind {
        EntryKind::Directory => ("directory", None),
        EntryKind::File { .. } => ("file", None),
        EntryKind::Symlink { target } => ("symlink", Some(target.clone())),
        EntryKind::Hardlink { target } => ("hardlink", Some(target.as_str().to_owned())),
        _ => ("device", None),
    };
    Member {
        path: entry.path.as_str().to_owned(),
        kind,
        mode: format!("{:04o}", entry.mode),
        uid: entry.uid,
        gid: entry.gid,
        size: content.map(|(_, size)| size),
        sha256: content.map(|(digest, _)| digest),
        target,
    }
}
