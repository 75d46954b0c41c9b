//! `bessemer publish`: the gate.

use super::index::entry;
use super::verify::{facts, read_sidecar, sidecar_path};
use crate::print;
use crate::services::{Inherited, Services};
use crate::signing::{signed_index, write_whole};
use anyhow::{Context, Result, bail};
use bessemer_apk::{Index, IndexEntry, Limits, read_index, write_index};
use bessemer_attest::derive::GatePolicy;
use bessemer_attest::verify::{VerifyPolicy, verify};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_build::repository::INDEX;
use bessemer_signer::{Client, Repository};
use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer publish packages/x86_64/bzip2-*.apk --repository /srv/repository"
)]
pub(crate) struct Arguments {
    /// The packages; each with its attestations beside it
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// The repository; this command is its only writer
    #[arg(long)]
    pub(crate) repository: PathBuf,
    /// Admit packages without proof that their tests passed; the summary says so
    #[arg(long)]
    allow_untested: bool,
    /// Where consumers will fetch the repository [default: its path]
    #[arg(long)]
    resource_uri: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A package that was verified and may enter.
#[derive(Debug)]
struct Admitted {
    from: PathBuf,
    file: String,
    entry: IndexEntry,
    sidecar: Sidecar,
}

/// Verifies all packages first, then writes them, then the index.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let services = Services::open(inherited)?;
    let mut client = services.signer()?;
    let root = client.trust_root()?;
    let mut admitted = Vec::new();
    for package in &arguments.packages {
        admitted.push(admit(package, arguments, &root, &mut client)?);
    }
    let mut folders: BTreeMap<String, Vec<Admitted>> = BTreeMap::new();
    for package in admitted {
        folders
            .entry(package.entry.arch.clone())
            .or_default()
            .push(package);
    }
    let mut count = 0;
    for (architecture, packages) in &folders {
        let directory = arguments.repository.join(architecture);
        fs_err::create_dir_all(&directory)?;
        enter(&directory, packages, &mut client)?;
        count += packages.len();
    }
    if arguments.json {
        print::json(&json!({"admitted": count, "repository": arguments.repository}))?;
    } else {
        print::line(format_args!(
            "{count} packages admitted to {}",
            arguments.repository.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn admit(
    package: &Path,
    arguments: &Arguments,
    root: &TrustRoot,
    client: &mut Client,
) -> Result<Admitted> {
    let refused = || format!("{} is not admitted", package.display());
    let path = sidecar_path(package);
    let sidecar = read_sidecar(&path).with_context(refused)?;
    let facts = facts(package).with_context(refused)?;
    let policy = VerifyPolicy {
        require_tests: !arguments.allow_untested,
        accept_imports: false,
        ..VerifyPolicy::default()
    };
    verify(&facts, &sidecar, root, &policy).with_context(refused)?;
    let entry = entry(package)?;
    let file = entry.file_name();
    let uri = match &arguments.resource_uri {
        Some(uri) => format!("{}/{}/{file}", uri.trim_end_matches('/'), entry.arch),
        None => format!("{}/{file}", entry.arch),
    };
    let gate = GatePolicy {
        min_level: 0,
        allow_untested: arguments.allow_untested,
    };
    let summary = client
        .sign_summary(
            &file,
            &uri,
            &gate,
            &File::open(package)?,
            &File::open(&path)?,
        )
        .with_context(refused)?;
    let mut envelopes = sidecar.envelopes().to_vec();
    envelopes.push(summary);
    Ok(Admitted {
        from: package.to_path_buf(),
        file,
        entry,
        sidecar: Sidecar::new(envelopes),
    })
}

/// Writes packages and attestations, then replaces the index: a reader of the repository sees the
/// old index or the new one, and every file that either names.
fn enter(directory: &Path, packages: &[Admitted], client: &mut Client) -> Result<()> {
    let lock = File::create(directory.join(".lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("another publisher works on {}", directory.display()))?;
    bessemer_package::remove_partial(directory)?;
    let index_path = directory.join(INDEX);
    let mut index = match fs_err::read(&index_path) {
        Ok(bytes) => read_index(&bytes, Limits::default())?.index,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Index::default(),
        Err(error) => return Err(error.into()),
    };
    for package in packages {
        let target = directory.join(&package.file);
        replace_only_by_the_same(&target, &package.from)?;
        write_whole(&sidecar_path(&target), &package.sidecar.to_bytes()?)?;
        write_whole(&target, &fs_err::read(&package.from)?)?;
        index.merge(package.entry.clone());
    }
    index
        .entries
        .sort_by(|one, two| (&one.name, &one.version).cmp(&(&two.name, &two.version)));
    let signed = signed_index(client, Repository::Packages, &write_index(&index)?)?;
    write_whole(&index_path, &signed)
}

/// A published version is final: consumers have its digest.
fn replace_only_by_the_same(target: &Path, from: &Path) -> Result<()> {
    match fs_err::read(target) {
        Ok(old) if old != fs_err::read(from)? => bail!(
            "{} is published with other bytes; raise the recipe's epoch",
            target.display()
        ),
        _ => Ok(()),
    }
}
