//! What image files add to packages, and how packages are spread over layers.

use crate::made::{contents, directory, file, link, package, path, shared_object};
use crate::workplace::Workplace;
use bessemer_apk::{Entry, EntryKind};
use bessemer_image::packages::Package;
use bessemer_image::{
    BuildOptions, Built, Compression, Configuration, Epoch, Loaded, build, parse,
};
use bessemer_yaml::SourceFile;
use std::fmt::Write as _;
use std::io::Read as _;

fn configured(text: &str) -> Configuration {
    parse(&SourceFile::new("image.yaml", text)).unwrap_or_else(|error| panic!("{error}"))
}

/// Builds with packages that are made on the spot.
fn built(workplace: &Workplace, text: &str, packages: Vec<Package>) -> Built {
    let loaded = Loaded {
        base: None,
        name: "image.yaml".into(),
        configuration: configured(text),
        checksum: String::new(),
        files: Vec::new(),
    };
    workplace.build_of(&loaded, &[contents(packages)], &[], Compression::Gzip)
}

/// Every layer, entry by entry: mode, owner, time, name, link; texts of the paths that are asked for.
fn listing(built: &Built, shown: &[&str]) -> String {
    let mut all = String::new();
    for layer in &built.images.images[0].layers {
        writeln!(all, "layer").unwrap();
        let layer = std::fs::File::open(&layer.path).unwrap();
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(layer));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => 'd',
                tar::EntryType::Regular => '-',
                tar::EntryType::Symlink => 'l',
                tar::EntryType::Link => 'h',
                tar::EntryType::Char => 'c',
                other => panic!("{other:?}"),
            };
            let name = entry.path().unwrap().display().to_string();
            let link = entry.link_name().unwrap();
            let link = link.map_or_else(String::new, |to| format!(" -> {}", to.display()));
            let owner = format!("{}:{}", header.uid().unwrap(), header.gid().unwrap());
            let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
            writeln!(all, "{kind} {mode:04o} {owner} {time} {name}{link}").unwrap();
            if shown.contains(&name.as_str()) {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                writeln!(all, "    {}", text.trim_end().replace('\n', "\n    ")).unwrap();
            }
        }
    }
    all
}

fn base(workplace: &Workplace) -> Package {
    let mut owned = file("etc/owned", 0o640, "owned\n");
    (owned.0.uid, owned.0.gid) = (1000, 100);
    let mut sticky = directory("var/spool");
    sticky.0.mode = 0o3775;
    let entries = vec![
        directory("bin"),
        file("bin/busybox", 0o4755, "busybox"),
        file("bin/ls", 0o755, "an ls of its own"),
        file(
            "etc/busybox-paths.d/base",
            0o644,
            "/bin/ls\n/bin/sh\n/sbin/init\n",
        ),
        file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin",
        ),
        file("etc/group", 0o644, "root:x:0:\nusers:x:100:\n"),
        file("etc/shadow", 0o640, "root:*:19000:0:99999:7:::\n"),
        file("etc/ssl/certs/ca-certificates.crt", 0o644, "first\n"),
        file(
            "etc/ld.so.conf",
            0o644,
            "include /etc/ld.so.conf.d/*.conf\n/usr/local/lib # own\n",
        ),
        file("etc/ld.so.conf.d/more.conf", 0o644, "/opt/lib\n"),
        file("opt/lib/libz.so.1", 0o755, shared_object("libz.so.1")),
        file("usr/lib/libc.so.6", 0o755, shared_object("libc.so.6")),
        link("usr/lib/libc.so", "libc.so.6"),
        file(
            "usr/lib/libother.so.3.1",
            0o755,
            shared_object("libother.so.3"),
        ),
        file("usr/lib/libtext.so", 0o644, "no object"),
        link("lib", "usr/lib"),
        file(
            "usr/local/share/ca-certificates/own.crt",
            0o644,
            CERTIFICATE.replace("MAA=", "MAEA"),
        ),
        owned,
        sticky,
    ];
    package(&workplace.at(""), "base", entries, |info| {
        info.provides = vec!["busybox=1".into(), "company-certificates".into()];
    })
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

const EVERYTHING: &str = "\
contents:
  repositories: ['https://me:secret@packages.example.com/os']
  runtime_repositories: ['@tag https://you:secret@packages.example.com/more']
  runtime_keyring:
    - name: runtime.rsa.pub
      content: |
        -----BEGIN PUBLIC KEY-----
        MAA=
        -----END PUBLIC KEY-----
accounts:
  run-as: alice
  users:
    - {username: alice, uid: 1000, gid: 100}
    - {username: bob, uid: 1001, homedir: /srv/a/bob}
    - {username: carol, uid: 1002, homedir: /dev/null, shell: /bin/false}
  groups: [{groupname: staff, gid: 200, members: [alice, bob]}]
paths:
  - {path: /data/deep, type: directory, uid: 1000, permissions: 0o2750}
  - {path: /data/deep/empty, type: empty-file, permissions: 0o600}
  - {path: /usr/bin/again, type: hardlink, source: /bin/busybox, permissions: 0o755}
  - {path: /usr/bin/also, type: symlink, source: again, permissions: 0o751}
  - {path: /data, type: permissions, permissions: 0o700, gid: 7, recursive: true}
  - {path: /nowhere, type: symlink, source: /run/later}
certificates:
  additional:
    - name: company
      content: |
        -----BEGIN CERTIFICATE-----
        MAA=
        -----END CERTIFICATE-----
  providers: [company-certificates]
entrypoint:
  services: {web: /usr/bin/web --port 80}
  shell-fragment: exec web
cmd: serve 'two words'
";

#[test]
fn everything_that_an_image_file_asks_for_is_there() {
    let workplace = Workplace::new();
    let built = built(&workplace, EVERYTHING, vec![base(&workplace)]);
    let shown = [
        "etc/passwd",
        "etc/group",
        "etc/shadow",
        "etc/apk/repositories",
        "etc/apk/world",
        "etc/apko.json",
        "etc/apk/keys/runtime.rsa.pub",
        "etc/ssl/certs/ca-certificates.crt",
        "etc/ssl/certs/.ca-certificates.crt.sha256",
        "sv/web/run",
        "usr/lib/apk/db/installed",
    ];
    insta::assert_snapshot!("everything", listing(&built, &shown));
    let config = String::from_utf8(built.images.images[0].config.bytes.clone()).unwrap();
    let diff_id = built.images.images[0].layers[0].diff_id.hex();
    insta::assert_snapshot!("everything-config", config.replace(&diff_id, "[DIFFID]"));
}

#[test]
fn the_loader_finds_libraries_in_its_cache() {
    let workplace = Workplace::new();
    let built = built(&workplace, "{}", vec![base(&workplace)]);
    let layer = std::fs::File::open(&built.images.images[0].layers[0].path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(layer));
    let mut cache = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().as_ref() == std::path::Path::new("etc/ld.so.cache") {
            entry.read_to_end(&mut cache).unwrap();
        }
    }
    let strings: Vec<String> = cache[48 + 3 * 24..]
        .split(|byte| *byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8(text.to_vec()).unwrap())
        .collect();
    assert_eq!(
        strings,
        ["/opt/lib/libz.so.1", "/lib/libc.so.6", "/lib/libc.so"]
    );
}

fn layered(workplace: &Workplace) -> Vec<Package> {
    let at = workplace.at("");
    let target = path("usr/bin/tool");
    let hard = (
        Entry::new(path("usr/bin/tool2"), EntryKind::Hardlink { target }, 0o755),
        vec![],
    );
    vec![
        package(&at, "small", vec![file("etc/small", 0o644, "s")], |_| {}),
        package(
            &at,
            "large",
            vec![
                file("usr/bin/tool", 0o755, "tool"),
                hard,
                directory("usr/share/empty"),
            ],
            |info| info.size = 5000,
        ),
        package(
            &at,
            "large-doc",
            vec![file("usr/share/doc/tool", 0o644, "doc")],
            |info| {
                info.origin = "large".into();
            },
        ),
        package(&at, "tiny", vec![link("etc/tiny", "small")], |info| {
            info.size = 1;
        }),
        package(
            &at,
            "tiny-next",
            vec![file("etc/next", 0o644, "n")],
            |info| {
                info.size = 1;
                info.replaces = vec!["tiny".into()];
            },
        ),
    ]
}

const LAYERED: &str = "layering: {strategy: origin, budget: 3}\npaths: [{path: /srv/tool, type: hardlink, source: /usr/bin/tool, permissions: 0o700}]";

#[test]
fn packages_of_one_origin_share_a_layer() {
    let workplace = Workplace::new();
    let built = built(&workplace, LAYERED, layered(&workplace));
    assert_eq!(built.images.images[0].layers.len(), 4);
    let shown = ["usr/lib/apk/db/installed"];
    insta::assert_snapshot!("layered", listing(&built, &shown));
}

#[test]
fn a_layer_does_not_depend_on_other_layers() {
    let workplace = Workplace::new();
    let whole = built(&workplace, LAYERED, layered(&workplace));
    let mut packages = layered(&workplace);
    packages.remove(0);
    let part = built(&workplace, LAYERED, packages);
    let large = |built: &Built| built.images.images[0].layers[0].digest;
    assert_eq!(large(&whole), large(&part));
    assert!(part.images.images[0].layers[0].cached);
}

/// Each cannot be built.
const REFUSED: [&str; 7] = [
    "paths: [{path: /absent, type: permissions, permissions: 0o755}]",
    "paths: [{path: /bin/busybox, type: symlink, source: x}]",
    "paths: [{path: /bin/busybox/x, type: directory, permissions: 0o755}]",
    "paths: [{path: /x, type: hardlink, source: /absent, permissions: 0o755}]",
    "accounts: {users: [{username: a, uid: 1, homedir: /bin/busybox}]}",
    "contents: {baseimage: {image: ./a, apkindex: ./b}}",
    "contents:\n  runtime_keyring:\n    - name: here\n      content: |\n        -----BEGIN PUBLIC KEY-----\n        MAA=\n        -----END PUBLIC KEY-----\n",
];

#[test]
fn what_cannot_be_built_is_said() {
    let workplace = Workplace::new();
    let mut all = String::new();
    for text in REFUSED {
        let contents = contents(vec![base(&workplace)]);
        let keys = [bessemer_image::Key {
            name: "here".into(),
            place: "here".into(),
            pem: String::new(),
        }];
        let options = BuildOptions {
            epoch: Epoch::AtLeast(0),
            compression: Compression::Gzip,
            store: workplace.access().store,
            scratch: &workplace.at(""),
        };
        let error = build(&configured(text), &[contents], &keys, options).unwrap_err();
        writeln!(all, "{}", text.lines().next().unwrap()).unwrap();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            writeln!(all, "    {error}").unwrap();
            cause = error.source();
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn times_are_those_that_were_given() {
    let workplace = Workplace::new();
    let packages = vec![base(&workplace)];
    for (epoch, time) in [
        (Epoch::Exactly(7), 7),
        (Epoch::AtLeast(7), 1_600_000_000),
        (Epoch::AtLeast(1_700_000_000), 1_700_000_000),
    ] {
        assert_eq!(epoch.of(&packages, None), time);
    }
}
