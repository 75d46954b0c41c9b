//! What was proven of one target, in whatever form it was named.

use super::images::{ExpectedArguments, Found, in_registry, verified as verified_images};
use super::policy::Judge;
use super::{Looking, Target, facts};
use crate::evidence::{is_bundle, open_bundle};
use crate::print::{self, Hint};
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_attest::chain::{BundleTarget, Node, Pool};
use bessemer_attest::verify::{
    ApkFacts, ImageReport, Origin, Verified, VerifiedImage, VerifyError, verify_whole,
};
use bessemer_attest::{Envelope, Sidecar};
use bessemer_digest::Digest;
use bessemer_registry::Reference;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// One artifact that verified.
pub(crate) enum Proven {
    /// A package.
    Package {
        /// As it was named.
        path: PathBuf,
        /// Whether the file was there to be measured.
        measured: bool,
        verified: Verified,
    },
    /// An image, or an index of images.
    Image {
        /// Registry and repository.
        name: String,
        digest: Digest,
        /// Whether its manifests were read, and not only what is said of them.
        measured: bool,
        /// Of every manifest, the index's first.
        reports: Vec<ImageReport>,
        /// That of the first: the same provenance is of all.
        verified: VerifiedImage,
    },
}

impl Proven {
    /// The report in plain words.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Package {
                verified, measured, ..
            } => {
                let mut lines = verified.report.lines();
                if !measured {
                    lines
                        .push("file: none was measured; this is about statements alone".to_owned());
                }
                lines
            }
            Self::Image {
                reports, measured, ..
            } => {
                let lines = reports.iter().flat_map(ImageReport::lines);
                let mut lines: Vec<String> = lines.collect();
                if !measured {
                    lines.push("image: none was read; this is about statements alone".to_owned());
                }
                lines
            }
        }
    }

    /// The report for a program.
    pub(crate) fn json(&self, judge: Option<&Judge>) -> Value {
        let mut value = self.report();
        if let Some(judge) = judge {
            value["policy"] = judge.told();
            value["violations"] = json!([]);
        }
        value
    }

    fn report(&self) -> Value {
        match self {
            Self::Package {
                path,
                verified,
                measured,
            } => {
                let report = &verified.report;
                let builder_id = match &report.origin {
                    Origin::Built(built) => built.builder_id.as_str(),
                    Origin::Imported(_) => "",
                };
                json!({
                    "result": "PASS", "package": path, "builder_id": builder_id,
                    "level": report.level(), "measured": measured, "report": report,
                })
            }
            Self::Image {
                name,
                digest,
                measured,
                reports,
                ..
            } => json!({
                "result": "PASS", "image": name, "digest": digest, "measured": measured,
                "reports": reports,
            }),
        }
    }

    /// This name, or, of a mirror or copy, one that it was published under.
    fn published_as<'a>(&'a self, name: &'a str) -> &'a str {
        let reports = match self {
            Self::Image { reports, .. } if !self.is_called(name) => reports.as_slice(),
            _ => &[],
        };
        let names = reports.iter().flat_map(|report| &report.names);
        let mut names = names.map(String::as_str);
        names.find(|one| self.is_called(one)).unwrap_or(name)
    }

    /// Whether it was published under this name.
    fn is_called(&self, name: &str) -> bool {
        match self {
            Self::Package { .. } => false,
            Self::Image { reports, .. } => {
                let mut names = reports.iter().map(|report| &report.names);
                names.all(|names| names.iter().any(|one| one == name))
            }
        }
    }

    /// The image in its registry, by digest, if that is where it was read.
    pub(crate) fn in_registry(&self) -> Option<Reference> {
        match self {
            Self::Image {
                name,
                digest,
                measured: true,
                ..
            } => format!("{name}@{digest}").parse().ok(),
            _ => None,
        }
    }

    /// The beginning of its chain.
    pub(crate) fn node(&self) -> Node {
        match self {
            Self::Package { verified, .. } => Node::of_package(verified.clone()),
            Self::Image { name, verified, .. } => Node::of_image(name.clone(), verified.clone()),
        }
    }

    /// How a bundle names it.
    pub(crate) fn target(&self) -> BundleTarget {
        match self {
            Self::Package { verified, .. } => BundleTarget::Package {
                name: verified.report.file.clone(),
                sha256: verified.report.sha256,
            },
            Self::Image {
                name,
                digest,
                reports,
                ..
            } => BundleTarget::Image {
                name: self.published_as(name).to_owned(),
                sha256: *digest,
                images: reports.iter().skip(1).map(|one| one.digest).collect(),
            },
        }
    }
}

/// Verifies what was named; a bundle may be of several.
pub(crate) fn verified(
    target: &Target,
    looking: &Looking<'_>,
    pool: &mut Pool,
) -> Result<Vec<Proven>> {
    match target {
        Target::Image(reference) => {
            let found = in_registry(reference, looking.registries)?;
            for (_, attached) in &found.attached {
                pool.add(attached.clone());
            }
            Ok(vec![image(&found, &reference.name(), looking, true)?])
        }
        Target::File(path) => {
            existing(path)?;
            if is_bundle(path)? {
                return bundle(path, looking, pool);
            }
            looking.not_of_images(path)?;
            let facts = facts(path)?;
            let (beside, mut verified) = match looking.beside(path).read() {
                Ok(beside) => {
                    let verified = verified_package(&facts, &beside, looking)?;
                    (beside, verified)
                }
                Err(error) => in_pool(&facts, looking, pool, error)?,
            };
            pool.add(beside.clone());
            looking.summaries(path, &facts, &beside, &mut verified.report)?;
            Ok(vec![Proven::Package {
                path: path.clone(),
                measured: true,
                verified,
            }])
        }
    }
}

/// A path that leads nowhere may have been meant as an image.
fn existing(path: &Path) -> Result<()> {
    let Err(error) = fs_err::metadata(path) else {
        return Ok(());
    };
    let text = path.to_string_lossy();
    let reference = text.parse::<bessemer_registry::Reference>().is_ok();
    let error = anyhow!(error);
    if reference && !text.ends_with(".apk") {
        let hint = format!("an image in a registry is written docker://{text}");
        return Err(error.context(Hint(print::plain_line(&hint))));
    }
    Err(error)
}

/// A package by what the evidence has of it: what lies beside its siblings of the same build speaks of it,
/// too, and anybody may have added something, so the first that verifies counts.
fn in_pool(
    facts: &ApkFacts,
    looking: &Looking<'_>,
    pool: &Pool,
    nothing: anyhow::Error,
) -> Result<(Sidecar, Verified)> {
    let mut refused: Option<anyhow::Error> = None;
    for beside in pool.about(&facts.sha256) {
        match verified_package(facts, beside, looking) {
            Ok(verified) => return Ok((beside.clone(), verified)),
            // What is beside a sibling says least.
            Err(error) => {
                let sibling = matches!(
                    error.downcast_ref(),
                    Some(VerifyError::Subject { .. } | VerifyError::UnknownKey { .. })
                );
                if refused.is_none() || !sibling {
                    refused = Some(error);
                }
            }
        }
    }
    Err(refused.unwrap_or(nothing))
}

/// A package as measured, by what lies beside it or is among the evidence.
fn verified_package(facts: &ApkFacts, beside: &Sidecar, looking: &Looking<'_>) -> Result<Verified> {
    let verified = verify_whole(facts, beside, looking.root, &looking.policy)?;
    if let (Some(wanted), Some(gate)) = (looking.resource_uri, &verified.report.gate)
        && !verified.report.is_admitted_to(wanted)
    {
        bail!(
            "the gate admitted it as {}, not to {wanted}",
            gate.resource_uri
        );
    }
    if let Some(judge) = looking.judge {
        judge.judge(&verified.report)?;
    }
    Ok(verified)
}

/// An image and, of an index, every image in it.
fn image(found: &Found, name: &str, looking: &Looking<'_>, measured: bool) -> Result<Proven> {
    let (policy, expected) = looking.of_images(name);
    let verified = verified_images(found, looking.root, &policy, &expected)?;
    let reports: Vec<ImageReport> = verified.iter().map(|one| one.report.clone()).collect();
    if let Some(judge) = looking.judge {
        judge.judge_images(&reports)?;
    }
    let mut verified = verified.into_iter();
    let first = verified.next().context("there is no image")?;
    if let Some(other) = verified.find(|one| one.attestation != first.attestation) {
        bail!(
            "image {} comes from another build than the index it is in",
            other.report.digest
        );
    }
    Ok(Proven::Image {
        name: name.to_owned(),
        digest: found.digest,
        measured,
        reports,
        verified: first,
    })
}

/// Everything that a bundle says it is of. Files are not measured: there are none.
fn bundle(path: &Path, looking: &Looking<'_>, pool: &mut Pool) -> Result<Vec<Proven>> {
    let targets = open_bundle(path, pool)?;
    if targets.is_empty() {
        bail!("the bundle is of nothing");
    }
    let images = |target: &BundleTarget| matches!(target, BundleTarget::Image { .. });
    let has_images = targets.iter().any(images);
    let proven = targets.into_iter().map(|target| {
        if let (BundleTarget::Package { name, .. }, false) = (&target, has_images) {
            looking.images_only(Path::new(name))?;
        }
        in_bundle(target, looking, pool)
    });
    proven.collect()
}

fn in_bundle(target: BundleTarget, looking: &Looking<'_>, pool: &Pool) -> Result<Proven> {
    match target {
        BundleTarget::Package { name, sha256 } => {
            let none = anyhow!("the bundle has no attestations of {name} ({sha256})");
            let facts = ApkFacts {
                file: name.clone(),
                sha256,
                control_sha256: None,
                data_sha256: None,
            };
            let (_, verified) = in_pool(&facts, looking, pool, none)?;
            Ok(Proven::Package {
                path: PathBuf::from(name),
                measured: false,
                verified,
            })
        }
        BundleTarget::Image {
            name,
            sha256,
            images,
        } => {
            let said = looking.expected.is_none_or(ExpectedArguments::says_names);
            if !said {
                let hint = "--name says which image is expected, --any-name that any will do";
                let error = anyhow!("a bundle is nobody's word on what its image is called");
                return Err(error.context(Hint(hint.to_owned())));
            }
            let proven = image(&attached_in(pool, sha256, images), &name, looking, false)?;
            if !proven.is_called(&name) {
                let name = print::plain_line(&name);
                bail!("the bundle says that an image is {name}, which it was not published as");
            }
            Ok(proven)
        }
    }
}

/// What the pool has of an image and of the images in it.
fn attached_in(pool: &Pool, digest: Digest, images: Vec<Digest>) -> Found {
    let mut all = vec![digest];
    all.extend(images.into_iter().filter(|one| *one != digest));
    let attached = all.into_iter().map(|one| (one, attached_to(pool, &one)));
    Found {
        digest,
        attached: attached.collect(),
    }
}

/// What the pool has of one manifest or index, each envelope and proof once.
pub(crate) fn attached_to(pool: &Pool, digest: &Digest) -> Sidecar {
    let mut attached = Sidecar::default();
    let mut seen = HashSet::new();
    for sidecar in pool.about(digest) {
        let of_this = sidecar.envelopes().iter().filter(|one| claims(one, digest));
        for envelope in of_this {
            if !attached.envelopes().contains(envelope) {
                attached.push(envelope.clone());
            }
        }
        let proofs = sidecar.proofs().iter();
        for proof in proofs.filter(|proof| seen.insert(proof.to_text())) {
            attached.push_proof(proof.clone());
        }
    }
    attached
}

/// Whether an envelope says that it is about this.
fn claims(envelope: &Envelope, digest: &Digest) -> bool {
    let statement = envelope.claimed();
    statement.is_some_and(|statement| statement.subject_with(digest).is_some())
}
