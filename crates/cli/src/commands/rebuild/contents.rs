//! What is in a package file, as far as two of them are compared: digests, and the text of what
//! packages say of themselves.

use crate::package_file;
use crate::print::plain_line;
use anyhow::{Context, Result};
use bessemer_apk::package::{Control, Reader};
use bessemer_apk::{Entry, Limits};
use bessemer_attest::verify::ApkFacts;
use bessemer_digest::{Digest, HashingWriter};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

/// Where SBOMs are.
pub(super) const SBOMS: &str = "var/lib/db/sbom/";
/// The largest SBOM whose text is kept (16 MiB).
const MAX_SBOM: u64 = 16 << 20;

/// A package, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    pub(super) facts: ApkFacts,
    /// Bytes of the signature member.
    pub(super) signature_size: u64,
    pub(super) control: Control,
    pub(super) data_sha256: Digest,
    /// Every file of control and data by path.
    pub(super) members: BTreeMap<String, Member>,
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Kind, mode, owner, attributes; nothing for files of the control member.
    pub(super) entry: Option<Entry>,
    pub(super) sha256: Digest,
    /// The text of what a package says of itself.
    pub(super) text: Option<String>,
}

impl Contents {
    /// Reads and checks the whole file, which a stranger may have made.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = plain_line(&path.display().to_string());
        let damaged = || format!("{shown} is not an intact package");
        let file = package_file::open(path)?;
        let mut reader =
            Reader::open(BufReader::new(file), Limits::default()).with_context(damaged)?;
        let control = reader.header().control.clone();
        let mut members = BTreeMap::new();
        for (name, bytes) in &control.files {
            let text = (!name.starts_with(".p") && !name.starts_with(".trigger"))
                .then(|| String::from_utf8_lossy(bytes).into_owned());
            members.insert(
                name.clone(),
                Member {
                    entry: None,
                    sha256: Digest::of(bytes),
                    text,
                },
            );
        }
        while let Some(mut data) = reader.next_entry().with_context(damaged)? {
            let entry = data.entry.clone();
            let path = entry.path.to_string();
            let kept = path.starts_with(SBOMS) && entry.size() <= MAX_SBOM;
            let mut bytes = Vec::new();
            let sha256 = if kept {
                let read = data.by_ref().take(MAX_SBOM).read_to_end(&mut bytes);
                read.with_context(damaged)?;
                Digest::of(&bytes)
            } else {
                let mut hashing = HashingWriter::new(io::sink());
                io::copy(&mut data, &mut hashing).with_context(damaged)?;
                hashing.digest()
            };
            let text =
                (kept && entry.size() > 0).then(|| String::from_utf8_lossy(&bytes).into_owned());
            let member = Member {
                entry: Some(entry),
                sha256,
                text,
            };
            members.insert(path, member);
        }
        let (header, summary) = reader.finish().with_context(damaged)?;
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            facts: ApkFacts {
                file: file.unwrap_or_default(),
                sha256: summary.file_sha256,
                control_sha256: Some(header.control.sha256),
                data_sha256: Some(summary.data_sha256),
            },
            signature_size: header.signature_member.len() as u64,
            control,
            data_sha256: summary.data_sha256,
            members,
        })
    }
}
