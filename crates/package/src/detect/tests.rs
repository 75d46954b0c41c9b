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
