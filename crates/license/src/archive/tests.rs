use super::*;
use crate::collect::{Collector, Depth, Placement};
use std::io::Write as _;
use std::process::{Command, Stdio};

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Paths and contents of all files; whether it is an archive.
fn listed(bytes: &[u8], limits: &Limits) -> Result<(bool, Vec<(String, String)>), ArchiveError> {
    let mut found = Vec::new();
    let is_archive = read(file(bytes), limits, &mut |path, content| {
        let mut text = String::new();
        content.read_to_string(&mut text)?;
        found.push((path.to_owned(), text));
        Ok(())
    })?;
    Ok((is_archive, found))
}

fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What a program of this machine makes of the bytes.
fn through(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    output.stdout
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// One file of a zip archive: name, method, content as stored, Unix mode.
type Zipped<'a> = (&'a str, u16, &'a [u8], u32);

fn zip_of(files: &[Zipped<'_>]) -> Vec<u8> {
    let (mut body, mut central) = (Vec::new(), Vec::new());
    for (name, method, content, mode) in files {
        let offset = u32::try_from(body.len()).unwrap();
        let size = u32::try_from(content.len()).unwrap();
        let length = u16::try_from(name.len()).unwrap();
        let mut common = Vec::new();
        for field in [20, 0, *method, 0, 0] {
            common.extend(u16::to_le_bytes(field));
        }
        for field in [0, size, size] {
            common.extend(u32::to_le_bytes(field));
        }
        common.extend(u16::to_le_bytes(length));
        common.extend([0, 0]);
        body.extend(b"PK\x03\x04");
        body.extend(&common);
        body.extend(name.as_bytes());
        body.extend(*content);
        central.extend(b"PK\x01\x02\x14\x03");
        central.extend(&common);
        central.extend([0; 6]);
        central.extend(u32::to_le_bytes(mode << 16));
        central.extend(u32::to_le_bytes(offset));
        central.extend(name.as_bytes());
    }
    let offset = u32::try_from(body.len()).unwrap();
    let count = u16::try_from(files.len()).unwrap();
    body.extend(&central);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    body.extend(u32::to_le_bytes(u32::try_from(central.len()).unwrap()));
    body.extend(offset.to_le_bytes());
    body.extend([0, 0]);
    body
}

#[test]
fn every_kind_of_archive() {
    let long = format!("a/{}/LICENSE", "d".repeat(150));
    let files = [
        ("a/LICENSE", "text"),
        (long.as_str(), "more"),
        ("a/empty", ""),
    ];
    let expected: Vec<_> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    let tar = tar_of(&files);
    let kinds = [
        ("plain", tar.clone()),
        ("gzip", gzip(&tar)),
        ("xz", through("xz", &tar)),
        ("bzip2", bzip2(&tar)),
        ("zstd", zstd(&tar)),
        (
            "two frames",
            [zstd(&tar[..700]), zstd(&tar[700..])].concat(),
        ),
        (
            "two members",
            [gzip(&tar[..700]), gzip(&tar[700..])].concat(),
        ),
    ];
    for (kind, bytes) in kinds {
        let (is_archive, found) = listed(&bytes, &Limits::default()).unwrap();
        assert!(is_archive, "{kind}");
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn zip_archives() {
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflated.write_all(b"compressed").unwrap();
    let deflated = deflated.finish().unwrap();
    let bytes = zip_of(&[
        ("a/", 0, b"", 0o040_755),
        ("a/LICENSE", 0, b"stored", 0o100_644),
        ("a/COPYING", 8, &deflated, 0),
        ("a/link", 0, b"LICENSE", 0o120_777),
        ("a/other", 12, b"BZh", 0o100_644),
    ]);
    let (is_archive, found) = listed(&bytes, &Limits::default()).unwrap();
    assert!(is_archive);
    let owned = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    assert_eq!(
        found,
        [
            owned("a/LICENSE", "stored"),
            owned("a/COPYING", "compressed")
        ]
    );
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    assert!(matches!(
        listed(&bytes, &limits),
        Err(ArchiveError::Limit {
            what: "entries",
            ..
        })
    ));
    let limits = Limits {
        archive: 8,
        ..Limits::default()
    };
    assert!(matches!(
        listed(&bytes, &limits),
        Err(ArchiveError::Limit { .. })
    ));
}

#[test]
fn other_files_are_no_archives() {
    for bytes in [&b""[..], b"text", &[0; 2048], &gzip(b"text"), b"PK"] {
        assert!(matches!(listed(bytes, &Limits::default()), Ok((false, _))));
    }
}

#[test]
fn damaged_archives_are_errors() {
    let tar = tar_of(&[("a/LICENSE", &"text".repeat(1000))]);
    for bytes in [
        tar[..2000].to_vec(),
        gzip(&tar)[..40].to_vec(),
        bzip2(&tar)[..60].to_vec(),
        through("xz", &tar)[..100].to_vec(),
        zstd(&tar)[..40].to_vec(),
        b"PK\x03\x04 and nothing else".to_vec(),
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
    ] {
        assert!(listed(&bytes, &Limits::default()).is_err());
    }
}

#[test]
fn a_small_file_does_not_become_a_large_one() {
    let tar = tar_of(&[("a/big", &"0".repeat(5_000_000)), ("a/LICENSE", "text")]);
    let limits = Limits {
        archive: 1 << 20,
        ..Limits::default()
    };
    for bytes in [
        gzip(&tar),
        through("xz", &tar),
        bzip2(&tar),
        zstd(&tar),
        tar,
    ] {
        let mut collector = Collector::new(Depth::Deep, limits, []);
        let error = collector.archive(file(&bytes), &Placement::default());
        assert!(
            matches!(
                error,
                Err(ArchiveError::Limit {
                    what: "bytes of an archive",
                    ..
                })
            ),
            "{error:?}"
        );
    }
    // A header that only describes the next one may not be large, whatever it says.
    let mut header = tar::Header::new_gnu();
    header.set_path("@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_cksum();
    let bytes = [header.as_bytes().as_slice(), &vec![b'a'; 3 << 20]].concat();
    assert!(matches!(
        listed(&bytes, &Limits::default()),
        Err(ArchiveError::Limit {
            what: "an extension header",
            ..
        })
    ));
}
