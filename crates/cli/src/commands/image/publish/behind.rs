//! What is behind images goes to the registry with them, so that whoever has the reference and a trust root
//! can verify everything.

use crate::commands::image::registries::RegistryArguments;
use crate::commands::image::session::Session;
use crate::evidence::{Asking, EvidenceArguments, FactoryArguments, chain, needed, packed};
use crate::print::{self, Hint};
use anyhow::{Result, anyhow};
use bessemer_attest::chain::{BundleLimits, Chain, Node, Pool, Verdict, write_bundle};
use bessemer_attest::verify::VerifiedImage;
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_registry::EVIDENCE_LIMIT;
use serde_json::{Value, json};
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct BehindArguments {
    #[command(flatten)]
    evidence: EvidenceArguments,
    #[command(flatten)]
    factories: FactoryArguments,
    /// Keep attestations of what the images were made from out of the registry. Without this flag everybody who
    /// may read the images reads those, too: recipes, sources and repositories by URL or path, bills of material
    #[arg(long, conflicts_with_all = ["evidence", "dependency_trust_root"])]
    no_evidence: bool,
}

/// Attestations of everything that images were made from.
pub(super) struct Behind {
    /// A bundle, compressed; nothing if there is none of anything.
    pub(super) bundle: Option<Vec<u8>>,
    /// How many artifacts it has attestations of.
    artifacts: usize,
    /// How many links of the chain do not hold, most often because an attestation is nowhere.
    gaps: usize,
}

/// Where what is behind images is looked for.
pub(super) struct Sources<'a> {
    pub(super) session: &'a Session,
    pub(super) registries: &'a RegistryArguments,
    /// What lay beside the packages.
    pub(super) packages: Vec<Option<Sidecar>>,
    /// What was given of bases.
    pub(super) bases: Pool,
}

impl Behind {
    pub(super) fn to_json(&self) -> Value {
        let bytes = self.bundle.as_ref().map_or(0, Vec::len);
        json!({"artifacts": self.artifacts, "gaps": self.gaps, "bytes": bytes})
    }
}

impl BehindArguments {
    /// Collects what is behind verified images: what lay beside their packages, what was named, and what the
    /// repositories have that provenance names. Gaps are said, and no reason not to publish.
    pub(super) fn of(
        &self,
        name: &str,
        image: &VerifiedImage,
        root: &TrustRoot,
        sources: Sources<'_>,
    ) -> Result<Option<Behind>> {
        if self.no_evidence {
            return Ok(None);
        }
        let mut pool = self.evidence.open()?;
        let given = sources.bases.sidecars().iter().cloned();
        for sidecar in sources.packages.into_iter().flatten().chain(given) {
            pool.add(sidecar);
        }
        let roots = self.factories.roots(root)?;
        let asking = Asking::new(sources.session.access(), sources.registries, &roots);
        let node = Node::of_image(name.to_owned(), image.clone());
        let chain = chain(&[node], &roots, &mut pool, Some(&asking))?;
        let needed = needed(&chain, chain.targets, &pool, &roots)?;
        let gaps = incomplete(&chain);
        let bundle = (!needed.is_empty()).then(|| bundle(&needed));
        Ok(Some(Behind {
            bundle: bundle.transpose()?,
            artifacts: needed.len(),
            gaps,
        }))
    }
}

/// A bundle of nothing by itself, so that the same evidence gives the same bytes under whatever name; an error if
/// readers would not take so much.
fn bundle(needed: &Pool) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    write_bundle(&[], needed, &mut text)?;
    let limits = BundleLimits::ATTACHED;
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::len);
    if text.len() as u64 > limits.whole || lines.any(|line| line as u64 >= limits.line) {
        return Err(too_large(text.len(), limits.whole));
    }
    let mut bundle = packed(Vec::new());
    bundle.write_all(&text)?;
    let bundle = bundle.finish()?;
    if bundle.len() as u64 > EVIDENCE_LIMIT {
        return Err(too_large(bundle.len(), EVIDENCE_LIMIT));
    }
    Ok(bundle)
}

fn too_large(size: usize, limit: u64) -> anyhow::Error {
    let error = anyhow!(
        "what is behind the images is {size} bytes; {limit} are read, and {} of one artifact",
        BundleLimits::ATTACHED.line
    );
    error.context(Hint(KEPT.to_owned()))
}

pub(super) const KEPT: &str =
    "--no-evidence leaves it out; `bessemer export` makes a file of it to hand over otherwise";

/// Says what is missing; how much.
fn incomplete(chain: &Chain) -> usize {
    let gaps: Vec<&Node> = chain.gaps().collect();
    let Some(first) = gaps.first() else {
        return 0;
    };
    let count = print::count(gaps.len(), "gap");
    let name = &first.artifact.name;
    let why = match &first.verdict {
        Verdict::Refused { reason } => format!("{name}: {reason}"),
        _ => format!("the attestation of {name} was found nowhere"),
    };
    let text =
        format!("what is behind the images has {count}, so that `verify --recursive` fails: {why}");
    print::warning(&print::plain_line(&text));
    let missing = |node: &&Node| node.verdict == Verdict::Missing;
    print::note(if gaps.iter().any(missing) {
        "--evidence names where attestations are"
    } else {
        "--dependency-trust-root names whom to believe of what others made"
    });
    gaps.len()
}
