//! What is behind images goes to the registry with them, so that whoever has the reference and a trust root
//! can verify everything.

use crate::evidence::{ChainArguments, EvidenceArguments, FactoryArguments, needed, pack};
use crate::print;
use anyhow::Result;
use bessemer_attest::chain::{BundleTarget, Chain, Node};
use bessemer_attest::verify::VerifiedImage;
use bessemer_attest::{Sidecar, TrustRoot};
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct BehindArguments {
    #[command(flatten)]
    evidence: EvidenceArguments,
    #[command(flatten)]
    factories: FactoryArguments,
    /// Do not put attestations of what the images were made from beside them: `verify --recursive` has to be
    /// given these then
    #[arg(long, conflicts_with_all = ["evidence", "dependency_trust_root"])]
    no_evidence: bool,
}

/// Attestations of everything that images were made from.
pub(super) struct Behind {
    /// A bundle, compressed.
    pub(super) bundle: Vec<u8>,
    /// How many artifacts it has attestations of.
    artifacts: usize,
    /// How many attestations are named and were nowhere.
    gaps: usize,
}

impl Behind {
    pub(super) fn to_json(&self) -> Value {
        json!({"artifacts": self.artifacts, "gaps": self.gaps, "bytes": self.bundle.len()})
    }
}

impl BehindArguments {
    /// Collects what is behind verified images: what lay beside their packages, what was named, and what the
    /// repositories have that provenance names. Gaps are said, and no reason not to publish.
    pub(super) fn of(
        &self,
        name: &str,
        image: &VerifiedImage,
        beside: Vec<Option<Sidecar>>,
        root: &TrustRoot,
    ) -> Result<Option<Behind>> {
        if self.no_evidence {
            return Ok(None);
        }
        let mut pool = self.evidence.open()?;
        for sidecar in beside.into_iter().flatten() {
            pool.add(sidecar);
        }
        let following = ChainArguments::asking(self.factories.clone());
        let node = Node::of_image(name.to_owned(), image.clone());
        let chain = following.chain(&[node], root, &mut pool)?;
        let needed = needed(&chain, chain.targets, &pool, &following.roots(root)?)?;
        let gaps = incomplete(&chain);
        if needed.is_empty() {
            return Ok(None);
        }
        let target = BundleTarget::Image {
            name: name.to_owned(),
            sha256: image.report.digest,
            images: Vec::new(),
        };
        Ok(Some(Behind {
            bundle: pack(&[target], &needed, Vec::new())?,
            artifacts: needed.len(),
            gaps,
        }))
    }
}

/// Says what is missing; how much.
fn incomplete(chain: &Chain) -> usize {
    let gaps: Vec<&str> = chain.gaps().map(|gap| gap.artifact.name.as_str()).collect();
    if let Some(first) = gaps.first() {
        let count = print::count(gaps.len(), "gap");
        let more = if gaps.len() > 1 { ", among others" } else { "" };
        let text =
            format!("what is behind the images has {count}: the attestation of {first}{more}");
        print::warning(&print::plain_line(&text));
        print::note(HINT);
    }
    gaps.len()
}

const HINT: &str = "--evidence names where the attestations are; without them `verify --recursive` fails for everybody";
