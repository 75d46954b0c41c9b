//! The reader of strangers' images: what the writer makes, what others make, and what nobody should.

use crate::reader::{self, Found as Expected};
use crate::sample::{self, Kind, plain};
use bessemer_erofs::{Found, FoundKind, ReadError, Reader};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// Everything in an image, contents and attributes included; the bytes that were in it.
fn walk(image: &[u8]) -> Result<(Vec<Found>, u64), ReadError> {
    let mut reader = Reader::open(image)?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(found) = reader.next_found()? {
        reader.attributes(&found)?;
        if let FoundKind::File(content) = &found.kind {
            bytes += std::io::copy(&mut reader.content(content), &mut std::io::sink())?;
        }
        all.push(found);
    }
    Ok((all, bytes))
}

/// Holds what the reader finds against the strict reader of the tests.
pub(crate) fn agrees(image: &[u8], nodes: &BTreeMap<Vec<u8>, Expected>) {
    let mut reader = Reader::open(image).unwrap();
    let mut seen = BTreeSet::new();
    while let Some(found) = reader.next_found().unwrap() {
        let shown = String::from_utf8_lossy(&found.path).into_owned();
        let expected = &nodes[&found.path];
        assert!(seen.insert(found.path.clone()), "{shown} twice");
        let numbers = (found.mode, found.uid, found.gid, found.mtime, found.links);
        let mode = u32::from(expected.mode & 0o7777);
        let (uid, gid) = (expected.uid, expected.gid);
        assert_eq!(
            numbers,
            (mode, uid, gid, expected.mtime, expected.links),
            "{shown}"
        );
        assert_eq!(found.inode, expected.number, "{shown}");
        let attributes = reader.attributes(&found).unwrap();
        let attributes = attributes.into_iter();
        let attributes: BTreeMap<String, Vec<u8>> = attributes
            .map(|(name, value)| (String::from_utf8(name).unwrap(), value))
            .collect();
        assert_eq!(attributes, expected.xattrs, "{shown}");
        let mut content = Vec::new();
        let (kind, device) = match &found.kind {
            FoundKind::Directory => {
                content.clone_from(&expected.content);
                (0o4, 0)
            }
            FoundKind::File(place) => {
                let mut from = reader.content(place);
                from.read_to_end(&mut content).unwrap();
                assert_eq!(place.size(), content.len() as u64);
                (0o10, 0)
            }
            FoundKind::Symlink(target) => {
                content.clone_from(target);
                (0o12, 0)
            }
            FoundKind::CharDevice(major, minor) => (0o2, number(*major, *minor)),
            FoundKind::BlockDevice(major, minor) => (0o6, number(*major, *minor)),
            FoundKind::Fifo => (0o1, 0),
            FoundKind::Socket => (0o14, 0),
        };
        assert_eq!(
            (kind, device),
            (expected.mode >> 12, expected.device),
            "{shown}"
        );
        assert!(content == expected.content, "content of {shown}");
    }
    assert_eq!(seen.len(), nodes.len());
}

fn number(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

fn small() -> Vec<u8> {
    sample::image(&vec![
        plain("a/file", Kind::File(b"text".to_vec())),
        plain("a/link", Kind::Link("a/file".into())),
        plain("b/symlink", Kind::Symlink("../a".into())),
        plain("b/c/deep", Kind::File(vec![7; 5000])),
    ])
}

/// Where the inode of a path is.
fn inode(image: &[u8], path: &str) -> usize {
    let metadata = u32::from_le_bytes(image[1064..1068].try_into().unwrap());
    let number = reader::read(image)[path.as_bytes()].number;
    metadata as usize * 4096 + usize::try_from(number).unwrap() * 32
}

/// What the image says when a few bytes of it are others.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut image = small();
    change(&mut image);
    walk(&image).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_refused() {
    let at = |path: &str| inode(&small(), path);
    let put = |place: usize, bytes: &'static [u8]| {
        move |image: &mut Vec<u8>| image[place..place + bytes.len()].copy_from_slice(bytes)
    };
    let behind = |path: &str| at(path) + 64;
    for (said, what) in [
        (refusal(|image| image.truncate(1100)), "too short"),
        (refusal(put(1024, b"gzip")), "this is no erofs"),
        (refusal(put(1036, &[9])), "blocks of another size"),
        (refusal(put(1104, &[4])), "another feature"),
        (refusal(put(at("a/file"), &[3])), "compressed or chunked"),
        (refusal(put(at("a/file"), &[17])), "compressed or chunked"),
        (
            refusal(put(at("a/file") + 13, &[1])),
            "behind the image's end",
        ),
        (
            refusal(put(at("a/file") + 18, &[1])),
            "behind the image's end",
        ),
        (
            refusal(put(at("a/file") + 2, &[255, 255])),
            "behind the image's end",
        ),
        (refusal(put(at("a/file") + 4, &[0, 0xf0])), "no known kind"),
        (refusal(put(at("b/symlink") + 8, &[0])), "empty or too long"),
        (
            refusal(put(at("b/symlink"), &[1, 0, 0, 0, 0xff, 0xa1, 0, 0, 0, 16])),
            "empty or too long",
        ),
        (refusal(put(behind("b/symlink"), &[0])), "a zero in it"),
        (refusal(put(at("b") + 8, &[0, 16])), "two blocks"),
        (
            refusal(put(at("") + 4, &[0, 0x80])),
            "the root is no directory",
        ),
        // The first entry of `b` is `.`, the third `c`, the fourth `symlink`.
        (refusal(put(behind("b") + 8, &[13])), "cannot be read"),
        (refusal(put(behind("b") + 8, &[0])), "cannot be read"),
        (refusal(put(behind("b") + 20, &[255])), "cannot be read"),
        (refusal(put(behind("b") + 48, b"/")), "is none"),
        (refusal(put(behind("b") + 48, b"x")), "not in order"),
        (
            refusal(put(behind("b") + 24, &[255; 8])),
            "behind the image's end",
        ),
        (refusal(|image| loops(image)), "two names"),
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    walk(&small()).unwrap();
}

/// `b/c` becomes another name of `b`.
fn loops(image: &mut [u8]) {
    let metadata = u32::from_le_bytes(image[1064..1068].try_into().unwrap()) as usize * 4096;
    let place = inode(image, "b");
    let number = ((place - metadata) / 32) as u64;
    image[place + 64 + 24..][..8].copy_from_slice(&number.to_le_bytes());
}

#[test]
fn paths_do_not_grow_without_end() {
    let deep = "d/".repeat(2047) + "ef";
    let image = sample::image(&vec![plain(deep.clone(), Kind::Fifo)]);
    assert_eq!(
        walk(&image).unwrap().0.last().unwrap().path,
        deep.as_bytes()
    );
    let image = sample::image(&vec![plain(deep + "g", Kind::Fifo)]);
    let said = walk(&image).unwrap_err().to_string();
    assert_eq!(said, "the image has more than 4096 bytes in a path");
}

proptest! {
    /// Whatever changes in it, an image is read to an end or refused, and names stay names.
    #[test]
    fn no_image_is_too_strange(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut image = small();
        // The blocks of contents are not interesting.
        let metadata = inode(&image, "") / 4096 * 4096;
        for (place, byte) in changes {
            let place = place.index(1152 - 1024 + image.len() - metadata);
            let place = if place < 128 { 1024 + place } else { metadata + place - 128 };
            image[place] = byte;
        }
        if let Ok((all, _)) = walk(&image) {
            for found in all {
                prop_assert!(found.path.len() <= 4096);
                let mut names = found.path.split(|byte| *byte == b'/');
                let whole = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
                prop_assert!(found.path.is_empty() || names.all(whole));
            }
        }
    }
}

#[test]
#[ignore = "needs mkfs.erofs (erofs-utils)"]
fn what_others_make_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fill(&root);
    let image = directory.path().join("image");
    for options in [&["-T1000"][..], &["-T1000", "-Eforce-inode-extended"]] {
        let mut make = Command::new("mkfs.erofs");
        let made = make.args(options).arg("-x1").arg(&image).arg(&root);
        let made = made.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let image = std::fs::read(&image).unwrap();
        let mut reader = Reader::open(&image[..]).unwrap();
        let (mut found_links, mut count) = (BTreeSet::new(), 0);
        while let Some(found) = reader.next_found().unwrap() {
            let path = String::from_utf8(found.path.clone()).unwrap();
            let full = root.join(&path);
            reader.attributes(&found).unwrap();
            match &found.kind {
                FoundKind::Directory => assert!(full.is_dir(), "{path}"),
                FoundKind::Symlink(target) => {
                    let target = String::from_utf8(target.clone()).unwrap();
                    assert_eq!(std::fs::read_link(&full).unwrap(), Path::new(&target));
                }
                FoundKind::File(content) => {
                    let mut bytes = Vec::new();
                    reader.content(content).read_to_end(&mut bytes).unwrap();
                    assert!(bytes == std::fs::read(&full).unwrap(), "{path}");
                    if path.starts_with("linked") {
                        found_links.insert(found.inode);
                    }
                }
                other => panic!("{path}: {other:?}"),
            }
            count += 1;
        }
        assert_eq!((found_links.len(), count), (1, 5 + 6 + 200 + 2));
    }
}

/// Sizes on both sides of blocks, many names, links of both kinds.
fn fill(root: &Path) {
    std::fs::create_dir_all(root.join("many/empty")).unwrap();
    for size in [0, 1, 4000, 4096, 4097, 100_000_u32] {
        let bytes: Vec<u8> = (0..size).map(|n| (n / 7).to_le_bytes()[0]).collect();
        std::fs::write(root.join(format!("size-{size}")), bytes).unwrap();
    }
    for number in 0..200 {
        let name = format!("many/a-name-that-is-not-short-{number}");
        std::fs::write(root.join(name), number.to_string()).unwrap();
    }
    std::fs::write(root.join("linked-1"), "same").unwrap();
    std::fs::hard_link(root.join("linked-1"), root.join("linked-2")).unwrap();
    std::os::unix::fs::symlink("many/empty", root.join("short")).unwrap();
    std::os::unix::fs::symlink("x/".repeat(1500), root.join("long")).unwrap();
}
