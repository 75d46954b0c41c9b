//! The members in front of the data: small, and read whole.

use super::tap::Tap;
use super::{PkgInfo, ReadError};
use crate::bounded::Bounded;
use crate::signature::PREFIX;
use crate::tar::{self, Archive, RawEntry};
use crate::{Limits, Sha1Bytes, Signature};
use bessemer_digest::Digest;
use flate2::bufread::GzDecoder;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// Everything in front of the data.
#[derive(Debug, Clone)]
pub struct Header {
    /// The signatures, none when the package is not signed. They are not verified here: see
    /// [`crate::Keyring::verify`].
    pub signatures: Vec<Signature>,
    /// The signature member as it stands in the file; empty when there is none.
    pub signature_member: Vec<u8>,
    /// The control member.
    pub control: Control,
}

/// The control member.
#[derive(Debug, Clone)]
pub struct Control {
    /// As it stands in the file, compressed. This is what a signature signs.
    pub bytes: Vec<u8>,
    /// Of [`Control::bytes`]: the package's identity in an index.
    pub sha1: Sha1Bytes,
    /// Of [`Control::bytes`].
    pub sha256: Digest,
    /// `.PKGINFO`, read.
    pub pkginfo: PkgInfo,
    /// Every file with its content: `.PKGINFO`, `.melange.yaml`, scripts.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Reads everything in front of the data.
pub(super) fn read_header<R: BufRead>(
    tap: &mut Tap<R>,
    limits: Limits,
) -> Result<Header, ReadError> {
    let bound = limits.control.max(limits.signature);
    let mut control = read_member(tap, bound, limits.entries, "control")?;
    let mut signature_member = Vec::new();
    let mut signatures = Vec::new();
    if control
        .files
        .first()
        .is_some_and(|(entry, _)| entry.name.starts_with(PREFIX))
    {
        control.check_size(limits.signature)?;
        signature_member = control.bytes;
        signatures = control
            .files
            .into_iter()
            .filter_map(|(entry, bytes)| Signature::from_entry(&entry.name, bytes))
            .collect();
        control = read_member(tap, limits.control, limits.entries, "control")?;
    }
    Ok(Header {
        signatures,
        signature_member,
        control: read_control(control)?,
    })
}

/// A small member read whole.
struct Member {
    bytes: Vec<u8>,
    sha1: Sha1Bytes,
    sha256: Digest,
    files: Vec<(RawEntry, Vec<u8>)>,
}

impl Member {
    /// Holds a member that was read under a wider limit to its own.
    fn check_size(&self, limit: u64) -> Result<(), ReadError> {
        let content: usize = self.files.iter().map(|(_, content)| content.len()).sum();
        if content.max(self.bytes.len()) as u64 <= limit {
            return Ok(());
        }
        let source = io::Error::other("member is larger than its limit");
        let source = tar::TarError::Read {
            offset: limit,
            source,
        };
        Err(ReadError::Archive {
            member: "signature",
            source,
        })
    }
}

fn read_member<R: BufRead>(
    tap: &mut Tap<R>,
    limit: u64,
    max_entries: u64,
    member: &'static str,
) -> Result<Member, ReadError> {
    let error = |source| ReadError::Archive { member, source };
    tap.start_member(limit, true);
    let mut archive = Archive::cut(Bounded::new(GzDecoder::new(&mut *tap), limit), max_entries);
    let mut files = Vec::new();
    while let Some(entry) = archive.next_entry().map_err(error)? {
        let mut content = Vec::new();
        archive.read_to_end(&mut content).map_err(|source| {
            error(tar::TarError::Read {
                offset: archive.offset(),
                source,
            })
        })?;
        files.push((entry, content));
    }
    archive.drain().map_err(error)?;
    drop(archive.into_inner().into_inner());
    let (sha256, _) = tap.member();
    Ok(Member {
        bytes: tap.take_record(),
        sha1: tap.member_sha1(),
        sha256,
        files,
    })
}

fn read_control(member: Member) -> Result<Control, ReadError> {
    let Member {
        bytes,
        sha1,
        sha256,
        files,
    } = member;
    let mut by_name = BTreeMap::new();
    for (entry, content) in files {
        if entry.kind != tar::FILE {
            continue;
        }
        // apk-tools takes in each `.PKGINFO` and the last of scripts.
        if by_name.insert(entry.name.clone(), content).is_some() {
            return Err(ReadError::ControlTwice(entry.name));
        }
    }
    let files = by_name;
    let text = files.get(".PKGINFO").ok_or(ReadError::NoPkgInfo)?;
    let text = std::str::from_utf8(text).map_err(|_| ReadError::PkgInfoEncoding)?;
    let pkginfo = PkgInfo::parse(text)?;
    Ok(Control {
        bytes,
        sha1,
        sha256,
        pkginfo,
        files,
    })
}
