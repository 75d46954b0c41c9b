//! A signed repository in a folder, and what reads it.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::package::{Reader, control_member, write_data};
use bessemer_apk::{
    Entry, EntryPath, Index, IndexEntry, Limits, PkgInfo, signature_member, write_index,
};
use bessemer_repository::{Access, Tagged, Taking};
use bessemer_store::{Client, Credentials, Settings, Store};
use bessemer_testkit::Workshop;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const ARCH: &str = "x86_64";
pub(crate) const KEY: &str = "test.rsa.pub";

/// A repository below `os` in a folder that can be served.
pub(crate) struct Fixture {
    pub(crate) workshop: Workshop,
    pair: KeyPair,
}

impl Fixture {
    /// With these packages, each with one file that has its name in it.
    pub(crate) fn new(packages: &[&str]) -> Self {
        let fixture = Self {
            workshop: Workshop::new(),
            pair: KeyPair::generate(KeySize::Rsa2048).unwrap(),
        };
        fixture.write(packages);
        fixture
    }

    /// Writes packages and index anew.
    pub(crate) fn write(&self, packages: &[&str]) {
        let mut index = Index::default();
        for name in packages {
            let bytes = package(name);
            let header = Reader::open(bytes.as_slice(), Limits::default()).unwrap();
            let control = &header.header().control;
            index
                .entries
                .push(IndexEntry::from_package(control, bytes.len() as u64));
            self.workshop
                .file(&format!("os/{ARCH}/{name}-1.0-r0.apk"), bytes);
        }
        let unsigned = write_index(&index).unwrap();
        let mut bytes = self.signature(&unsigned);
        bytes.extend(unsigned);
        self.workshop
            .file(&format!("os/{ARCH}/APKINDEX.tar.gz"), bytes);
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        signature_member(&format!(".SIGN.RSA256.{KEY}"), &signature, 0)
    }

    /// SubjectPublicKeyInfo in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.pair.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// Writes the key's file; returns its place.
    pub(crate) fn key_file(&self, name: &str) -> String {
        let der = STANDARD.encode(self.der());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
        let path = self.workshop.file(name, pem);
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.workshop.path()
    }
}

fn package(name: &str) -> Vec<u8> {
    let path = EntryPath::new(name).unwrap();
    let content = format!("I am {name}\n").into_bytes();
    let entry = Entry::file(path, content.len() as u64, 0o644);
    let mut data = Vec::new();
    let summary = write_data([(entry, content)], 0, &mut data).unwrap();
    let info = PkgInfo {
        name: name.to_owned(),
        version: "1.0-r0".to_owned(),
        arch: ARCH.to_owned(),
        datahash: Some(summary.sha256),
        ..PkgInfo::default()
    };
    let control = control_member(&info, &BTreeMap::new(), &BTreeMap::new(), 0);
    [control.unwrap(), data].concat()
}

/// A machine that reads repositories: its store and cache.
pub(crate) struct Machine {
    cache: tempfile::TempDir,
    store: Store,
    client: Client,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(Credentials::default())
    }

    pub(crate) fn with(credentials: Credentials) -> Self {
        let cache = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(cache.path().join("store")).unwrap(),
            client: client(credentials, false),
            cache,
        }
    }

    /// The same machine from now on without a network.
    pub(crate) fn unplugged(self) -> Self {
        Self {
            client: client(Credentials::default(), true),
            ..self
        }
    }

    /// The same machine with one again.
    pub(crate) fn plugged(self) -> Self {
        Self {
            client: client(Credentials::default(), false),
            ..self
        }
    }

    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            store: &self.store,
            client: &self.client,
        }
    }

    pub(crate) fn taking(&self) -> Taking<'_> {
        Taking {
            access: self.access(),
            cache: self.cache.path(),
            trust_root: None,
        }
    }
}

fn client(credentials: Credentials, offline: bool) -> Client {
    let mut settings = Settings {
        credentials,
        offline,
        ..Settings::default()
    };
    settings.limits.back_off = Duration::ZERO;
    Client::new(&settings).unwrap()
}

pub(crate) fn tagged(text: &str) -> Tagged {
    text.parse().unwrap()
}
