//! `bessemer index`.

use super::sign::signed_index;
use crate::melange_flags::PlainFlags;
use crate::signing::write_whole;
use crate::{index_file, package_file, print, signing_key};
use anyhow::{Context, Result};
use bessemer_apk::package::Reader;
use bessemer_apk::{Index, IndexEntry, Limits, read_index, write_index};
use bessemer_digest::Digest;
use serde_json::json;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer index -o packages/x86_64/APKINDEX.tar.gz packages/x86_64/*.apk"
)]
pub(crate) struct Arguments {
    /// The packages
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// Where the index goes
    #[arg(short, long, default_value = "APKINDEX.tar.gz")]
    output: PathBuf,
    /// The index to extend, with `--merge`
    #[arg(short, long, default_value = "APKINDEX.tar.gz")]
    source: PathBuf,
    /// Leave out packages for other architectures
    #[arg(short, long)]
    arch: Option<String>,
    /// Extend the index at `--source` instead of starting a new one
    #[arg(short, long)]
    merge: bool,
    /// Sign the index with this private key
    #[arg(long)]
    signing_key: Option<PathBuf>,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Writes an index of the packages.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut index = Index::default();
    if arguments.merge {
        let source = arguments.source.display();
        match index_file::read_if_present(&arguments.source)? {
            Some(bytes) => {
                index = read_index(&bytes, Limits::default())
                    .with_context(|| format!("{source} is no index"))?
                    .index;
            }
            None => print::note(&format!(
                "there is no {source} to extend; a new index begins"
            )),
        }
    }
    let mut entries = Vec::new();
    for package in &arguments.packages {
        let entry = entry(package)?;
        match &arguments.arch {
            Some(arch) if *arch != entry.arch => {
                print::warning(&format!(
                    "{} is for {}, left out",
                    package.display(),
                    entry.arch
                ));
            }
            _ => entries.push(entry),
        }
    }
    index.extend(entries);
    let mut bytes = write_index(&index)?;
    if let Some(key) = &arguments.signing_key {
        let sign = |message: &[u8], mtime| signing_key::signature(key, message, mtime);
        bytes = signed_index(&bytes, true, &sign)?.unwrap_or(bytes);
    }
    write_whole(&arguments.output, &bytes)?;
    if arguments.json {
        print::json(&json!({
            "path": arguments.output,
            "packages": index.entries.len(),
            "signed": arguments.signing_key.is_some(),
            "sha256": Digest::of(&bytes),
        }))?;
    } else {
        let count = index.entries.len();
        let path = arguments.output.display();
        print::line(format_args!("{} in {path}", print::count(count, "package")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What an index says of a package file.
pub(crate) fn entry(package: &Path) -> Result<IndexEntry> {
    let file = package_file::open(package)?;
    let size = file.metadata()?.len();
    let reader = Reader::open(BufReader::new(file), Limits::default())
        .with_context(|| format!("{} is no package", package.display()))?;
    Ok(IndexEntry::from_package(&reader.header().control, size))
}
