//! The apk format: packages, indexes, metadata, versions.

use crate::Target;
use crate::input::{choice, gunzip, gzip, seal_tar, seed, text};
use bessemer_apk::install::{Database, InstalledPackage, Item, Root, System};
use bessemer_apk::package::{Reader, Script, control_member, write_data};
use bessemer_apk::solver::{Repository, Solver};
use bessemer_apk::{
    Dependency, Entry, EntryKind, EntryPath, Index, IndexEntry, Limits, PkgInfo, Provide, Version,
    read_index, signature_member, write_index,
};
use std::collections::BTreeMap;
use std::io::Read as _;

pub(crate) const PACKAGE: Target = Target {
    name: "apk_package",
    run: package,
    seeds: package_seeds,
    words: &["../", "/", "ustar\0", ".PKGINFO", "./"],
};
pub(crate) const INDEX: Target = Target {
    name: "apk_index",
    run: index,
    seeds: index_seeds,
    words: &["P:", "V:", "\n\n", "D:", "p:", "C:Q1", "k:", "i:", "r:"],
};
pub(crate) const INSTALLED: Target = Target {
    name: "apk_installed",
    run: installed,
    seeds: installed_seeds,
    words: &[
        "P:", "V:", "\n\n", "F:", "M:0:0:", "R:", "a:0:0:", "Z:Q1", "q:", "s:",
    ],
};
pub(crate) const PKGINFO: Target = Target {
    name: "apk_pkginfo",
    run: pkginfo,
    seeds: pkginfo_seeds,
    words: &["pkgname = ", "depend = ", "datahash = ", "\n", "#", " = "],
};
pub(crate) const VERSION: Target = Target {
    name: "apk_version",
    run: version,
    seeds: version_seeds,
    words: &[
        "_rc", "_p", "-r", "~", ">=", "!", "@", "\n", "so:", "_alpha", ".",
    ],
};

const SMALL: Limits = Limits {
    signature: 1 << 16,
    control: 1 << 16,
    data: 1 << 20,
    index: 1 << 20,
    entries: 1000,
    packages: 1000,
    metadata: 1 << 16,
};

/// 0: a package as it is; 1: a data archive behind a good control member; 2: a control archive in
/// front of good data.
fn package(data: &[u8]) {
    let Some((kind, rest)) = choice(data) else {
        return;
    };
    let (control, good_data) = parts();
    match kind {
        0 => read_package(rest),
        1 => {
            let mut archive = rest.to_vec();
            seal_tar(&mut archive);
            read_package(&[control, gzip(&archive)].concat());
        }
        _ => {
            let mut archive = rest.to_vec();
            seal_tar(&mut archive);
            read_package(&[gzip(&archive), good_data].concat());
        }
    }
}

fn read_package(bytes: &[u8]) {
    let Ok(mut reader) = Reader::open(bytes, SMALL) else {
        return;
    };
    let mut root: Root<u64> = Root::new();
    let control = &reader.header().control;
    check_info(&control.pkginfo);
    let number = root.add_package(InstalledPackage::from_package(control, bytes.len() as u64));
    let mut held = 0;
    while let Ok(Some(mut entry)) = reader.next_entry() {
        let mut content = Vec::new();
        if entry.read_to_end(&mut content).is_err() {
            continue;
        }
        assert_eq!(content.len() as u64, entry.entry.size());
        held += entry.entry.size();
        assert!(held <= SMALL.data, "more content than the limit");
        let (found, sha1, mtime) = (entry.entry.clone(), entry.sha1, entry.mtime);
        check_path(&found.path);
        assert!(found.mode <= 0o7777);
        if let EntryKind::Hardlink { target } = &found.kind {
            check_path(target);
        }
        let item = Item {
            mtime,
            sha1,
            content: Some(found.size()),
            entry: found,
        };
        let _ = root.insert(number, item);
    }
    let _ = reader.finish();
    let _ = root.add_system(&System::default(), |bytes| Ok(bytes.len() as u64));
    if let Ok(text) = root.database().render()
        && let Ok(read) = Database::parse(&text, Limits::default())
    {
        assert_eq!(read.render().unwrap(), text);
    }
    for placed in root.into_entries() {
        check_path(&placed.entry.path);
    }
}

fn check_path(path: &EntryPath) {
    assert!(
        path.components()
            .all(|part| !matches!(part, "" | "." | "..")),
        "{path:?} leaves its root"
    );
    assert_eq!(&EntryPath::new(path.as_str()).unwrap(), path);
}

/// 0: the text of an index; 1: an archive of one; 2: the compressed file.
fn index(data: &[u8]) {
    let Some((kind, rest)) = choice(data) else {
        return;
    };
    let read = match kind {
        0 => text(rest).and_then(|text| Index::parse(text).ok()),
        1 => {
            let mut archive = rest.to_vec();
            seal_tar(&mut archive);
            read_index(&gzip(&archive), SMALL)
                .ok()
                .map(|read| read.index)
        }
        _ => read_index(rest, SMALL).ok().map(|read| read.index),
    };
    let Some(index) = read else { return };
    solve_each(&index);
    if let Ok(text) = index.render() {
        let again = Index::parse(&text).unwrap();
        assert_eq!(again.render().unwrap(), text);
        assert_eq!(again.entries, index.entries);
    }
}

/// A solution has what was asked for, and what each of its packages needs.
fn solve_each(index: &Index) {
    let solver = Solver::new(&[Repository { tag: None, index }]);
    for entry in index.entries.iter().take(8) {
        let wanted = Dependency::named(entry.name.clone());
        let Ok(chosen) = solver.solve(std::slice::from_ref(&wanted)) else {
            continue;
        };
        let has = |dependency: &Dependency| {
            chosen.iter().any(|chosen| {
                let entry = chosen.entry;
                let named = entry.name == dependency.name;
                (named && dependency.accepts(Some(&entry.version)))
                    || entry.provides.iter().any(|provide| {
                        provide.name == dependency.name
                            && dependency.accepts(provide.version.as_ref())
                    })
            })
        };
        assert!(has(&wanted));
        for chosen in &chosen {
            let mut needs = chosen.entry.depends.iter().filter(|need| !need.conflict);
            assert!(needs.all(&has), "{} lacks something", chosen.entry.name);
        }
    }
}

fn installed(data: &[u8]) {
    let Some(Ok(database)) = text(data).map(|text| Database::parse(text, SMALL)) else {
        return;
    };
    let directories = database.records.iter().flat_map(|one| &one.directories);
    for directory in directories {
        directory.path.iter().for_each(check_path);
        for file in &directory.files {
            check_path(&path(&file.name));
            assert!(!file.name.contains('/'));
        }
    }
    if let Ok(text) = database.render() {
        let again = Database::parse(&text, SMALL).unwrap();
        assert_eq!(again.render().unwrap(), text);
    }
}

fn pkginfo(data: &[u8]) {
    if let Some(info) = text(data).and_then(|text| PkgInfo::parse(text).ok()) {
        check_info(&info);
    }
}

/// What was written reads back. Not all that is read is written: space in a description is folded,
/// and a build date of 0 is left out.
fn check_info(info: &PkgInfo) {
    if let Ok(text) = info.render() {
        assert_eq!(PkgInfo::parse(&text).unwrap().render().unwrap(), text);
    }
}

/// Lines: versions are ordered as a whole, constraints print as they read.
fn version(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let lines: Vec<&str> = text.lines().take(4).collect();
    let versions: Vec<Version> = lines.iter().map(|line| Version::new(*line)).collect();
    for a in &versions {
        assert!(a.cmp(a).is_eq());
        for b in &versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            assert_eq!(a == b, a.cmp(b).is_eq());
            let _ = a.starts_with(b);
            for c in &versions {
                assert!(!(a <= b && b <= c) || a <= c, "{a} <= {b} <= {c}");
            }
        }
    }
    for line in lines {
        if let Ok(dependency) = line.parse::<Dependency>() {
            let printed = dependency.to_string();
            assert_eq!(printed.parse::<Dependency>().unwrap(), dependency);
            for version in &versions {
                let _ = dependency.accepts(Some(version));
            }
        }
        let provide = Provide::parse(line);
        assert_eq!(Provide::parse(&provide.to_string()), provide);
    }
}

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

fn entries() -> Vec<(Entry, Vec<u8>)> {
    let long = format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(90));
    let mut capable = Entry::file(path("usr/bin/hello"), 12, 0o4755);
    capable
        .xattrs
        .insert("security.capability".into(), vec![1, 0, 0, 2, 255, b'\n']);
    let target = path("usr/bin/hello");
    let device = EntryKind::CharDevice { major: 1, minor: 3 };
    vec![
        (Entry::directory(path("usr")), vec![]),
        (Entry::directory(path("usr/bin")), vec![]),
        (capable, b"hello world\n".to_vec()),
        (
            Entry::new(path("usr/bin/hi"), EntryKind::Hardlink { target }, 0o755),
            vec![],
        ),
        (Entry::symlink(path("usr/bin/z"), "../hello"), vec![]),
        (Entry::new(path("usr/null"), device, 0o666), vec![]),
        (Entry::file(path(&long), 600, 0o644), vec![7; 600]),
    ]
}

fn info() -> PkgInfo {
    PkgInfo {
        name: "hello".into(),
        version: "2.12-r1".into(),
        arch: "x86_64".into(),
        origin: "hello".into(),
        description: "a greeting".into(),
        depends: vec!["so:libc.so.6".into(), "busybox>=1.2".into()],
        provides: vec!["cmd:hello=2.12-r1".into()],
        ..PkgInfo::default()
    }
}

/// A control member and the data member it names.
fn parts() -> (Vec<u8>, Vec<u8>) {
    static PARTS: std::sync::OnceLock<(Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    let make = || {
        let mut data = Vec::new();
        let summary = write_data(entries(), 1_700_000_000, &mut data).unwrap();
        let info = PkgInfo {
            size: summary.installed_size,
            datahash: Some(summary.sha256),
            ..info()
        };
        let files = BTreeMap::from([(".melange.yaml".to_owned(), b"package: {}\n".to_vec())]);
        let scripts = BTreeMap::from([(Script::PostInstall, b"#!/bin/sh\n".to_vec())]);
        let control = control_member(&info, &files, &scripts, 1_700_000_000).unwrap();
        (control, data)
    };
    PARTS.get_or_init(make).clone()
}

fn package_seeds() -> Vec<Vec<u8>> {
    let (control, data) = parts();
    let signature = signature_member(".SIGN.RSA256.test.rsa.pub", b"no signature", 0);
    vec![
        seed(0, [signature, control.clone(), data.clone()].concat()),
        seed(1, gunzip(&data)),
        seed(2, gunzip(&control)),
    ]
}

fn sample_index() -> Index {
    let mut index = Index::default();
    for (name, version) in [("hello", "2.12-r1"), ("busybox", "1.37.0-r0")] {
        let mut entry = IndexEntry::new(name, Version::new(version));
        entry.depends = vec!["so:libc.so.6".parse().unwrap(), "!other<2".parse().unwrap()];
        entry.provides = vec![Provide::parse("cmd:hello=2.12-r1")];
        index.extend([entry]);
    }
    index
}

fn index_seeds() -> Vec<Vec<u8>> {
    let index = sample_index();
    let file = write_index(&index).unwrap();
    vec![
        seed(0, index.render().unwrap()),
        seed(1, gunzip(&file)),
        seed(2, file),
        seed(
            0,
            "P:a\nV:2\nD:b !c v>1\np:cmd:a=2\nk:1\n\nP:b\nV:1\nD:a v\np:v=1\no:x\n\n\
             P:c\nV:1\np:v=2\n\nP:d\nV:1\np:v=2\no:x\n\nP:e\nV:1\ni:a d\nD:c\n\n",
        ),
    ]
}

fn installed_seeds() -> Vec<Vec<u8>> {
    let [package, ..] = &package_seeds()[..] else {
        return Vec::new();
    };
    let mut reader = Reader::open(&package[1..], SMALL).unwrap();
    let mut root: Root<u64> = Root::new();
    let number = root.add_package(InstalledPackage::from_package(&reader.header().control, 1));
    while let Some(found) = reader.next_entry().unwrap() {
        let item = Item {
            sha1: found.sha1,
            content: Some(0),
            ..found.entry.clone().into()
        };
        root.insert(number, item).unwrap();
    }
    let text = root.database().render().unwrap();
    let more =
        "r:a b<2\nq:5\ns:edge\nf:fs\nF:\nR:top\na:0:5:4755:Q1CQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n";
    vec![
        text.clone().into_bytes(),
        format!("{}{more}", text.trim_end()).into_bytes(),
        format!("P:a\nV:1\ni:[a b]\n{more}").into_bytes(),
    ]
}

fn pkginfo_seeds() -> Vec<Vec<u8>> {
    vec![info().render().unwrap().into_bytes()]
}

fn version_seeds() -> Vec<Vec<u8>> {
    [
        "1.2.3b_rc1_p2~3f5a-r4\n1.2.3-r0\n1.2_alpha\n0.1",
        "busybox>=1.2\n!so:libz.so.1<2@edge\n/bin/sh\na~1.2",
        "6.8.0p2-r4\n6.8.0p1\n20240101\n1.0.0_git20200101-r1",
        "name><Q1abcdefg=\nname=1\ncmd:ls=9.1-r0\nx",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
