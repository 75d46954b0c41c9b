//! Packages: what is written reads back, other tools can read it, real ones can be read.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::package::{Header, ReadError, Reader, Summary, WriteError, write_data};
use bessemer_apk::{Entry, EntryKind, Limits, PkgInfo};
use std::error::Error;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use support::{package_of, path, sample_entries, sample_package, shared_data};

/// Real packages whose data is not what their metadata says.
const TRIMMED: [&str; 1] = ["aws-c-s3"];

type Contents = Vec<(Entry, Vec<u8>)>;

fn read_all(package: &[u8]) -> Result<(Header, Summary, Contents), Box<dyn Error>> {
    let mut reader = Reader::open(package, Limits::default())?;
    let mut contents = Vec::new();
    while let Some(mut entry) = reader.next_entry()? {
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        contents.push((entry.entry.clone(), content));
    }
    let (header, summary) = reader.finish()?;
    Ok((header, summary, contents))
}

#[test]
fn what_is_written_reads_back() {
    let (header, summary, contents) = read_all(&sample_package()).unwrap();
    assert_eq!(contents, sample_entries());
    assert_eq!(header.signatures[0].key, "test.rsa.pub");
    assert_eq!(header.signatures[0].bytes, b"not a signature");
    assert_eq!(
        header.control.files.keys().collect::<Vec<_>>(),
        [".PKGINFO", ".melange.yaml", ".post-install"]
    );
    assert_eq!(header.control.pkginfo.size, 1000 + 12 + 512 + 153);
    assert_eq!(summary.file_size, sample_package().len() as u64);
    assert_eq!(
        summary.file_sha256,
        bessemer_digest::Digest::of(sample_package())
    );
}

#[test]
fn tar_lists_what_is_written() {
    let mut tar = Command::new("tar")
        .args(["tzf", "-"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    tar.stdin
        .take()
        .unwrap()
        .write_all(&sample_package())
        .unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success());
    let listed: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        &listed[..3],
        [".SIGN.RSA256.test.rsa.pub", ".PKGINFO", ".melange.yaml"]
    );
    assert_eq!(listed.len(), 4 + sample_entries().len());
    // Directories have no trailing slash in the archive; tar adds one when it prints.
    assert!(listed.contains(&"usr/bin/hello".to_owned()));
}

#[test]
fn every_flipped_byte_of_the_data_is_noticed() {
    let package = sample_package();
    let (header, ..) = read_all(&package).unwrap();
    let data = header.signature_member.len() + header.control.bytes.len();
    for at in data..package.len() {
        let mut damaged = package.clone();
        damaged[at] ^= 0x10;
        assert!(read_all(&damaged).is_err(), "byte {at}");
    }
    for length in 0..package.len() {
        assert!(read_all(&package[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn limits_hold() {
    let package = sample_package();
    let open = |limits| -> Result<(), ReadError> {
        Reader::open(package.as_slice(), limits)?
            .finish()
            .map(|_| ())
    };
    let all = Limits::default();
    assert!(open(all).is_ok());
    assert!(
        open(Limits {
            control: 600,
            signature: 600,
            ..all
        })
        .is_err()
    );
    assert!(
        open(Limits {
            signature: 10,
            ..all
        })
        .is_err()
    );
    assert!(open(Limits { data: 2000, ..all }).is_err());
    assert!(open(Limits { entries: 5, ..all }).is_err());
}

#[test]
fn names_and_attributes_are_bounded() {
    let sum = |(entry, _): &(Entry, Vec<u8>)| {
        let link = match &entry.kind {
            EntryKind::Symlink { target } => target.len(),
            EntryKind::Hardlink { target } => target.as_str().len(),
            _ => 0,
        };
        let xattrs = entry.xattrs.iter();
        let xattrs: usize = xattrs.map(|(name, value)| name.len() + value.len()).sum();
        entry.path.as_str().len() + link + xattrs
    };
    let exact = sample_entries().iter().map(sum).sum::<usize>() as u64;
    let package = sample_package();
    let open = |metadata| {
        let limits = Limits {
            metadata,
            ..Limits::default()
        };
        Reader::open(package.as_slice(), limits).unwrap().finish()
    };
    assert!(open(exact).is_ok());
    assert!(matches!(
        open(exact - 1),
        Err(ReadError::TooMuchMetadata { limit, .. }) if limit == exact - 1
    ));
}

#[test]
fn what_apk_takes_for_metadata_is_no_file() {
    for name in [
        ".PKGINFO",
        ".post-install",
        ".SIGN.RSA256.x.rsa.pub",
        ".hidden",
        ".hidden/file",
        ".trigger",
    ] {
        let entries = [(Entry::file(path(name), 2, 0o755), b"x\n".to_vec())];
        let error = read_all(&package_of(entries)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "{name} is in the data member, but apk takes such names for a package's metadata"
            )
        );
    }
    // Only the first component counts.
    let entries = [(Entry::file(path("etc/.hidden"), 2, 0o644), b"x\n".to_vec())];
    let (.., contents) = read_all(&package_of(entries)).unwrap();
    assert_eq!(contents[0].0.path, path("etc/.hidden"));
}

#[test]
fn refuses_entries_out_of_order_and_wrong_sizes() {
    let file = |name: &str, size| (Entry::file(path(name), size, 0o644), vec![0; 3]);
    let write = |entries: Vec<(Entry, Vec<u8>)>| write_data(entries, 0, std::io::sink());
    assert!(matches!(
        write(vec![file("b", 3), file("a", 3)]),
        Err(WriteError::Order { .. })
    ));
    assert!(matches!(
        write(vec![file("a", 3), file("a", 3)]),
        Err(WriteError::Order { .. })
    ));
    assert!(matches!(
        write(vec![file("a", 2)]),
        Err(WriteError::Changed { .. })
    ));
    assert!(matches!(
        write(vec![file("a", 4)]),
        Err(WriteError::Changed { .. })
    ));
    let link = Entry::new(path("b"), EntryKind::Hardlink { target: path("a") }, 0o644);
    assert!(matches!(
        write(vec![(link, vec![])]),
        Err(WriteError::Hardlink { .. })
    ));
}

#[test]
fn real_packages_read() {
    let packages: Vec<Vec<u8>> = match shared_data() {
        Some(directory) => std::fs::read_dir(directory)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "apk"))
            .map(|file| std::fs::read(file).unwrap())
            .collect(),
        None => vec![sample_package()],
    };
    assert!(!packages.is_empty());
    for package in packages {
        let name = Reader::open(package.as_slice(), Limits::default()).unwrap();
        let name = name.header().control.pkginfo.name.clone();
        let read = read_all(&package);
        if TRIMMED.contains(&name.as_str()) {
            // Its data was cut down for a test of melange's, its metadata was not.
            assert!(
                read.unwrap_err().to_string().contains(".PKGINFO says"),
                "{name}"
            );
            continue;
        }
        let (header, summary, contents) = read.unwrap();
        assert_eq!(
            header.control.pkginfo.datahash,
            Some(summary.data_sha256),
            "{name}"
        );
        assert!(!contents.is_empty(), "{name}");
    }
}

#[test]
fn melanges_packages_are_written_the_same() {
    let Some(directory) = shared_data() else {
        // The stand-in is this crate's own, so it can only agree with itself.
        assert_eq!(sample_package(), sample_package());
        return;
    };
    for name in [
        "hello-wolfi-2.12.1-r0",
        "libcap-2.69-r0",
        "perl-json-4.11-r0",
    ] {
        let package = std::fs::read(directory.join(format!("{name}.apk"))).unwrap();
        let (header, _, contents) = read_all(&package).unwrap();
        let start = header.signature_member.len() + header.control.bytes.len();
        let original = inflate(&package[start..]);
        let mtime = u64::from_str_radix(std::str::from_utf8(&original[136..147]).unwrap(), 8);
        let mut rewritten = Vec::new();
        write_data(contents, mtime.unwrap(), &mut rewritten).unwrap();
        // Compressors differ; the archives inside must not.
        assert!(inflate(&rewritten) == original, "{name}");
    }
}

#[test]
fn melanges_metadata_is_written_the_same() {
    let text = match shared_data() {
        Some(directory) => {
            let package = std::fs::read(directory.join("ruby3.2-base64-0.2.0-r2.apk")).unwrap();
            read_all(&package).unwrap().0.control.files[".PKGINFO"].clone()
        }
        None => read_all(&sample_package()).unwrap().0.control.files[".PKGINFO"].clone(),
    };
    let text = String::from_utf8(text).unwrap();
    assert_eq!(PkgInfo::parse(&text).unwrap().render().unwrap(), text);
}

fn inflate(member: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(member)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}
