//! `bessemer publish`: the gate.

mod admit;
mod older;

use super::verify::{proofs_path, sidecar_path};
use crate::folders::NewFolders;
use crate::places::Places;
use crate::services::{Inherited, Services};
use crate::signing::signed_index;
use crate::{index_file, print};
use admit::{Admitted, Ground, admit};
use anyhow::{Context, Result, bail};
use bessemer_apk::{Index, Keyring, Limits, read_index, write_index};
use bessemer_attest::{Role, Sidecar, TrustRoot};
use bessemer_build::RunDirectory;
use bessemer_digest::Digest;
use bessemer_package::Scratch;
use bessemer_repository::INDEX;
use bessemer_signer::{Client, Repository};
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
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
    /// Admit a kernel or an agent: guests of whoever builds from the repository will boot it
    #[arg(long)]
    allow_boot: bool,
    /// Where consumers will fetch the repository [default: its path]
    #[arg(long)]
    resource_uri: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Verifies all packages first, then writes them, then the index.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let services = Services::open(inherited)?;
    let run = RunDirectory::create(&Places::of(false)?.cache)?;
    let scratch = Scratch::new(run.path());
    let mut client = services.signer()?;
    let root = client.trust_root()?;
    let apk_key = client.describe()?.apk_key;
    let keyring = keyring(&root, &apk_key)?;
    let repository = NewFolders::make(&arguments.repository)?;
    bessemer_package::remove_partial(&arguments.repository)?;
    let ground = Ground {
        root: &root,
        scratch: &scratch,
    };
    let mut admitted = Vec::new();
    let mut refused = Vec::new();
    for package in &arguments.packages {
        match admit(package, arguments, &ground, &mut client) {
            Ok(package) => admitted.push(package),
            Err(error) => refused.push(error),
        }
    }
    if !refused.is_empty() {
        refused.iter().for_each(print::failure);
        print::note("nothing was published");
        if arguments.json {
            let refused: Vec<_> = refused.iter().map(print::failure_json).collect();
            print::json(&json!({"admitted": 0, "refused": refused}))?;
        }
        return Ok(ExitCode::FAILURE);
    }
    let mut folders: BTreeMap<String, Vec<Admitted>> = BTreeMap::new();
    for package in admitted {
        folders
            .entry(package.entry.arch.clone())
            .or_default()
            .push(package);
    }
    let mut published = Vec::new();
    for (architecture, packages) in folders {
        let directory = arguments.repository.join(&architecture);
        let made = NewFolders::make(&directory)?;
        published.extend(enter(
            &directory,
            packages,
            &keyring,
            &scratch,
            &mut client,
        )?);
        made.keep();
    }
    repository.keep();
    if arguments.json {
        print::json(&json!({
            "admitted": published.len(),
            "repository": arguments.repository,
            "packages": published,
        }))?;
    } else {
        shown(&published, &arguments.repository)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A package that is in the repository now.
#[derive(Debug, Serialize)]
struct Published {
    file: String,
    sha256: Digest,
    /// Whether it was there before, with the same bytes.
    known: bool,
}

fn shown(published: &[Published], repository: &Path) -> Result<()> {
    for package in published {
        let word = if package.known { "again" } else { "new" };
        print::line(format_args!("{}  {}  {word}", package.sha256, package.file))?;
    }
    print::line(format_args!(
        "{} admitted to {}",
        print::count(published.len(), "package"),
        repository.display()
    ))
}

/// Writes packages and attestations, then replaces the index: a reader of the repository sees the
/// old index or the new one, and every file that either names.
fn enter(
    directory: &Path,
    packages: Vec<Admitted>,
    keyring: &Keyring,
    scratch: &Scratch,
    client: &mut Client,
) -> Result<Vec<Published>> {
    let lock = File::create(directory.join(".lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("another publisher works on {}", directory.display()))?;
    bessemer_package::remove_partial(directory)?;
    let index_path = directory.join(INDEX);
    let mut index = present_index(&index_path, keyring)?;
    let mut published = Vec::new();
    let mut entries = Vec::new();
    for package in packages {
        let target = directory.join(&package.file);
        let known = is_published(&target, package.sha256)?;
        if known {
            older::keep(&target, &package.sidecar, scratch)?;
        }
        attest(&target, &package.sidecar, scratch)?;
        if !known {
            package.copy.as_file().sync_all()?;
            package
                .copy
                .persist(&target)
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
        entries.push(package.entry);
        published.push(Published {
            file: package.file,
            sha256: package.sha256,
            known,
        });
    }
    index.extend(entries);
    index
        .entries
        .sort_by(|one, two| (&one.name, &one.version).cmp(&(&two.name, &two.version)));
    let signed = signed_index(client, Repository::Packages, &write_index(&index)?)?;
    scratch.write_whole(&index_path, &signed)?;
    Ok(published)
}

/// Writes attestations and proofs. Both cannot be replaced at once, so the proofs of what was there
/// before stay until the new envelopes are in place.
fn attest(target: &Path, sidecar: &Sidecar, scratch: &Scratch) -> Result<()> {
    let (path, new) = (proofs_path(target), sidecar.proofs_to_bytes());
    let old = match fs_err::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        old => old?,
    };
    scratch.write_whole(&path, &[&new[..], &old].concat())?;
    scratch.write_whole(&sidecar_path(target), &sidecar.to_bytes()?)?;
    scratch
        .write_whole(&path, &new)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The index as this factory left it. Whoever can write to the folder, but has no key, must not have
/// entries of their own signed along.
pub(crate) fn present_index(path: &Path, keyring: &Keyring) -> Result<Index> {
    let Some(bytes) = index_file::read_if_present(path)? else {
        return Ok(Index::default());
    };
    let archive = read_index(&bytes, Limits::default())
        .with_context(|| format!("{} is no index", path.display()))?;
    keyring
        .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
        .with_context(|| format!("{} is not as this factory left it", path.display()))?;
    Ok(archive.index)
}

/// The key that signs published indexes.
pub(crate) fn keyring(root: &TrustRoot, name: &str) -> Result<Keyring> {
    let mut keyring = Keyring::new();
    for key in root.keys.iter().filter(|key| key.role == Role::Apk) {
        keyring.add(name, &key.public_key_pem)?;
    }
    Ok(keyring)
}

/// A published version is final: consumers have its digest. Says whether it is there already.
fn is_published(target: &Path, sha256: Digest) -> Result<bool> {
    let file = match fs_err::File::open(target) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if Digest::of_reader(file)?.0 != sha256 {
        bail!(
            "{} is published with other bytes; raise the recipe's epoch",
            target.display()
        );
    }
    Ok(true)
}
