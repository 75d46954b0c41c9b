//! Talking to the signer: what the stages ask it for.

use crate::commands::verify::{proofs_path, sidecar_path};
use anyhow::{Context, Result};
use bessemer_apk::signature_member;
use bessemer_attest::documents::{Component, canonical_bytes};
use bessemer_build::job::Job;
use bessemer_build::worker::{Done, SignControl, SignControlError};
use bessemer_digest::Digest;
use bessemer_signer::{Client, FinishedRun, Repository, memory_file};
use std::fs::File;
use std::path::Path;

/// Has control members of a registered job signed.
#[derive(Debug)]
pub(crate) struct JobSigner<'a> {
    client: &'a mut Client,
    invocation: String,
    interactive: bool,
}

impl<'a> JobSigner<'a> {
    /// `interactive`: a person can enter the build, so the signer would refuse.
    pub(crate) fn new(client: &'a mut Client, invocation: &str, interactive: bool) -> Self {
        Self {
            client,
            invocation: invocation.to_owned(),
            interactive,
        }
    }
}

impl SignControl for JobSigner<'_> {
    fn sign_control(
        &mut self,
        control: &[u8],
    ) -> Result<Option<(String, Vec<u8>)>, SignControlError> {
        if self.interactive {
            return Ok(None);
        }
        let file = memory_file(control).map_err(|error| SignControlError(error.into()))?;
        self.client
            .sign_control(&self.invocation, &file)
            .map(Some)
            .map_err(|error| SignControlError(error.into()))
    }
}

/// This program, or one beside it, as documents name it.
pub(crate) fn component(program: &Path) -> Result<Component> {
    let (sha256, _) = Digest::of_reader(fs_err::File::open(program)?)?;
    Ok(Component {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256,
    })
}

/// Hands record, locks, logs, guest inputs, SBOMs and packages to the signer, and writes what it derives beside
/// the packages.
pub(crate) fn finish(client: &mut Client, job: &Job, done: &Done, out: &Path) -> Result<()> {
    let record = memory_file(&canonical_bytes(&done.record)?)?;
    let mut locks = vec![memory_file(&canonical_bytes(&job.lock)?)?];
    for lock in &done.test_locks {
        locks.push(memory_file(lock)?);
    }
    let mut logs = vec![File::open(&done.log)?];
    for log in &done.test_logs {
        logs.push(File::open(log)?);
    }
    let mut networks = Vec::new();
    for network in &done.networks {
        networks.push(memory_file(network)?);
    }
    let mut sboms = Vec::new();
    let mut apks = Vec::new();
    let mut signature_sizes = Vec::new();
    for package in &done.packages {
        sboms.push(memory_file(&package.sbom)?);
        apks.push(File::open(&package.path)?);
        signature_sizes.push(package.signature_size);
    }
    let statements = client.finish(&FinishedRun {
        record: &record,
        locks: &locks.iter().collect::<Vec<_>>(),
        logs: &logs.iter().collect::<Vec<_>>(),
        networks: &networks.iter().collect::<Vec<_>>(),
        guest_inputs: &memory_file(&done.guest_inputs)?,
        sboms: &sboms.iter().collect::<Vec<_>>(),
        apks: &apks.iter().collect::<Vec<_>>(),
        signature_sizes: &signature_sizes,
    })?;
    for (file, sidecar) in statements {
        let package = out.join(&file);
        write_whole(&proofs_path(&package), &sidecar.proofs_to_bytes())?;
        write_whole(&sidecar_path(&package), &sidecar.to_bytes()?)?;
    }
    Ok(())
}

/// The signed form of an index: its signature member, then the index.
pub(crate) fn signed_index(
    client: &mut Client,
    repository: Repository,
    index: &[u8],
) -> Result<Vec<u8>> {
    let (key, signature) = client.sign_index(repository, &memory_file(index)?)?;
    let mut signed = signature_member(&format!(".SIGN.RSA256.{key}"), &signature, 0);
    signed.extend_from_slice(index);
    Ok(signed)
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    bessemer_package::write_whole(path, bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}
