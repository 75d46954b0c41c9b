//! Whether one package may enter: judged by a private copy, which is also what is published.

use super::Arguments;
use crate::commands::index::entry;
use crate::commands::verify::{facts, read_sidecar, taken_along};
use crate::package_file;
use crate::print::Hint;
use anyhow::{Context, Result, anyhow, bail};
use bessemer_apk::IndexEntry;
use bessemer_attest::derive::GatePolicy;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{Role, Sidecar, TrustRoot};
use bessemer_build::boot::boots_guests;
use bessemer_digest::Digest;
use bessemer_package::Scratch;
use bessemer_signer::Client;
use std::fs::File;
use std::path::Path;
use tempfile::NamedTempFile;

/// A package that was verified and may enter.
#[derive(Debug)]
pub(super) struct Admitted {
    /// What was judged, where a rename puts it into the repository; nobody else writes to it.
    pub(super) copy: NamedTempFile,
    pub(super) sha256: Digest,
    /// The name that the package gives itself, and its attestations give it.
    pub(super) file: String,
    pub(super) entry: IndexEntry,
    pub(super) sidecar: Sidecar,
}

/// What packages are judged with.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) root: &'a TrustRoot,
    pub(super) scratch: &'a Scratch,
}

/// Judges a package by its attestations, and has the gate's key sign the result.
pub(super) fn admit(
    package: &Path,
    arguments: &Arguments,
    ground: &Ground<'_>,
    client: &mut Client,
) -> Result<Admitted> {
    judge(package, arguments, ground, client)
        .with_context(|| format!("{} is not admitted", package.display()))
}

fn judge(
    package: &Path,
    arguments: &Arguments,
    ground: &Ground<'_>,
    client: &mut Client,
) -> Result<Admitted> {
    let root = ground.root;
    // Looked for first: without it, its attestations would be what is missed.
    drop(package_file::open(package)?);
    // An earlier gate's summary speaks of another repository.
    let mut sidecar = read_sidecar(package)?.without(Role::Gate, root)?;
    let copy = copied(package, &arguments.repository, ground.scratch)?;
    let entry = entry(copy.path())?;
    check(&entry, arguments.allow_boot)?;
    // The name that the package gives itself must be the one that was attested.
    let file = entry.file_name();
    let facts = ApkFacts {
        file: file.clone(),
        ..facts(copy.path())?
    };
    let policy = VerifyPolicy {
        require_tests: !arguments.allow_untested,
        accept_imports: false,
        ..VerifyPolicy::default()
    };
    let report = verify(&facts, &sidecar, root, &policy)?;
    sidecar = taken_along(package, &facts, &report, sidecar, root)?;
    let uri = match &arguments.resource_uri {
        Some(uri) => format!("{}/{}/{file}", uri.trim_end_matches('/'), entry.arch),
        None => format!("{}/{file}", entry.arch),
    };
    let gate = GatePolicy {
        min_level: 0,
        allow_untested: arguments.allow_untested,
        allow_boot: arguments.allow_boot,
    };
    let apk = File::open(copy.path())?;
    client.sign_summary(&file, &uri, &gate, &apk, &mut sidecar)?;
    verify(&facts, &sidecar, root, &policy).context("what would be published does not verify")?;
    Ok(Admitted {
        copy,
        sha256: facts.sha256,
        file,
        entry,
        sidecar,
    })
}

/// Copies the package to where nobody else writes; whatever happens to the original, this is what
/// is judged and published.
fn copied(package: &Path, repository: &Path, scratch: &Scratch) -> Result<NamedTempFile> {
    let mut copy = scratch
        .file(repository)
        .with_context(|| format!("cannot write to {}", repository.display()))?;
    std::io::copy(&mut package_file::open(package)?, &mut copy)?;
    Ok(copy)
}

/// What a package says of itself becomes paths and an index; and what boots guests is admitted by
/// name only.
fn check(entry: &IndexEntry, allow_boot: bool) -> Result<()> {
    let word = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !word(&entry.arch) {
        bail!("its architecture is no word");
    }
    if entry.file_name().contains('/') {
        bail!("its name is no file name");
    }
    if boots_guests(entry) && !allow_boot {
        let error = anyhow!("it is, or can stand for, what guests boot");
        let hint = "whoever builds from the repository would boot it: admit it with --allow-boot";
        return Err(error.context(Hint(hint.to_owned())));
    }
    Ok(())
}
