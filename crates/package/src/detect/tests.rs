use super::*;
use bessemer_apk::{Entry, EntryPath};

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// A little-endian ELF64 shared object with one loadable segment that is the whole file.
fn elf(interpreter: Option<&str>, needed: &[&str], soname: Option<&str>) -> Vec<u8> {
    let mut strings = vec![0_u8];
    let mut dynamic: Vec<(u64, u64)> = Vec::new();
    let mut add = |tag: u64, name: &str| {
        dynamic.push((tag, strings.len() as u64));
        strings.extend(name.bytes().chain([0]));
    };
    for name in needed {
        add(1, name);
    }
    if let Some(name) = soname {
        add(14, name);
    }
    let interpreter = interpreter
        .map(|path| [path.as_bytes(), &[0]].concat())
        .unwrap_or_default();
    let table = 64 + 3 * 56;
    let string_start = table + interpreter.len();
    let dynamic_start = string_start + strings.len();
    dynamic.extend([(5, string_start as u64), (10, strings.len() as u64), (0, 0)]);
    let length = (dynamic_start + dynamic.len() * 16) as u64;

    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [3_u16, 62] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    for word in [0_u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 3, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let interp = if interpreter.is_empty() { 0_u32 } else { 3 };
    for (kind, offset, size) in [
        (1_u32, 0, length),
        (2, dynamic_start as u64, (dynamic.len() * 16) as u64),
        (interp, table as u64, interpreter.len() as u64),
    ] {
        file.extend(kind.to_le_bytes());
        file.extend(4_u32.to_le_bytes());
        for word in [offset, offset, offset, size, size, 1] {
            file.extend(word.to_le_bytes());
        }
    }
    file.extend(&interpreter);
    file.extend(&strings);
    for (tag, value) in dynamic {
        file.extend(tag.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file
}

fn found(tree: &Tree, siblings: &[&Tree]) -> Detected {
    detect(
        &Package {
            name: "x",
            version: "1-r0",
            tree,
            runtime: &[],
            options: Options::default(),
        },
        siblings,
    )
    .unwrap()
}

#[test]
fn shared_objects_are_needed_and_provided() {
    let mut tree = Tree::new();
    let program = elf(
        Some("/lib64/ld-linux-x86-64.so.2"),
        &["libc.so.6", "libz.so.1"],
        None,
    );
    tree.insert_file(path("usr/bin/tool"), 0o755, program);
    tree.insert_file(
        path("usr/lib/libz.so.1.3"),
        0o644,
        elf(None, &["libc.so.6", "libplain.so"], Some("libz.so.1")),
    );
    tree.insert_file(
        path("usr/lib/tool/plugin.so"),
        0o644,
        elf(None, &[], Some("plugin.so")),
    );
    assert_eq!(
        found(&tree, &[]),
        Detected {
            depends: vec!["so:ld-linux-x86-64.so.2".into(), "so:libc.so.6".into()],
            provides: vec![
                "cmd:tool=1-r0".into(),
                "so-ver:libz.so.1=1-r0".into(),
                "so:libz.so.1=1".into()
            ],
            vendored: vec!["so-ver:plugin.so=1-r0".into(), "so:plugin.so=0".into()],
        }
    );
}

#[test]
fn loader_configuration_of_a_sibling_counts() {
    let mut tree = Tree::new();
    tree.insert_file(
        path("opt/lib/liba.so.2"),
        0o644,
        elf(None, &[], Some("liba.so.2")),
    );
    let mut sibling = Tree::new();
    sibling.insert_file(
        path("etc/ld.so.conf.d/a.conf"),
        0o644,
        b"# x\n/opt/lib\n".to_vec(),
    );
    assert_eq!(found(&tree, &[]).provides, Vec::<String>::new());
    assert_eq!(
        found(&tree, &[&sibling]).provides,
        ["so-ver:liba.so.2=1-r0", "so:liba.so.2=2"]
    );
}

#[test]
fn a_link_needs_the_library_of_its_sibling() {
    let mut tree = Tree::new();
    tree.insert_entry(Entry::symlink(path("usr/lib/libz.so"), "libz.so.1.3"));
    let mut sibling = Tree::new();
    sibling.insert_file(
        path("usr/lib/libz.so.1.3"),
        0o644,
        elf(None, &[], Some("libz.so.1")),
    );
    assert_eq!(found(&tree, &[&sibling]).depends, ["so:libz.so.1"]);
    assert_eq!(found(&tree, &[]).depends, Vec::<String>::new());
}

#[test]
fn scripts_commands_and_pkgconfig() {
    let mut tree = Tree::new();
    tree.insert_file(path("usr/bin/script"), 0o755, b"#!/usr/bin/perl\n".to_vec());
    tree.insert_file(path("usr/bin/data"), 0o644, b"x".to_vec());
    tree.insert_file(
        path("usr/lib/pkgconfig/z.pc"),
        0o644,
        b"Requires: a >= 1 b\n".to_vec(),
    );
    tree.insert_file(path("opt/z2.pc"), 0o644, b"Requires: c\n".to_vec());
    let found = found(&tree, &[]);
    assert_eq!(found.depends, ["cmd:perl", "pc:a", "pc:b"]);
    assert_eq!(found.provides, ["cmd:script=1-r0", "pc:z=1-r0"]);
    assert_eq!(found.vendored, ["pc:z2=1-r0"]);
}

#[test]
fn names_that_would_break_a_line_are_dropped() {
    let mut tree = Tree::new();
    let object = elf(
        None,
        &["libx.so.1\npkgname = evil", "a b.so.1", "c=1.so.1"],
        Some("l>1.so"),
    );
    tree.insert_file(path("usr/lib/a.so"), 0o644, object);
    assert_eq!(found(&tree, &[]), Detected::default());
}

/// Package, declared dependencies, files, and what is needed.
type ModuleCase = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

fn check_modules((name, runtime, files, expected): ModuleCase) {
    let mut tree = Tree::new();
    for file in files {
        tree.insert_file(path(file), 0o644, b"x".to_vec());
    }
    let runtime: Vec<String> = runtime.iter().map(|&name| name.to_owned()).collect();
    let package = Package {
        name,
        version: "1-r0",
        tree: &tree,
        runtime: &runtime,
        options: Options::default(),
    };
    let found = detect(&package, &[]).unwrap();
    assert_eq!(found.depends, expected, "{name}: {files:?}");
}

#[test]
fn modules_need_their_interpreter_and_manuals_their_reader() {
    const PYTHON: &[&str] = &["usr/lib/python3.12/site-packages/six.py"];
    const RUBY: &[&str] = &["usr/lib/ruby/gems/3.4.0/gems/x-1/x.rb"];
    const PERL: &[&str] = &["usr/lib/perl5/vendor_perl/JSON.pm"];
    let cases: [ModuleCase; 17] = [
        ("x", &[], PYTHON, &["python-3.12-base"]),
        ("x", &["python-3"], PYTHON, &[]),
        (
            "x",
            &[],
            &["opt/x/python3.13/site-packages/a"],
            &["python-3.13-base"],
        ),
        (
            "x",
            &[],
            &[
                "usr/lib/python3.11/site-packages/a",
                "usr/lib/python3.12/site-packages/a",
            ],
            &["python-3.12-base"],
        ),
        ("x", &[], &["usr/lib/python3.12/site-packages"], &[]),
        ("x", &[], &["usr/lib/python/site-packages/a"], &[]),
        ("x", &[], RUBY, &["ruby-3.4"]),
        ("x", &["ruby-3.4"], RUBY, &[]),
        ("x", &["ruby"], RUBY, &[]),
        ("x", &[], &["usr/lib/ruby/gems/3.4.0/specifications/x"], &[]),
        ("x", &[], PERL, &["perl~5"]),
        ("x", &["perl"], PERL, &[]),
        ("x", &[], &["usr/share/perl5/vendor_perl/a"], &[]),
        ("x", &[], &["lib/perl5/core_perl/a"], &["perl~5"]),
        ("x-doc", &[], &["usr/share/info/x.info"], &["texinfo"]),
        ("x-doc", &[], &["usr/share/man/x.1"], &["man-db"]),
        ("x", &[], &["usr/share/man/x.1"], &[]),
    ];
    for case in cases {
        check_modules(case);
    }
}

#[test]
fn a_recipe_may_want_nothing_found() {
    let mut tree = Tree::new();
    tree.insert_file(path("usr/bin/a"), 0o755, b"#!/bin/bash\n".to_vec());
    let library = elf(None, &["libb.so.2"], Some("liba.so.1"));
    tree.insert_file(path("usr/lib/liba.so.1"), 0o644, library);
    tree.insert_file(path("usr/lib/x/b"), 0o644, elf(None, &["liba.so.1"], None));
    let library = "so:liba.so.1=1";
    let versioned = "so-ver:liba.so.1=1-r0";
    let all = Options {
        no_provides: true,
        no_depends: true,
        no_commands: true,
    };
    let none = Options::default();
    let cases: [(Options, &[&str], &[&str]); 5] = [
        (
            none,
            &["cmd:bash", "so:libb.so.2"],
            &["cmd:a=1-r0", versioned, library],
        ),
        (
            Options {
                no_commands: true,
                ..none
            },
            &["so:libb.so.2"],
            &[versioned, library],
        ),
        (
            Options {
                no_depends: true,
                ..none
            },
            &[],
            &["cmd:a=1-r0", versioned, library],
        ),
        // What it does not provide, it needs.
        (
            Options {
                no_provides: true,
                ..none
            },
            &["cmd:bash", "so:liba.so.1", "so:libb.so.2"],
            &[],
        ),
        (all, &[], &[]),
    ];
    for (options, depends, provides) in cases {
        let package = Package {
            name: "x",
            version: "1-r0",
            tree: &tree,
            runtime: &[],
            options,
        };
        let found = detect(&package, &[]).unwrap();
        assert_eq!(found.depends, depends, "{options:?}");
        assert_eq!(found.provides, provides, "{options:?}");
    }
}

#[test]
fn libraries_of_the_hosts_driver_are_nobodys() {
    let mut tree = Tree::new();
    let driver = elf(
        None,
        &["libcuda.so.1", "libc.so.6"],
        Some("libnvidia-ml.so.1"),
    );
    tree.insert_file(path("usr/lib/libnvidia-ml.so.1"), 0o755, driver);
    let found = found(&tree, &[]);
    assert_eq!(found.depends, ["so:libc.so.6"]);
    assert_eq!(found.provides, Vec::<String>::new());
}

#[test]
fn a_link_offers_the_library_where_it_lies() {
    let mut tree = Tree::new();
    let library = elf(None, &[], Some("liba.so.1"));
    tree.insert_file(path("opt/x/liba.so.1"), 0o644, library);
    tree.insert_entry(Entry::symlink(
        path("usr/lib/liba.so.1"),
        "../../opt/x/liba.so.1",
    ));
    let found = found(&tree, &[]);
    assert_eq!(found.provides, ["so-ver:liba.so.1=1-r0", "so:liba.so.1=1"]);
    assert_eq!(found.vendored, found.provides);
}

#[test]
fn declared_names_join_what_is_found() {
    let strings =
        |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let found = Detected {
        depends: strings(&["so:liba.so.1", "cmd:sh"]),
        provides: strings(&["cmd:x=1-r0"]),
        vendored: strings(&["so:libv.so.1=1"]),
    };
    let joined = found.with_declared(
        &strings(&["so:libv.so.1", "cmd:sh", "y"]),
        &strings(&["y=2", "so:liba.so.1=1"]),
    );
    assert_eq!(joined.depends, ["cmd:sh", "so:libv.so.1"]);
    assert_eq!(joined.provides, ["cmd:x=1-r0", "so:liba.so.1=1", "y=2"]);
}

#[test]
fn more_names_than_any_package_has_are_refused() {
    let mut tree = Tree::new();
    for number in 0..=MOST_NAMES {
        tree.insert_file(path(&format!("usr/bin/{number}")), 0o755, Vec::new());
    }
    let package = Package {
        name: "x",
        version: "1-r0",
        tree: &tree,
        runtime: &[],
        options: Options::default(),
    };
    assert!(matches!(
        detect(&package, &[]),
        Err(DetectError::TooMany(_))
    ));
}

proptest::proptest! {
    #[test]
    fn any_damage_is_survived(at in 0_usize..400, value: u8, cut in 0_usize..500) {
        let mut bytes = elf(Some("/lib/ld.so.1"), &["liba.so.1"], Some("libb.so.1"));
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.truncate(cut.max(1));
        let mut tree = Tree::new();
        tree.insert_file(path("usr/lib/b.so"), 0o755, bytes);
        found(&tree, &[]);
    }
}
