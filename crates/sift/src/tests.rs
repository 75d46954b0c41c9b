//! Files with the certificate in them, packed in every way, and files without it.

mod forms;
mod java;
mod limits;
mod nested;

use crate::{Certificate, Form, Limits, Search, SearchError};
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Of the kind that proxies make.
const PEM: &str = include_str!("tests/certificate.pem");

fn own() -> Certificate {
    Certificate::of(PEM).unwrap()
}

/// What a search says of one file.
fn find_within(bytes: &[u8], limits: Limits) -> Result<Option<Vec<Form>>, SearchError> {
    let folder = tempfile::tempdir().unwrap();
    let own = own();
    Search::new(&own, limits, folder.path()).find(&mut Cursor::new(bytes))
}

fn find(bytes: &[u8]) -> Option<Vec<Form>> {
    find_within(bytes, Limits::default()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    through("xz", &["-0c"], bytes)
}

/// What a program of this machine makes of the bytes.
fn through(program: &str, words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    let command = command.args(words).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program}");
    output.stdout
}

fn tar(bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [("first", &b"text"[..]), ("own", bytes)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A zip archive by a program of its own, with the bytes deflated beside another member.
fn zip(bytes: &[u8]) -> Vec<u8> {
    const PROGRAM: &str = "import io, sys, zipfile
made = io.BytesIO()
with zipfile.ZipFile(made, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('META-INF/MANIFEST.MF', 'Manifest-Version: 1.0\\n')
    archive.writestr('own', sys.stdin.buffer.read())
sys.stdout.buffer.write(made.getvalue())
";
    through("python3", &["-c", PROGRAM], bytes)
}

fn in_folder(program: &str, words: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = said + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{program} {words:?}: {said}");
}
