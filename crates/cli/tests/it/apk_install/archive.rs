//! Packages and indexes of every quality, made on the spot and signed with a key made on the spot.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::package::{Reader, Script, control_member, write_data};
use bessemer_apk::{
    Entry, Index, IndexEntry, Limits, PkgInfo, Version, signature_member, write_index,
};
use bessemer_digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write as _;

/// An RSA key by the name of its file.
pub(crate) struct Key {
    pair: KeyPair,
    pub(crate) name: &'static str,
}

impl Key {
    pub(crate) fn new(name: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { pair, name }
    }

    pub(crate) fn pem(&self) -> String {
        let der = self.pair.public_key().as_der().unwrap();
        let base64 = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n")
    }

    /// The signature member over `bytes`, then the bytes, then what is not signed.
    pub(crate) fn sign(&self, bytes: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                bytes,
                &mut signature,
            )
            .unwrap();
        let name = format!(".SIGN.RSA256.{}", self.name);
        [&signature_member(&name, &signature, 0), bytes, rest].concat()
    }
}

/// A package before it is signed.
pub(crate) struct Made {
    pub(crate) control: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Made {
    pub(crate) fn file(&self) -> Vec<u8> {
        [&self.control[..], &self.data].concat()
    }

    pub(crate) fn entry(&self) -> IndexEntry {
        let file = self.file();
        let reader = Reader::open(file.as_slice(), Limits::default()).unwrap();
        IndexEntry::from_package(&reader.header().control, file.len() as u64)
    }
}

/// `name-1-r0` with this data member.
pub(crate) fn package(name: &str, data: Vec<u8>) -> Made {
    described(data, |info| info.name = name.into())
}

/// A package whose `.PKGINFO` is changed before it is written.
pub(crate) fn described(data: Vec<u8>, change: impl FnOnce(&mut PkgInfo)) -> Made {
    let mut info = PkgInfo {
        version: "1-r0".into(),
        arch: "x86_64".into(),
        description: "made for a test".into(),
        licenses: vec!["MIT".into()],
        build_date: Some(1_600_000_000),
        datahash: Some(Digest::of(&data)),
        ..PkgInfo::default()
    };
    change(&mut info);
    info.origin = info.name.clone();
    let scripts = BTreeMap::from([(Script::PostInstall, b"#!/bin/sh\n".to_vec())]);
    let control = control_member(&info, &BTreeMap::new(), &scripts, 1_600_000_000).unwrap();
    Made { control, data }
}

/// A data member of ordinary entries.
pub(crate) fn data(mut entries: Vec<(Entry, Vec<u8>)>) -> Vec<u8> {
    entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let mut bytes = Vec::new();
    write_data(entries, 1_600_000_000, &mut bytes).unwrap();
    bytes
}

/// A data member of entries that no decent program writes: name, type, link, content.
pub(crate) fn raw_data(entries: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, link, content) in entries {
        archive.extend(header(name, *kind, link, content.len()));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    gzip(&archive)
}

fn header(name: &str, kind: u8, link: &str, size: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn index(packages: &[&Made]) -> Vec<u8> {
    let entries = packages.iter().map(|made| made.entry()).collect();
    let index = Index {
        entries,
        ..Index::default()
    };
    write_index(&index).unwrap()
}

/// An index with a line of 1 GiB, compressed as it is made.
pub(crate) fn long_line() -> Vec<u8> {
    const SIZE: usize = 1 << 30;
    let text = "P:a\nV:1-r0\nD:";
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let all = header("APKINDEX", b'0', "", SIZE + text.len());
    encoder.write_all(&all).unwrap();
    encoder.write_all(text.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..SIZE / piece.len() {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// An index of a million packages.
pub(crate) fn many_packages() -> Vec<u8> {
    let records = (0..1_000_000).map(|number| format!("P:p{number}\nV:1\n\n"));
    let mut text: Vec<u8> = records.collect::<String>().into();
    let head = header("APKINDEX", b'0', "", text.len());
    text.resize(text.len().next_multiple_of(512) + 1024, 0);
    gzip(&[&head[..], &text].concat())
}

/// An index that says of a package something else than the package.
pub(crate) fn wrong_index(made: &Made, version: &str) -> Vec<u8> {
    let mut entry = made.entry();
    entry.version = Version::new(version);
    let index = Index {
        entries: vec![entry],
        ..Index::default()
    };
    write_index(&index).unwrap()
}
