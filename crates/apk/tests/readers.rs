//! What apk-tools reads as another package than we would is refused.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::package::Reader;
use bessemer_apk::{Entry, Index, IndexEntry, Limits, Version, read_index, write_index};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error as _;
use std::io::{Read as _, Write as _};
use support::{package_of, path};

const ZEROS: [u8; 512] = [0; 512];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut archive)
        .unwrap();
    archive
}

/// A ustar header with content behind it; `change` may spoil it before it is sealed.
fn entry_with(
    name: &str,
    kind: u8,
    content: &[u8],
    change: impl FnOnce(&mut [u8; 512]),
) -> Vec<u8> {
    let mut block = ZEROS;
    block[..name.len()].copy_from_slice(name.as_bytes());
    for (range, text) in [
        (100..107, "0000644".to_owned()),
        (108..115, "0000000".to_owned()),
        (116..123, "0000000".to_owned()),
        (124..135, format!("{:011o}", content.len())),
        (136..147, "00000000000".to_owned()),
        (329..336, "0000000".to_owned()),
        (337..344, "0000000".to_owned()),
    ] {
        block[range].copy_from_slice(text.as_bytes());
    }
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry_with(name, b'0', content, |_| {})
}

/// An extended header with one record, `key=value`.
fn pax(record: &str) -> Vec<u8> {
    let rest = format!(" {record}\n");
    let length = (0..1 << 20)
        .find(|length: &usize| length.to_string().len() + rest.len() == *length)
        .unwrap();
    let record = format!("{length}{rest}");
    entry_with("PaxHeaders/x", b'x', record.as_bytes(), |_| {})
}

fn link(target: &str) -> Vec<u8> {
    let link = entry_with("l", b'2', b"", |_| {});
    [pax(&format!("linkpath={target}")), link].concat()
}

/// A good control member and this data archive, without a good `datahash`.
fn with_data(archive: &[u8]) -> Vec<u8> {
    let package = package_of([]);
    let header = Reader::open(package.as_slice(), Limits::default())
        .unwrap()
        .header()
        .clone();
    [header.control.bytes, gzip(archive)].concat()
}

/// The names of all entries, or the first error with its causes.
fn read(package: &[u8]) -> Result<Vec<String>, String> {
    let told = |error: bessemer_apk::package::ReadError| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}")
    };
    let mut reader = Reader::open(package, Limits::default()).map_err(told)?;
    let mut names = Vec::new();
    while let Some(found) = reader.next_entry().map_err(told)? {
        names.push(found.entry.path.to_string());
    }
    Ok(names)
}

/// Puts bytes into a header.
fn set(at: usize, bytes: &'static [u8]) -> impl Fn(&mut [u8; 512]) {
    move |block| block[at..at + bytes.len()].copy_from_slice(bytes)
}

/// What the archive is, the archive, and the one name in it or a part of the error.
type Case = (&'static str, Vec<u8>, Result<&'static str, &'static str>);

fn check(cases: impl IntoIterator<Item = Case>) {
    for (what, archive, expected) in cases {
        match (read(&with_data(&archive)), expected) {
            (Ok(names), Ok(name)) => assert_eq!(names, [name], "{what}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{what}: {error}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
    }
}

#[test]
fn nothing_follows_the_end() {
    let (a, b) = (file("a", b"1"), file("b", b"2"));
    check([
        ("no end", a.clone(), Ok("a")),
        ("half an end", [&a[..], &ZEROS].concat(), Ok("a")),
        ("a long end", [&a[..], &[0; 5 << 10]].concat(), Ok("a")),
        (
            "a lone empty block",
            [&a[..], &ZEROS, &b].concat(),
            Err("empty block, but more follows"),
        ),
        (
            "entries behind the end",
            [&a[..], &ZEROS, &ZEROS, &b].concat(),
            Err("empty block, but more follows"),
        ),
        (
            "a cut block behind the end",
            [&a[..], &ZEROS, &[0; 100]].concat(),
            Err("ends early"),
        ),
    ]);
}

#[test]
fn headers_that_apk_reads_otherwise_are_refused() {
    let (a, b) = (file("a", b"1"), file("b", b"2"));
    check([
        (
            "the same size twice",
            [pax("size=1"), a.clone()].concat(),
            Ok("a"),
        ),
        (
            "another size in the record",
            [pax("size=512"), file("a", b""), b.clone()].concat(),
            Err("is not that of the extended record"),
        ),
        (
            "another owner in the record",
            [pax("uid=1000"), a.clone()].concat(),
            Err("is not that of the extended record"),
        ),
        (
            "the owner that means none",
            [pax("uid=4294967295"), a.clone()].concat(),
            Err("owner or group is too large"),
        ),
        (
            "the group that means none",
            entry_with(
                "a",
                b'0',
                b"",
                set(116, &[0x80, 0, 0, 0, 255, 255, 255, 255]),
            ),
            Err("owner or group is too large"),
        ),
        (
            "a name in the record alone",
            [pax("path=c"), file("", b"")].concat(),
            Err("empty name"),
        ),
        (
            "a name in the prefix alone",
            entry_with("", b'0', b"", set(345, b"usr")),
            Err("empty name"),
        ),
        (
            "content of a link",
            [entry_with("l", b'2', &a, set(157, b"x")), b.clone()].concat(),
            Err("size of something that has no content"),
        ),
        (
            "a file of type NUL",
            entry_with("a", 0, b"", |_| {}),
            Err("type is NUL"),
        ),
        (
            "a long link",
            [
                entry_with("x", b'K', b"target", |_| {}),
                entry_with("l", b'2', b"", |_| {}),
            ]
            .concat(),
            Err("GNU long link"),
        ),
        (
            "a long name",
            [entry_with("x", b'L', b"long", |_| {}), a.clone()].concat(),
            Ok("long"),
        ),
        (
            "a long name and a prefix",
            [
                entry_with("x", b'L', b"long", |_| {}),
                entry_with("a", b'0', b"", set(345, b"usr")),
            ]
            .concat(),
            Err("long name and a prefix"),
        ),
        (
            "a prefix in GNU's header",
            entry_with("a", b'0', b"", |block| {
                set(345, b"usr")(block);
                set(257, b"ustar  \0")(block);
            }),
            Err("prefix in a header"),
        ),
    ]);
}

#[test]
fn members_in_front_of_the_data_have_no_end() {
    let package = package_of([]);
    let header = Reader::open(package.as_slice(), Limits::default())
        .unwrap()
        .header()
        .clone();
    let start = header.signature_member.len() + header.control.bytes.len();
    let data = &package[start..];
    let (signature, control) = (&header.signature_member, &header.control.bytes);
    let ended = |member: &[u8]| gzip(&[&gunzip(member)[..], &ZEROS, &ZEROS].concat());
    let half = |member: &[u8]| gzip(&[&gunzip(member)[..], &ZEROS].concat());
    let twice = gzip(&[gunzip(control), gunzip(control)].concat());
    assert!(read(&[signature, control, data].concat()).is_ok());
    for (signature, control, expected) in [
        (signature, &ended(control), "end of the archive"),
        (signature, &half(control), "end of the archive"),
        (&Vec::new(), &ended(control), "end of the archive"),
        (&ended(signature), control, "end of the archive"),
        (signature, &twice, "is in the control member twice"),
    ] {
        let error = read(&[signature, control, data].concat()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn an_index_behind_an_ended_signature_is_refused() {
    let mut index = Index::default();
    index.extend([IndexEntry::new("a", Version::new("1"))]);
    let index = write_index(&index).unwrap();
    let signature = file(".SIGN.RSA256.k.rsa.pub", b"none");
    let signed = |end: &[u8]| {
        let member = gzip(&[&signature[..], end].concat());
        read_index(&[member, index.clone()].concat(), Limits::default())
    };
    assert_eq!(signed(&[]).unwrap().signatures.len(), 1);
    assert!(signed(&[0; 512]).is_err());
    assert!(signed(&[0; 1024]).is_err());
}

#[test]
fn entries_that_no_system_can_have_are_refused() {
    let device = |text: &'static [u8]| {
        entry_with("d", b'3', b"", move |block| {
            block[329..336].copy_from_slice(text);
        })
    };
    let xattr = |record: String| {
        let record = format!("SCHILY.xattr.{record}");
        [pax(&record), file("a", b"1")].concat()
    };
    let late = |text: &str| [pax(text), file("a", b"1")].concat();
    for (archive, expected) in [
        (link(&"x".repeat(4095)), Ok("l")),
        (
            link(&"x".repeat(4096)),
            Err("a link target that is too long"),
        ),
        (link(""), Err("a link target that is empty")),
        (link("etc\0x"), Err("a link target with a NUL byte")),
        (device(b"0007777"), Ok("d")),
        (device(b"0010000"), Err("a device number that is too large")),
        (xattr("user.x=1".into()), Ok("a")),
        (xattr("user.x.=1".into()), Ok("a")),
        (xattr("com.docker.grpcfuse.ownership={}".into()), Ok("a")),
        (xattr(format!("user.x={}", "v".repeat(65_535))), Ok("a")),
        (
            xattr(format!("user.x={}", "v".repeat(65_536))),
            Err("attribute that is too long"),
        ),
        (xattr("=1".into()), Err("an impossible name")),
        (xattr("user.=1".into()), Err("an impossible name")),
        (xattr("user.a\0b=1".into()), Err("an impossible name")),
        (
            xattr(format!("user.{}=1", "n".repeat(251))),
            Err("an impossible name"),
        ),
        (late("mtime=8589934591"), Ok("a")),
        (late("mtime=8589934592"), Err("a time after the year 2242")),
        (
            late("mtime=18446744073709551615"),
            Err("a time after the year 2242"),
        ),
    ] {
        match (read(&with_data(&archive)), expected) {
            (Ok(names), Ok(name)) => assert_eq!(names, [name]),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, _) => panic!("{expected:?}: {found:?}"),
        }
    }
}

#[test]
fn a_name_without_ascii_has_a_header_all_the_same() {
    let entries = [(Entry::file(path("日本"), 1, 0o644), b"1".to_vec())];
    assert_eq!(read(&package_of(entries)).unwrap(), ["日本"]);
}
