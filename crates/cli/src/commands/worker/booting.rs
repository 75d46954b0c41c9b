//! What the job's guests boot: measured, and vouched for by the gate before the first of them starts.

use crate::print;
use crate::programs::companion;
use crate::signing::write_whole;
use anyhow::{Context, Result};
use bessemer_attest::documents::{LockedPackage, canonical_bytes};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_build::boot::{self, Agent};
use bessemer_build::job::Job;
use bessemer_repository::PackageFile;
use bessemer_signer::{BootPackage, Client, memory_file};
use bessemer_store::Store;
use bessemer_vm::Bundle;
use std::fs::File;
use std::path::Path;

/// Who is asked, and about which job.
pub(super) struct Gate<'a> {
    pub(super) client: &'a mut Client,
    pub(super) invocation: &'a str,
    pub(super) root: &'a TrustRoot,
}

/// A package with what boots, and what lies beside it.
struct Vouched {
    file: File,
    attestations: Sidecar,
}

impl Vouched {
    fn find(package: &PackageFile, store: &Store) -> Result<Self> {
        let attestations = package.attestations(store)?;
        Ok(Self {
            attestations: attestations.context("no attestation lies beside its package")?,
            file: fs_err::File::open(&package.path)?.into_file(),
        })
    }

    fn handed(&self) -> BootPackage<'_> {
        BootPackage {
            file: &self.file,
            attestations: &self.attestations,
        }
    }
}

/// Has the gate verify what will boot. A machine that nobody provisioned goes on without that; a
/// provisioned one boots nothing that nobody vouches for.
pub(super) fn vouched(job: &Job, store: &Store, mut gate: Gate<'_>) -> Result<Option<Sidecar>> {
    let boot = &job.lock.boot;
    let kernel = stored(boot.package.as_ref(), store).filter(|_| !job.spec.interactive);
    let Some(kernel) = kernel else {
        return Ok(None);
    };
    let lock = memory_file(&canonical_bytes(&job.lock)?)?;
    let Some(kernel) = gate.allows("kernel", Vouched::find(&kernel, store))? else {
        return Ok(None);
    };
    if let Some(agent) = stored(boot.agent_package.as_ref(), store) {
        let asked =
            Vouched::find(&agent, store).and_then(|agent| gate.ask(&lock, &kernel, Some(&agent)));
        if let Some(summary) = gate.allows("agent", asked)? {
            return Ok(Some(summary));
        }
    } else if !gate.root.is_local() {
        let hint = "name a repository that offers `bessemer-agent` (docs/release.md makes one), and let its builder's word count: bessemer keys trust TRUST-ROOT";
        let error = anyhow::anyhow!("it is a program of this host, without provenance");
        let error = error.context(print::Hint(hint.to_owned()));
        return Err(error.context("the agent of the guests is not verified"));
    }
    let asked = gate.ask(&lock, &kernel, None);
    gate.allows("kernel", asked)
}

impl Gate<'_> {
    fn ask(&mut self, lock: &File, kernel: &Vouched, agent: Option<&Vouched>) -> Result<Sidecar> {
        let agent = agent.map(Vouched::handed);
        let (kernel, agent) = (kernel.handed(), agent.as_ref());
        let invocation = self.invocation;
        Ok(self
            .client
            .sign_environment(invocation, lock, &kernel, agent)?)
    }

    /// Nothing, with a note, where a local machine may do without.
    fn allows<T>(&self, what: &str, answer: Result<T>) -> Result<Option<T>> {
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(error) if self.root.is_local() => {
                let error = print::plain_line(&format!("{error:#}"));
                print::note(&format!(
                    "nobody vouches for the {what} of the guests: {error}"
                ));
                Ok(None)
            }
            Err(error) => Err(error.context(format!("the {what} of the guests is not verified"))),
        }
    }
}

/// Puts the gate's summary beside the packages' log, and into the store, where provenance names it.
pub(super) fn keep(summary: &Sidecar, job: &Job, store: &Store, out: &Path) -> Result<()> {
    let package = &job.plan.package;
    let name = format!("{}-{}.environment", package.name, package.full_version());
    let envelopes = summary.to_bytes()?;
    for envelope in summary.envelopes() {
        let line = envelope.to_line()?;
        store.insert(line.as_slice(), line.len() as u64)?;
    }
    write_whole(&out.join(format!("{name}.intoto.jsonl")), &envelopes)?;
    let proofs = out.join(format!("{name}.tlog-proof"));
    write_whole(&proofs, &summary.proofs_to_bytes())
}

/// Kernel and agent of a machine; the agent alone where the lock names no kernel.
pub(super) fn bundle(job: &Job, store: &Store) -> Result<Bundle> {
    let kernel = stored(job.lock.boot.package.as_ref(), store);
    let packaged = stored(job.lock.boot.agent_package.as_ref(), store);
    if let Some(packaged) = &packaged {
        return Ok(boot::bundle(kernel.as_ref(), Agent::Package(packaged))?);
    }
    let program = companion("bessemer-agent")?;
    Ok(boot::bundle(kernel.as_ref(), Agent::Program(&program))?)
}

fn stored(locked: Option<&LockedPackage>, store: &Store) -> Option<PackageFile> {
    let locked = locked?.clone();
    let path = store.object_path(&locked.sha256);
    Some(PackageFile { path, locked })
}
