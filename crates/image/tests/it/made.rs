//! Packages made on the spot.

use bessemer_apk::package::{Reader, Script, control_member, write_data};
use bessemer_apk::{Entry, EntryPath, IndexEntry, Limits, PkgInfo};
use bessemer_digest::Digest;
use bessemer_image::lock::{LockedMember, LockedPackage};
use bessemer_image::packages::Package;
use bessemer_image::{Architecture, Contents};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

pub(crate) fn file(name: &str, mode: u32, content: impl AsRef<[u8]>) -> (Entry, Vec<u8>) {
    let content = content.as_ref().to_vec();
    (Entry::file(path(name), content.len() as u64, mode), content)
}

pub(crate) fn link(name: &str, target: &str) -> (Entry, Vec<u8>) {
    (Entry::symlink(path(name), target), Vec::new())
}

pub(crate) fn directory(name: &str) -> (Entry, Vec<u8>) {
    (Entry::directory(path(name)), Vec::new())
}

/// Writes a package `name-1-r0` into the directory; `change` has the last word on its metadata.
pub(crate) fn package(
    directory: &Path,
    name: &str,
    mut entries: Vec<(Entry, Vec<u8>)>,
    change: impl FnOnce(&mut PkgInfo),
) -> Package {
    entries.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
    let mut data = Vec::new();
    write_data(entries, 1_600_000_000, &mut data).unwrap();
    let mut info = PkgInfo {
        name: name.into(),
        version: "1-r0".into(),
        origin: name.into(),
        arch: "x86_64".into(),
        size: data.len() as u64,
        licenses: vec!["MIT".into()],
        build_date: Some(1_600_000_000),
        datahash: Some(Digest::of(&data)),
        ..PkgInfo::default()
    };
    change(&mut info);
    let scripts = BTreeMap::from([(Script::PostInstall, b"#!/bin/sh\n".to_vec())]);
    let control = control_member(&info, &BTreeMap::new(), &scripts, 1_600_000_000).unwrap();
    let bytes = [control, data].concat();
    let place = directory.join(format!("{name}.apk"));
    std::fs::write(&place, &bytes).unwrap();
    let reader = Reader::open(&bytes[..], Limits::default()).unwrap();
    let entry = IndexEntry::from_package(&reader.header().control, bytes.len() as u64);
    Package {
        locked: LockedPackage {
            name: entry.name.clone(),
            url: place.display().to_string(),
            version: entry.version.to_string(),
            architecture: "x86_64".into(),
            signature: LockedMember::default(),
            control: LockedMember::default(),
            data: LockedMember::default(),
            checksum: String::new(),
        },
        path: place,
        entry,
        tag: None,
    }
}

/// All of them, for one architecture.
pub(crate) fn contents(packages: Vec<Package>) -> Contents {
    let arch: Architecture = "x86_64".parse().unwrap();
    let entries = packages.iter().map(|package| &package.entry);
    let versions = entries.map(|entry| (entry.name.as_str(), &entry.version));
    Contents {
        arch,
        world: bessemer_image::pinned(&[], versions),
        packages,
        base: None,
    }
}

/// A shared object for x86-64 that says nothing but its name.
pub(crate) fn shared_object(soname: &str) -> Vec<u8> {
    let strings = [b"\0", soname.as_bytes(), b"\0"].concat();
    let dynamic = 64 + strings.len().next_multiple_of(8);
    let sections = dynamic + 32;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    for number in [0, 0, sections as u64] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend([0, 0, 0, 0, 64, 0, 56, 0, 0, 0, 64, 0, 3, 0, 2, 0]);
    elf.extend(&strings);
    elf.resize(dynamic, 0);
    for number in [14, 1, 0, 0_u64] {
        elf.extend(number.to_le_bytes());
    }
    elf.resize(sections + 64, 0);
    for (kind, offset, size, link) in [(6_u32, dynamic, 32, 2_u32), (3, 64, strings.len(), 0)] {
        elf.extend(0_u32.to_le_bytes());
        elf.extend(kind.to_le_bytes());
        for number in [0, 0, offset as u64, size as u64] {
            elf.extend(number.to_le_bytes());
        }
        elf.extend(link.to_le_bytes());
        elf.extend(0_u32.to_le_bytes());
        for number in [8, 16_u64] {
            elf.extend(number.to_le_bytes());
        }
    }
    elf
}
