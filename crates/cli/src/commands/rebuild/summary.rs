//! The signed summary (VSA) that a package was built again with the same bytes.

use super::Arguments;
use super::contents::Contents;
use super::reading::Original;
use crate::commands::verify::{Beside, beside_reproduced};
use crate::print;
use crate::services::Services;
use crate::signing::write_whole;
use anyhow::{Context, Result};
use bessemer_attest::verify::{Origin, VerifyPolicy, verify};
use bessemer_signer::{ClientError, RebuiltPackage};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a summary was written: one envelope, and the proof that the signer logged it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) envelope: PathBuf,
    proof: PathBuf,
}

impl Written {
    pub(super) fn to_json(&self) -> Value {
        json!({"attestation": self.envelope, "proof": self.proof})
    }
}

/// Takes away what an earlier rebuild left beside the package: it speaks of other files.
pub(super) fn clear(rebuilt: &Path) -> Result<()> {
    let beside = beside_reproduced(rebuilt);
    for path in [beside.attestations, beside.proofs] {
        match fs_err::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

/// Has the signer compare both packages and sign that, and writes it down. Nothing where it refuses:
/// that is said, and the comparison stands as it is.
pub(super) fn sign(
    arguments: &Arguments,
    services: &Services,
    original: &Original,
    path: &Path,
    rebuilt: &Contents,
) -> Result<Option<Written>> {
    let mut client = services.signer()?;
    let beside = arguments.beside.clone();
    let beside = beside.unwrap_or_else(|| Beside::of(&original.path));
    let own = client.trust_root()?;
    let made = Beside::of(path).read()?;
    let report = verify(&rebuilt.facts, &made, &own, &VerifyPolicy::default())
        .context("what was built again is not attested")?;
    let Origin::Built(run) = &report.origin else {
        return Ok(None);
    };
    let (before, after) = (&original.contents, rebuilt);
    let asked = RebuiltPackage {
        file: &before.facts.file,
        original: &crate::package_file::open(&original.path)?,
        attestations: &beside.read()?,
        rebuilt: &crate::package_file::open(path)?,
        invocation_id: &run.invocation_id,
        signature_sizes: (before.signature_size, after.signature_size),
        control_size: before.control.bytes.len() as u64,
    };
    let summary = match client.sign_rebuild(&asked) {
        Ok(summary) => summary,
        Err(ClientError::Refused(reasons)) => {
            let file = &original.file;
            print::note(&format!(
                "{file}: no summary is signed that it was reproduced: {}",
                reasons.join(": ")
            ));
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let target = match &arguments.summaries {
        Some(folder) => folder.join(&before.facts.file),
        None => path.to_path_buf(),
    };
    let target = beside_reproduced(&target);
    write_whole(&target.attestations, &summary.to_bytes()?)?;
    write_whole(&target.proofs, &summary.proofs_to_bytes())?;
    Ok(Some(Written {
        envelope: target.attestations,
        proof: target.proofs,
    }))
}
