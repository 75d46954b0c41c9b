//! Strangers' bytes: nothing panics, nothing leaves the root, what is accepted means one thing.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::package::{PkgInfo, Reader};
use bessemer_apk::{Entry, EntryPath, Limits, read_index};
use bessemer_digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::{Read, Write};
use support::sample_package;

const SMALL: Limits = Limits {
    signature: 1 << 16,
    control: 1 << 16,
    data: 1 << 20,
    index: 1 << 16,
    entries: 100,
    packages: 100,
    metadata: 1 << 16,
};

#[test]
fn the_format_of_apk_3_is_named() {
    for start in [b"ADB.", b"ADBd", b"ADBc"] {
        let bytes = [&start[..], &[0; 64]].concat();
        let package = Reader::open(bytes.as_slice(), SMALL).err().unwrap();
        let index = read_index(&bytes, SMALL).unwrap_err();
        for (error, what) in [
            (package.to_string(), "packages"),
            (index.to_string(), "indexes"),
        ] {
            let expected =
                format!("apk v3 (ADB) {what} are not supported yet: this reads the v2 format");
            assert_eq!(error, expected);
        }
    }
}

/// Every entry before the first error.
fn entries(package: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    let Ok(mut reader) = Reader::open(package, SMALL) else {
        return found;
    };
    while let Ok(Some(mut entry)) = reader.next_entry() {
        let mut content = Vec::new();
        if entry.read_to_end(&mut content).is_ok() {
            assert_eq!(content.len() as u64, entry.entry.size());
        }
        found.push(entry.entry.clone());
    }
    let _ = reader.finish();
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The sample's control member as it is, and its data archive, decompressed.
fn sample_parts() -> (Vec<u8>, Vec<u8>) {
    let package = sample_package();
    let header = Reader::open(package.as_slice(), SMALL)
        .unwrap()
        .header()
        .clone();
    let data = header.signature_member.len() + header.control.bytes.len();
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(&package[data..])
        .read_to_end(&mut archive)
        .unwrap();
    (header.control.bytes, archive)
}

/// Makes header checksums right again, so that damage gets past them.
fn seal(archive: &mut [u8]) {
    for block in archive
        .chunks_exact_mut(512)
        .filter(|block| &block[257..262] == b"ustar")
    {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9:.=_<>~-]{1,12}"
}

fn info() -> impl Strategy<Value = PkgInfo> {
    let list = || proptest::collection::vec(word(), 0..4);
    let number = || proptest::option::of(1_u64..);
    // Name and version become part of a file's name.
    let component = || "[a-z0-9:=_<>~-][a-z0-9:.=_<>~-]{0,11}";
    let texts = (
        component(),
        component(),
        word(),
        "\\PC{0,20}",
        "[!-~]{0,20}",
    );
    let lists = (list(), list(), list(), list(), list(), list());
    let numbers = (any::<u64>(), number(), number(), number());
    (texts, lists, numbers, any::<Option<[u8; 32]>>()).prop_map(|(texts, lists, numbers, hash)| {
        PkgInfo {
            name: texts.0,
            version: texts.1,
            arch: texts.2,
            description: texts.3.split_whitespace().collect::<Vec<_>>().join(" "),
            url: texts.4,
            licenses: lists.0,
            depends: lists.1,
            provides: lists.2,
            install_if: lists.3,
            vendored: lists.4,
            triggers: lists.5,
            size: numbers.0,
            build_date: numbers.1,
            provider_priority: numbers.2,
            replaces_priority: numbers.3,
            datahash: hash.map(Digest::from_bytes),
            ..PkgInfo::default()
        }
    })
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        entries(&bytes);
        entries(&gzip(&bytes));
        let _ = read_index(&bytes, SMALL);
        let _ = read_index(&gzip(&bytes), SMALL);
    }

    #[test]
    fn damaged_archives_do_no_harm(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
    ) {
        let (control, mut archive) = sample_parts();
        for (at, byte) in damage {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        seal(&mut archive);
        let mut package = control;
        package.extend(gzip(&archive));
        for entry in entries(&package) {
            prop_assert!(EntryPath::new(entry.path.as_str()).is_ok());
            prop_assert!(entry.mode <= 0o7777);
        }
    }

    #[test]
    fn metadata_reads_back(info in info()) {
        prop_assert_eq!(PkgInfo::parse(&info.render().unwrap()).unwrap(), info);
    }

    #[test]
    fn any_metadata_reads_or_fails(text in "([a-z#]{1,9}( = |=|)\\PC{0,9}\n|\\PC{0,9}){0,9}") {
        let _ = PkgInfo::parse(&text);
    }

    #[test]
    fn paths_stay_below_the_root(name in "[./a-c\\x00]{0,12}") {
        if let Ok(Some(path)) = EntryPath::from_archive_name(&name) {
            prop_assert!(path.components().all(|part| !matches!(part, "" | "." | "..")));
            prop_assert_eq!(EntryPath::new(path.as_str()).unwrap(), path);
        }
    }
}

#[test]
fn a_name_that_leaves_the_root_is_refused() {
    for (from, to) in [
        (&b"usr/bin/hello\0"[..], &b"/etc/passwdxx\0"[..]),
        (b"usr/bin/hello\0", b"usr/../../xxx\0"),
        (b"usr/bin/hello\0", b"usr//bin/hell\0"),
    ] {
        let (control, mut archive) = sample_parts();
        let mut replaced = 0;
        for at in 0..archive.len() - from.len() {
            if archive[at..].starts_with(from) {
                archive[at..at + to.len()].copy_from_slice(to);
                replaced += 1;
            }
        }
        assert!(replaced > 0);
        seal(&mut archive);
        let mut package = control;
        package.extend(gzip(&archive));
        let mut reader = Reader::open(package.as_slice(), SMALL).unwrap();
        let error = loop {
            match reader.next_entry() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{} was accepted", String::from_utf8_lossy(to)),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("cannot be installed"), "{error}");
    }
}

#[test]
fn a_bomb_is_refused() {
    let (control, _) = sample_parts();
    let mut package = control;
    package.extend(gzip(&vec![0; 64 << 20]));
    assert!(
        Reader::open(package.as_slice(), SMALL)
            .unwrap()
            .finish()
            .is_err()
    );
    assert!(read_index(&gzip(&vec![b'x'; 64 << 20]), SMALL).is_err());
}
