//! Asking for statements and signatures of images.

use super::{Client, ClientError, memory_file, read};
use crate::protocol::{ImageStatements, Reply, Request};
use bessemer_attest::derive::image_signature_payload;
use bessemer_attest::predicates::ImagePolicy;
use bessemer_attest::{Envelope, Sidecar};
use bessemer_digest::Digest;
use bessemer_tlog::Proof;
use std::fs::File;
use std::io::Write as _;

/// Everything that is handed over about images. Bytes are handed as files in memory.
#[derive(Debug, Clone, Copy)]
pub struct ImagesToSign<'a> {
    /// What they are called: registry and repository.
    pub names: &'a [String],
    /// Which packages may be in them.
    pub policy: &'a ImagePolicy,
    /// The ImageRecord, in canonical JSON.
    pub record: &'a [u8],
    /// The index.
    pub index: &'a [u8],
    /// Its SPDX document.
    pub index_sbom: &'a [u8],
    /// The images, in the record's order.
    pub platforms: &'a [PlatformFiles<'a>],
    /// The bases of those that have one, in the record's order.
    pub bases: &'a [BaseFiles<'a>],
    /// What lies beside each package, in the record's order; `None` where nothing does.
    pub packages: &'a [Option<Sidecar>],
}

/// The documents of a base, and what attests it.
#[derive(Debug, Clone, Copy)]
pub struct BaseFiles<'a> {
    /// The index that lists it.
    pub index: &'a [u8],
    /// The manifest.
    pub manifest: &'a [u8],
    /// The configuration.
    pub config: &'a [u8],
    /// Its attestations; nothing in it where there are none.
    pub attestations: &'a Sidecar,
}

/// The documents of one image.
#[derive(Debug, Clone, Copy)]
pub struct PlatformFiles<'a> {
    /// The manifest.
    pub manifest: &'a [u8],
    /// The configuration.
    pub config: &'a [u8],
    /// The SPDX document.
    pub sbom: &'a [u8],
}

/// What was signed, each with the proof that the signer logged it.
#[derive(Debug, Clone)]
pub struct SignedImages {
    /// The provenance of the index and of every image in it.
    pub provenance: (Envelope, Proof),
    /// The SBOM of the index, then that of every image.
    pub sboms: Vec<(Envelope, Proof)>,
    /// For each name, of the index and of every image.
    pub signatures: Vec<SignedImage>,
}

/// A signature in cosign's form.
#[derive(Debug, Clone)]
pub struct SignedImage {
    /// Registry and repository that the image is meant for.
    pub name: String,
    /// What was signed.
    pub payload: Vec<u8>,
    /// ASN.1 DER.
    pub signature: Vec<u8>,
    /// That the signer logged it.
    pub proof: Proof,
}

impl Client {
    /// Has images signed and attested. The signer verifies every package itself, by its name, version
    /// and digest in the record and by what lies beside it, and every base by its digest.
    pub fn sign_images(&mut self, images: &ImagesToSign<'_>) -> Result<SignedImages, ClientError> {
        let (envelopes, proofs) = (memory_file(b"")?, memory_file(b"")?);
        let mut beside = Vec::new();
        for package in images.packages {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            if let Some(sidecar) = package {
                one = sidecar.to_bytes()?;
                other = sidecar.proofs_to_bytes();
            }
            (&envelopes).write_all(&one)?;
            (&proofs).write_all(&other)?;
            beside.push((one.len() as u64, other.len() as u64));
        }
        let request = Request::SignImages {
            names: images.names.to_vec(),
            policy: images.policy.clone(),
            platforms: images.platforms.len(),
            bases: images.bases.len(),
            beside,
        };
        let mut documents = vec![images.record, images.index, images.index_sbom];
        for platform in images.platforms {
            documents.extend([platform.manifest, platform.config, platform.sbom]);
        }
        let documents = documents.into_iter().map(memory_file);
        let mut documents: Vec<File> = documents.collect::<Result<_, _>>()?;
        for base in images.bases {
            for bytes in [base.index, base.manifest, base.config] {
                documents.push(memory_file(bytes)?);
            }
            documents.push(memory_file(&base.attestations.to_bytes()?)?);
            documents.push(memory_file(&base.attestations.proofs_to_bytes())?);
        }
        let files: Vec<&File> = documents.iter().chain([&envelopes, &proofs]).collect();
        match self.ask(&request, &files)? {
            Reply::Images(statements) => signed(statements),
            _ => Err(ClientError::Answer),
        }
    }
}

fn signed(reply: ImageStatements) -> Result<SignedImages, ClientError> {
    let mut statements = Vec::new();
    for logged in reply.statements {
        let proof = read(&logged.proof)?;
        statements.push((logged.envelope, proof));
    }
    if statements.is_empty() {
        return Err(ClientError::Answer);
    }
    let provenance = statements.remove(0);
    let mut signatures = Vec::new();
    for signature in reply.signatures {
        let manifest: Digest = signature.manifest;
        signatures.push(SignedImage {
            payload: image_signature_payload(&signature.name, &manifest),
            signature: hex::decode(&signature.signature)?,
            proof: read(&signature.proof)?,
            name: signature.name,
        });
    }
    Ok(SignedImages {
        provenance,
        sboms: statements,
        signatures,
    })
}
