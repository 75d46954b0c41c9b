//! Large packages and hostile indexes, written as streams.

use crate::bench::packages::{self, Numbers};
use crate::workspace::root;
use anyhow::{Context as _, Result};
use bessemer_apk::package::{Content, write_data};
use bessemer_apk::{Entry, EntryPath};
use bessemer_digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

const MIB: usize = 1 << 20;

/// So many MiB that do not compress: the same MiB again and again, which is further apart than
/// gzip looks back.
struct Noise {
    piece: Vec<u8>,
    mib: u64,
}

impl Noise {
    fn new(mib: u64) -> Self {
        let mut numbers = Numbers::new(0);
        let mut piece = Vec::with_capacity(MIB);
        while piece.len() < MIB {
            piece.extend_from_slice(&numbers.next().to_le_bytes());
        }
        Self { piece, mib }
    }
}

impl Content for Noise {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let pieces = (0..self.mib).map(|_| self.piece.as_slice());
        Ok(Box::new(Chain(pieces.collect())))
    }
}

/// Slices one after another; the last is read first.
struct Chain<'a>(Vec<&'a [u8]>);

impl Read for Chain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.0.last_mut() {
            let count = piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.0.pop();
        }
        Ok(0)
    }
}

/// `name-1-r0` with one file of so many MiB.
pub(super) fn package(path: &Path, name: &str, mib: u64) -> Result<()> {
    let entry = Entry::file(EntryPath::new("usr/share/noise")?, mib << 20, 0o644);
    let data_path = path.with_extension("data");
    let mut data = BufWriter::new(File::create(&data_path)?);
    let summary = write_data([(entry, Noise::new(mib))], 0, &mut data)?;
    drop(data);
    finish(path, &data_path, name, summary.sha256)
}

/// The example of its page, which tests read.
pub(super) fn trust_root() -> Result<String> {
    let page = fs_err::read_to_string(root().join("docs/formats/trust-root.md"))?;
    let block = page.split("```json\n").nth(1);
    let block = block.and_then(|rest| rest.split("```").next());
    Ok(block
        .context("the page of the trust root has no example")?
        .to_owned())
}

/// A package of one entry more than is read.
pub(super) fn many_entries(path: &Path) -> Result<()> {
    let data_path = path.with_extension("data");
    let mut encoder = GzEncoder::new(
        BufWriter::new(File::create(&data_path)?),
        Compression::fast(),
    );
    for number in 0..1_000_001_u32 {
        encoder.write_all(&header(&format!("{number:07}"), 0))?;
    }
    encoder.write_all(&[0; 1024])?;
    encoder.finish()?.flush()?;
    let (digest, _) = Digest::of_reader(File::open(&data_path)?)?;
    finish(path, &data_path, "entries", digest)
}

fn finish(path: &Path, data: &Path, name: &str, datahash: Digest) -> Result<()> {
    let info = packages::info(name, "1-r0");
    packages::write(path, info, File::open(data)?, datahash)?;
    fs_err::remove_file(data)?;
    Ok(())
}

/// An index with a line of 1 GiB.
pub(super) fn long_line(path: &Path) -> Result<()> {
    let text = b"P:a\nV:1-r0\nD:";
    let mut encoder = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::fast());
    encoder.write_all(&header("APKINDEX", text.len() + (1 << 30)))?;
    encoder.write_all(text)?;
    let piece = vec![b'x'; MIB];
    for _ in 0..1024 {
        encoder.write_all(&piece)?;
    }
    encoder.finish()?.flush()?;
    Ok(())
}

/// An index of a million packages, each of which needs the one before.
pub(super) fn many_packages(path: &Path) -> Result<()> {
    let mut text = String::new();
    for number in 0..1_000_000_u32 {
        let needs = if number % 10 == 0 { number } else { number - 1 };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:p{number}\nV:1.2.3-r{}\nA:x86_64\nS:1\nI:1\nT:text\nU:https://example.org\nL:MIT\no:p{number}\nD:p{needs} so:libc.so.6\np:cmd:p{number}=1.2.3-r0\n\n",
            number % 7
        );
    }
    text += "P:libc\nV:1-r0\nA:x86_64\np:so:libc.so.6=6\n\n";
    let mut encoder = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::fast());
    encoder.write_all(&header("APKINDEX", text.len()))?;
    encoder.write_all(text.as_bytes())?;
    encoder.write_all(&vec![
        0;
        text.len().next_multiple_of(512) - text.len() + 1024
    ])?;
    encoder.finish()?.flush()?;
    Ok(())
}

/// The header of a regular file (POSIX.1-2017 `pax`, "ustar Interchange Format").
fn header(name: &str, size: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
