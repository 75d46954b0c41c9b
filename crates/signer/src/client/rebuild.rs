//! Asking for the summary of a package that was built again.

use super::{Client, ClientError, memory_file};
use crate::protocol::Request;
use bessemer_attest::Sidecar;
use std::fs::File;

/// A package and the same one from a second run. Files are read from their start.
#[derive(Debug, Clone, Copy)]
pub struct RebuiltPackage<'a> {
    /// File name of both.
    pub file: &'a str,
    /// The package that was there.
    pub original: &'a File,
    /// What lies beside it.
    pub attestations: &'a Sidecar,
    /// The one that the second run made.
    pub rebuilt: &'a File,
    /// That run.
    pub invocation_id: &'a str,
    /// Bytes of the signature member at the start of the original and of the second.
    pub signature_sizes: (u64, u64),
    /// Bytes of the control member behind it, in both.
    pub control_size: u64,
}

impl Client {
    /// Has the signer compare both packages: its summary, in a sidecar of its own.
    pub fn sign_rebuild(&mut self, package: &RebuiltPackage<'_>) -> Result<Sidecar, ClientError> {
        let request = Request::SignRebuild {
            file: package.file.to_owned(),
            invocation_id: package.invocation_id.to_owned(),
            signature_sizes: package.signature_sizes,
            control_size: package.control_size,
        };
        let envelopes = memory_file(&package.attestations.to_bytes()?)?;
        let proofs = memory_file(&package.attestations.proofs_to_bytes())?;
        let files = [package.original, &envelopes, &proofs, package.rebuilt];
        let mut summary = Sidecar::default();
        self.envelope(&request, &files, &mut summary)?;
        Ok(summary)
    }
}
