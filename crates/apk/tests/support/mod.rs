//! Where tests find real data, and what they use on machines that have none.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "every test file uses its own part of this, and fails by panicking"
)]

use bessemer_apk::package::{Script, control_member, write_data};
use bessemer_apk::{Entry, EntryKind, EntryPath, PkgInfo, signature_member};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The directory of real indexes and packages, `../shared/data` beside some parent of this crate.
pub fn shared_data() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|parent| parent.join("../shared/data"))
        .find(|candidate| candidate.is_dir());
    if found.is_none() {
        println!("no shared data on this machine: testing with the generated stand-in");
    }
    found
}

pub fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// Entries of every kind with contents, in order.
pub fn sample_entries() -> Vec<(Entry, Vec<u8>)> {
    let long = format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(90));
    let mut capable = Entry::file(path("usr/bin/hello"), 12, 0o4755);
    capable.xattrs.insert(
        "security.capability".into(),
        vec![1, 0, 0, 2, 255, b'\n', b'='],
    );
    let mut owned = Entry::directory(path("usr/share"));
    (owned.uid, owned.gid, owned.mode) = (1000, 3_000_000, 0o1777);
    let target = path("usr/bin/hello");
    let mut entries = vec![
        (Entry::directory(path("usr")), vec![]),
        (Entry::directory(path("usr/bin")), vec![]),
        (capable, b"hello world\n".to_vec()),
        (
            Entry::new(path("usr/bin/hi"), EntryKind::Hardlink { target }, 0o755),
            vec![],
        ),
        (
            Entry::symlink(path("usr/bin/z"), format!("../{}", "x".repeat(150))),
            vec![],
        ),
        (
            Entry::new(
                path("usr/null"),
                EntryKind::CharDevice { major: 1, minor: 3 },
                0o666,
            ),
            vec![],
        ),
        (
            Entry::new(
                path("usr/disk"),
                EntryKind::BlockDevice { major: 8, minor: 1 },
                0o660,
            ),
            vec![],
        ),
        (Entry::new(path("usr/pipe"), EntryKind::Fifo, 0o644), vec![]),
        (owned, vec![]),
        (Entry::file(path(&long), 1000, 0o644), vec![7; 1000]),
        (
            Entry::file(path("usr/share/naïve"), 512, 0o600),
            vec![9; 512],
        ),
        (Entry::file(path("usr/share/empty"), 0, 0o644), vec![]),
    ];
    entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    entries
}

/// A whole package made by this crate, signature member included (with a signature that is none).
pub fn sample_package() -> Vec<u8> {
    package_of(sample_entries())
}

/// A package with these entries as its data.
pub fn package_of(entries: impl IntoIterator<Item = (Entry, Vec<u8>)>) -> Vec<u8> {
    let mut data = Vec::new();
    let summary = write_data(entries, 1_700_000_000, &mut data).unwrap();
    let info = PkgInfo {
        name: "hello".into(),
        version: "2.12-r1".into(),
        arch: "x86_64".into(),
        size: summary.installed_size,
        origin: "hello".into(),
        description: "a greeting".into(),
        datahash: Some(summary.sha256),
        ..PkgInfo::default()
    };
    let files = BTreeMap::from([(".melange.yaml".to_owned(), b"package: {}\n".to_vec())]);
    let scripts = BTreeMap::from([(Script::PostInstall, b"#!/bin/sh\n".to_vec())]);
    let control = control_member(&info, &files, &scripts, 1_700_000_000).unwrap();
    let mut package = signature_member(".SIGN.RSA256.test.rsa.pub", b"not a signature", 0);
    package.extend(control);
    package.extend(data);
    package
}
