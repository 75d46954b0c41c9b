//! Indexes: signatures, reading Alpine's, writing and reading our own.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::package::{Control, Reader};
use bessemer_apk::{
    Algorithm, Dependency, Index, IndexEntry, Keyring, Limits, PkgInfo, VerifyError, Version,
    read_index, signature_member, write_index,
};
use std::collections::BTreeMap;
use support::{sample_package, shared_data};

const ALPINE_KEY: &str = "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub";

fn sample_index() -> Index {
    let package = sample_package();
    let header = Reader::open(package.as_slice(), Limits::default())
        .unwrap()
        .header()
        .clone();
    let mut entry = IndexEntry::from_package(&header.control, package.len() as u64);
    entry.depends = vec!["so:libc.so.6".parse().unwrap(), "!hallo<2".parse().unwrap()];
    Index {
        description: "test".into(),
        entries: vec![entry],
    }
}

/// An index signed with a key made on the spot, and a keyring with that key.
fn signed_index() -> (Vec<u8>, Keyring) {
    let unsigned = write_index(&sample_index()).unwrap();
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        &unsigned,
        &mut signature,
    )
    .unwrap();
    let mut bytes = signature_member(".SIGN.RSA256.test.rsa.pub", &signature, 0);
    bytes.extend(unsigned);
    let der = pair.public_key().as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let mut keys = Keyring::new();
    keys.add("test.rsa.pub", &pem).unwrap();
    (bytes, keys)
}

#[test]
fn a_signed_index_verifies_and_reads_back() {
    let (bytes, keys) = signed_index();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    assert_eq!(archive.index, sample_index());
    let verified = keys
        .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
        .unwrap();
    assert_eq!(
        (verified.key.as_str(), verified.algorithm),
        ("test.rsa.pub", Algorithm::RsaSha256)
    );
    let other = Keyring::new().verify(&archive.signatures, &bytes[archive.unsigned.clone()]);
    assert_eq!(
        other,
        Err(VerifyError::UnknownKeys(vec!["test.rsa.pub".into()]))
    );
}

#[test]
fn no_changed_byte_goes_unnoticed() {
    let (bytes, keys) = signed_index();
    let start = read_index(&bytes, Limits::default())
        .unwrap()
        .unsigned
        .start;
    for at in start..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        if let Ok(archive) = read_index(&damaged, Limits::default()) {
            assert_eq!(archive.unsigned, start..bytes.len());
            assert!(
                keys.verify(&archive.signatures, &damaged[archive.unsigned])
                    .is_err()
            );
        }
    }
}

#[test]
fn an_unsigned_index_is_told_apart() {
    let bytes = write_index(&sample_index()).unwrap();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    assert_eq!(archive.unsigned, 0..bytes.len());
    assert_eq!(archive.index, sample_index());
    let keys = signed_index().1;
    assert_eq!(
        keys.verify(&archive.signatures, &bytes),
        Err(VerifyError::Unsigned)
    );
    assert!(
        read_index(
            &bytes,
            Limits {
                index: 100,
                ..Limits::default()
            }
        )
        .is_err()
    );
    assert!(read_index(&bytes[..bytes.len() - 1], Limits::default()).is_err());
}

#[test]
fn merging_replaces_the_same_version() {
    let mut index = sample_index();
    let mut changed = index.entries[0].clone();
    changed.size += 1;
    index.extend([changed.clone()]);
    assert_eq!(index.entries, [changed.clone()]);
    let newer = IndexEntry {
        version: Version::new("3-r0"),
        ..changed.clone()
    };
    index.extend([newer.clone(), changed.clone(), newer.clone()]);
    assert_eq!(index.entries, [changed, newer]);
}

#[test]
fn alpines_index_verifies_and_survives_a_round_trip() {
    let Some(directory) = shared_data() else {
        a_signed_index_verifies_and_reads_back();
        return;
    };
    let bytes = std::fs::read(directory.join("alpine-3.16-main-x86_64.APKINDEX.tar.gz")).unwrap();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    assert_eq!(archive.index.entries.len(), 4929);
    assert!(
        archive
            .index
            .entries
            .iter()
            .all(|entry| entry.checksum.is_some())
    );
    assert!(
        archive
            .index
            .entries
            .iter()
            .all(|entry| entry.version.is_valid())
    );

    let mut keys = Keyring::new();
    keys.add(
        ALPINE_KEY,
        &std::fs::read_to_string(directory.join(ALPINE_KEY)).unwrap(),
    )
    .unwrap();
    let verified = keys
        .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
        .unwrap();
    assert_eq!(
        (verified.key.as_str(), verified.algorithm),
        (ALPINE_KEY, Algorithm::RsaSha1)
    );
    let mut damaged = bytes[archive.unsigned.clone()].to_vec();
    damaged[1000] ^= 1;
    assert!(keys.verify(&archive.signatures, &damaged).is_err());

    let written = write_index(&archive.index).unwrap();
    assert_eq!(
        read_index(&written, Limits::default()).unwrap().index,
        archive.index
    );
}

#[test]
fn what_no_index_can_have_is_not_written() {
    let entry = |name: &str, version: &str| IndexEntry::new(name, Version::new(version));
    let long = IndexEntry {
        description: "x".repeat(1 << 20),
        ..entry("a", "1")
    };
    let empty = IndexEntry {
        depends: vec![Dependency::named("b"), Dependency::named("")],
        ..entry("a", "1")
    };
    for (entry, key) in [
        (entry("../../x", "1"), 'P'),
        (entry(".x", "1"), 'P'),
        (entry("a", "1/2"), 'V'),
        (entry("a", ""), 'V'),
        (long, 'T'),
        (empty, 'D'),
    ] {
        let mut index = Index::default();
        index.extend([entry]);
        assert_eq!(index.render().unwrap_err().key, key);
    }
}

/// As apk-tools reads them.
#[test]
fn a_value_of_a_package_may_name_several_or_none() {
    let control = Control {
        bytes: Vec::new(),
        sha1: [0; 20],
        sha256: bessemer_digest::Digest::of(""),
        pkginfo: PkgInfo {
            name: "a".into(),
            version: "1".into(),
            depends: vec!["b c>1".into(), String::new()],
            provides: vec![String::new(), "d=1 e".into()],
            ..PkgInfo::default()
        },
        files: BTreeMap::new(),
    };
    let mut index = Index::default();
    index.extend([IndexEntry::from_package(&control, 1)]);
    let text = index.render().unwrap();
    assert!(text.contains("\nD:b c>1\np:d=1 e\n"), "{text}");
}
