//! `--write-vsa`: summaries as programs take them that know nothing of sidecars.

use crate::folders::NewFolders;
use crate::print;
use crate::signing::write_whole;
use anyhow::Result;
use bessemer_attest::{Role, Sidecar, TrustRoot};
use std::path::{Path, PathBuf};

/// Digits of a key's id in its file's name.
const SHORT: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct SummaryArguments {
    /// Write each verification summary (VSA) among a package's statements to a file of its own in this
    /// folder, and the key beside it: what `slsa-verifier verify-vsa` takes. With --complete also that of the rebuild
    #[arg(long, value_name = "DIR")]
    write_vsa: Option<PathBuf>,
}

impl SummaryArguments {
    /// The folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.write_vsa.as_deref()
    }

    /// Writes the summaries among statements that were verified.
    pub(super) fn write(&self, file: &str, sidecar: &Sidecar, root: &TrustRoot) -> Result<()> {
        let Some(folder) = &self.write_vsa else {
            return Ok(());
        };
        let folders = NewFolders::make(folder)?;
        let keys = root.statement_keys()?;
        let mut rebuilds = 0;
        for envelope in sidecar.envelopes() {
            let mut signers = keys.iter();
            let Some((_, key)) = signers.find(|(public, _)| envelope.open(public).is_ok()) else {
                continue;
            };
            let role = key.role.as_str();
            let name = match key.role {
                Role::Gate => format!("{file}.{role}.vsa.json"),
                Role::Rebuild => {
                    rebuilds += 1;
                    format!("{file}.{role}-{rebuilds}.vsa.json")
                }
                _ => continue,
            };
            let path = folder.join(name);
            write_whole(&path, &[&envelope.to_line()?[..], b"\n"].concat())?;
            let id = key.id.get(..SHORT).unwrap_or(&key.id);
            let public = folder.join(format!("{role}-{id}.pub"));
            write_whole(&public, key.public_key_pem.as_bytes())?;
            print::note(&format!(
                "wrote {}, signed by the key in {}",
                print::plain_line(&path.display().to_string()),
                print::plain_line(&public.display().to_string())
            ));
        }
        folders.keep();
        Ok(())
    }
}
