//! Pushing images with what was signed about them.

use super::behind::{Behind, KEPT};
use crate::commands::image::assembly::Assembly;
use crate::commands::image::registries::Registries;
use crate::print::Hint;
use anyhow::{Context as _, Result};
use bessemer_attest::Envelope;
use bessemer_digest::Digest;
use bessemer_image::oci::write_layout;
use bessemer_registry::{Access, Attestation, Layout, Reference, Registry, Signature, Tag};
use bessemer_signer::SignedImages;
use bessemer_tlog::Proof;
use serde::Serialize;
use serde_json::json;

/// A repository, and the tags that the index gets there.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) reference: &'a Reference,
    /// Registry and repository.
    pub(super) name: String,
    pub(super) tags: Vec<Tag>,
}

/// What a repository has now.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    pub(super) name: String,
    /// Of the index.
    pub(super) digest: Digest,
    tags: Vec<String>,
    /// Of the images.
    images: Vec<Digest>,
    /// How many statements there are, over all manifests.
    attestations: usize,
    signatures: usize,
}

impl Sent {
    /// Every manifest by digest, a line each; the index last.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let all = self.images.iter().chain([&self.digest]);
        all.map(|digest| format!("{}@{digest}\n", self.name))
    }
}

/// Pushes to one repository after the other, whose turns the caller has. A tag is given when everything
/// is there.
pub(super) fn all(
    assembly: &Assembly,
    signed: &SignedImages,
    behind: Option<&Behind>,
    targets: &[Target<'_>],
    registries: &Registries,
) -> Result<Vec<Sent>> {
    let layout = layout(assembly)?;
    let mut sent = Vec::new();
    for target in targets {
        let one = push(assembly, (signed, behind), target, &layout, registries);
        sent.push(one.with_context(|| format!("{} was not published", target.reference))?);
    }
    Ok(sent)
}

/// The images in a layout that names their index.
fn layout(assembly: &Assembly) -> Result<Layout> {
    let folder = assembly.scratch.path().join("layout");
    fs_err::create_dir(&folder)?;
    let images = &assembly.built.images;
    write_layout(images, &folder)?;
    // What was written is, as apko's, the index itself; what is pushed is what a layout names.
    let index = &images.index;
    let place = folder.join("blobs/sha256").join(index.digest.hex());
    fs_err::write(place, &index.bytes)?;
    let named = json!({
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": index.digest,
        "size": index.bytes.len(),
    });
    let top = json!({ "schemaVersion": 2, "manifests": [named] });
    fs_err::write(folder.join("index.json"), top.to_string())?;
    Ok(Layout::open(&folder)?)
}

fn push(
    assembly: &Assembly,
    (signed, behind): (&SignedImages, Option<&Behind>),
    target: &Target<'_>,
    layout: &Layout,
    registries: &Registries,
) -> Result<Sent> {
    let registry = registries.connect(target.reference, Access::Push, &[])?;
    let pushed = registry.push_layout(layout)?;
    let attested = attach(assembly, signed, target, &registry);
    let (attestations, signatures) = attested
        .context("the images are there without all of their attestations, and so no tag")?;
    if let Some(bundle) = behind.and_then(|behind| behind.bundle.as_deref()) {
        let attached = evidence(assembly, bundle, &registry);
        attached
            .context("the images are there without what is behind them, and so no tag")
            .context(Hint(KEPT.to_owned()))?;
    }
    for tag in &target.tags {
        registry.tag(&pushed.digest, tag)?;
    }
    let images = assembly.built.images.images.iter();
    Ok(Sent {
        name: target.name.clone(),
        digest: pushed.digest,
        tags: target.tags.iter().map(ToString::to_string).collect(),
        images: images.map(|image| image.manifest.digest).collect(),
        attestations,
        signatures,
    })
}

/// Attestations and signatures of the index and of every image; how many of each.
fn attach(
    assembly: &Assembly,
    signed: &SignedImages,
    target: &Target<'_>,
    registry: &Registry,
) -> Result<(usize, usize)> {
    let images = &assembly.built.images;
    let all = images.images.iter().map(|image| image.manifest.digest);
    let all = std::iter::once(images.index.digest).chain(all);
    let (mut attestations, mut signatures) = (0, 0);
    for (digest, sbom) in all.zip(&signed.sboms) {
        let both = [attestation(&signed.provenance)?, attestation(sbom)?];
        registry.attach_attestations(&digest, &both)?;
        attestations += both.len();
    }
    for one in &signed.signatures {
        if one.name == target.name {
            let signature = Signature::read(&one.payload, &one.signature)?;
            registry.attach_signature(&signature.with_proof(one.proof.to_text()))?;
            signatures += 1;
        }
    }
    Ok((attestations, signatures))
}

/// The same for the index and every image: they come from one run.
fn evidence(assembly: &Assembly, bundle: &[u8], registry: &Registry) -> Result<()> {
    let images = &assembly.built.images;
    let all = images.images.iter().map(|image| image.manifest.digest);
    for digest in all.chain([images.index.digest]) {
        registry.attach_evidence(&digest, bundle)?;
    }
    Ok(())
}

fn attestation((envelope, proof): &(Envelope, Proof)) -> Result<Attestation> {
    // The same bytes whose digest the log has.
    let line = envelope.to_line()?;
    Ok(Attestation::read(&line)?.with_proof(proof.to_text()))
}
