//! Statements and signatures of images.
//!
//! The documents of the images and of their bases are measured here, and every package and base is verified
//! by what lies beside it.
//! That a package has the digest that the record gives it, and that layers hold what the packages hold,
//! is the control side's word: image assembly runs there.

use super::image_base;
use super::image_packages::{Beside, Packages};
use super::{
    About, DOCUMENT_LIMIT, Refusal, Sealed, count, document, lock, new_invocation_id, now, object,
    same, seal,
};
use crate::handed::Handed;
use crate::log::Event;
use crate::protocol::{ImageSignature, ImageStatements, LoggedEnvelope, Reply};
use crate::state::State;
use bessemer_attest::Role;
use bessemer_attest::derive::{
    ImageDerivation, ImageEvidence, ImageFiles, image_signature_payload,
};
use bessemer_attest::documents::{ImageRecord, parse};
use bessemer_attest::predicates::ImagePolicy;
use bessemer_digest::Digest;
use serde_json::value::RawValue;
use std::fs::File;

/// Manifest, configuration and SPDX document.
pub(super) const PLATFORM_FILES: usize = 3;

/// Most bytes of all SBOMs together: they are held at once.
const SBOMS_LIMIT: u64 = 256 << 20;

/// What is asked for.
pub(super) struct Asked {
    /// What the images are called: registry and repository.
    pub(super) names: Vec<String>,
    pub(super) policy: ImagePolicy,
    /// Bytes of envelopes and of proofs, for each package in the record's order.
    pub(super) beside: Vec<(u64, u64)>,
}

/// What is handed over.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub(super) record: &'a File,
    pub(super) index: &'a File,
    pub(super) index_sbom: &'a File,
    /// For each image manifest, configuration and SPDX document.
    pub(super) platforms: &'a [File],
    /// For each base the index that lists it, manifest, configuration, envelopes and proofs.
    pub(super) bases: &'a [File],
    /// What lies beside the packages: envelopes, then proofs, each one after the other.
    pub(super) beside: Beside<'a>,
}

/// The documents of so many images, and those of bases behind them.
pub(super) fn split(documents: &[File], images: usize) -> (&[File], &[File]) {
    let of_images = images.saturating_mul(PLATFORM_FILES);
    documents.split_at(of_images.min(documents.len()))
}

/// Derives and signs everything, and logs it. Two requests about the same images are two runs.
pub(super) fn images(state: &State, asked: &Asked, handed: Images<'_>) -> Result<Reply, Refusal> {
    let record: ImageRecord = parse(&document("the image record", handed.record)?)?;
    if record.started_on > record.finished_on || record.finished_on > now()? {
        let (from, until) = (record.started_on, record.finished_on);
        return Err(Refusal::Times { from, until });
    }
    let files = files(&record, handed)?;
    let sboms = sboms(&record, handed)?;
    let packages = Packages::new(state)?;
    let verdicts = packages.judge(&record, &asked.beside, handed.beside)?;
    let bases = packages.judge_bases(&record, handed.bases)?;
    let invocation_id = new_invocation_id()?;
    let evidence = ImageEvidence {
        record: &record,
        files: &files,
        names: &asked.names,
        policy: &asked.policy,
        verdicts: &verdicts,
        bases: &bases,
        trust_roots: &packages.trust_roots(),
        invocation_id: &invocation_id,
    };
    let derivation = ImageDerivation::new(&state.issuer, evidence)?;
    let mut log = lock(state)?;
    let signed = Signed::of(state, &derivation, evidence, &sboms)?;
    let first = log.append(&now()?, signed.events())?;
    let entries = signed.envelopes.len() + signed.signatures.len();
    let size = first + entries as u64;
    let mut indexes = first..;
    let proof = |index| Ok::<_, Refusal>(log.prove(index, size)?.to_text());
    let mut statements = Vec::new();
    for (sealed, index) in signed.envelopes.into_iter().zip(&mut indexes) {
        statements.push(LoggedEnvelope {
            envelope: sealed.envelope,
            proof: proof(index)?,
        });
    }
    let mut signatures = Vec::new();
    for ((mut signature, _), index) in signed.signatures.into_iter().zip(indexes) {
        signature.proof = proof(index)?;
        signatures.push(signature);
    }
    Ok(Reply::Images(ImageStatements {
        statements,
        signatures,
    }))
}

/// What was signed and is not logged yet.
struct Signed {
    /// Provenance, then the SBOM of the index and of every image.
    envelopes: Vec<Sealed>,
    /// For each name, of the index and of every image.
    signatures: Vec<(ImageSignature, Event)>,
}

impl Signed {
    fn of(
        state: &State,
        derivation: &ImageDerivation<'_>,
        evidence: ImageEvidence<'_>,
        sboms: &[Box<RawValue>],
    ) -> Result<Self, Refusal> {
        let about = |subject| About {
            subject,
            invocation_id: Some(evidence.invocation_id),
        };
        let provenance = derivation.provenance()?;
        let mut envelopes = vec![seal(state, Role::Image, &provenance, about(None))?];
        let digests = derivation.digests();
        for (number, (document, digest)) in sboms.iter().zip(&digests).enumerate() {
            let statement = derivation.sbom(number, document)?;
            envelopes.push(seal(state, Role::Sbom, &statement, about(Some(*digest)))?);
        }
        let mut signatures = Vec::new();
        for name in evidence.names {
            for digest in &digests {
                signatures.push(signature(state, name, digest)?);
            }
        }
        Ok(Self {
            envelopes,
            signatures,
        })
    }

    fn events(&self) -> Vec<Event> {
        let of_envelopes = self.envelopes.iter().map(|sealed| &sealed.event);
        let of_signatures = self.signatures.iter().map(|(_, event)| event);
        of_envelopes.chain(of_signatures).cloned().collect()
    }
}

/// Signs one manifest under one name, as cosign does.
fn signature(
    state: &State,
    name: &str,
    manifest: &Digest,
) -> Result<(ImageSignature, Event), Refusal> {
    let role = Role::Image;
    let key = state.key(role).ok_or(Refusal::NoKey(role.as_str()))?;
    let payload = image_signature_payload(name, manifest);
    let signature = key.keeper.sign(&payload)?;
    let event = Event::ImageSigned {
        key: key.id.clone(),
        manifest: *manifest,
        name: name.to_owned(),
        signature: Digest::of(&signature),
    };
    let signature = ImageSignature {
        manifest: *manifest,
        name: name.to_owned(),
        signature: hex::encode(signature),
        proof: String::new(),
    };
    Ok((signature, event))
}

/// Index, manifests and configurations, whose digests the derivation compares with the record's.
fn files(record: &ImageRecord, handed: Images<'_>) -> Result<ImageFiles, Refusal> {
    let expected = record.platforms.len() * PLATFORM_FILES;
    count("files of images", expected, handed.platforms.len())?;
    let mut platforms = Vec::new();
    for files in handed.platforms.chunks_exact(PLATFORM_FILES) {
        let manifest = document("a manifest", &files[0])?;
        platforms.push((manifest, document("a configuration", &files[1])?));
    }
    Ok(ImageFiles {
        index: document("the index", handed.index)?,
        platforms,
        bases: image_base::files(record, handed.bases)?,
    })
}

/// The SPDX documents of the index and of every image, measured; they become parts of statements as
/// they are.
fn sboms(record: &ImageRecord, handed: Images<'_>) -> Result<Vec<Box<RawValue>>, Refusal> {
    let of_images = handed.platforms.chunks_exact(PLATFORM_FILES);
    let of_images = of_images.zip(&record.platforms);
    let of_images =
        of_images.map(|(files, platform)| (&files[2], platform.sbom, &*platform.architecture));
    let all = std::iter::once((handed.index_sbom, record.index_sbom, "index")).chain(of_images);
    let mut documents = Vec::new();
    let mut left = SBOMS_LIMIT;
    for (file, expected, of) in all {
        let bytes = Handed::new("an SBOM", file, left.min(DOCUMENT_LIMIT))?.bytes()?;
        left -= bytes.len() as u64;
        same(
            &format!("the SBOM of `{of}`"),
            &expected,
            &Digest::of(&bytes),
        )?;
        documents.push(object(&bytes).ok_or_else(|| Refusal::Sbom(of.to_owned()))?);
    }
    Ok(documents)
}
