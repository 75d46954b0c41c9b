//! Where attestations of what an artifact was made from are looked for, and the chain that they give.

mod asking;
mod attached;
mod bundle;
mod folder;

use crate::commands::image::registries::RegistryArguments;
use crate::commands::verify::found::Proven;
use crate::commands::verify::read_trust_root;
use crate::print::{self, Hint};
use anyhow::{Result, anyhow};
pub(crate) use asking::Asking;
use asking::Own;
use attached::open_attached;
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::{Artifact, Chain, Node, Pool, Verdict, Walk};
use bessemer_build::worker::now;
use bessemer_registry::Reference;
pub(crate) use bundle::{is_bundle, needed, open_bundle, packed};
use folder::open_folder;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most gaps that are named in the error.
const NAMED: usize = 5;

/// Where evidence is.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EvidenceArguments {
    /// Where attestations are that do not lie beside what they are of: a folder, such as a repository's,
    /// or a bundle of `bessemer export`; may be repeated
    #[arg(long, value_name = "DIR|BUNDLE")]
    pub(crate) evidence: Vec<PathBuf>,
}

/// How a chain is followed beyond that.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ChainArguments {
    /// Ask the repositories that provenance names for attestations that are nowhere else, and for those of base
    /// images the registries that these were published in
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    factories: FactoryArguments,
}

/// Who else is believed behind an artifact.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FactoryArguments {
    /// Trust root of another factory, for what was made there; may be repeated
    #[arg(long, value_name = "FILE")]
    dependency_trust_root: Vec<PathBuf>,
}

/// What is accepted of a chain.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct AcceptArguments {
    /// Accept that the chain ends in packages or base images of which nobody attests where they are from
    #[arg(long)]
    pub(crate) accept_unattested: bool,
}

impl EvidenceArguments {
    /// Reads everything that was named.
    pub(crate) fn open(&self) -> Result<Pool> {
        let mut pool = Pool::new();
        for path in &self.evidence {
            if path.is_dir() {
                open_folder(path, &mut pool)?;
            } else {
                open_bundle(path, &mut pool)?;
            }
        }
        Ok(pool)
    }
}

/// Where chains begin.
#[derive(Default)]
pub(crate) struct Start {
    nodes: Vec<Node>,
    /// What is in a registry, where evidence may refer to it.
    images: Vec<Reference>,
}

impl Start {
    /// With one more artifact.
    pub(crate) fn add(&mut self, proven: &Proven) {
        self.nodes.push(proven.node());
        self.images.extend(proven.in_registry());
    }
}

impl FactoryArguments {
    /// The trust root and those of other factories.
    pub(crate) fn roots(&self, root: &TrustRoot) -> Result<Vec<TrustRoot>> {
        let mut roots = vec![root.clone()];
        for path in &self.dependency_trust_root {
            roots.push(read_trust_root(path)?);
        }
        Ok(roots)
    }
}

impl ChainArguments {
    /// Whether something was said that only a chain needs.
    pub(crate) fn says_something(&self) -> bool {
        self.fetch || !self.factories.dependency_trust_root.is_empty()
    }

    /// The trust root and those of other factories.
    pub(crate) fn roots(&self, root: &TrustRoot) -> Result<Vec<TrustRoot>> {
        self.factories.roots(root)
    }

    /// Everything behind these artifacts, which verified under `root`.
    pub(crate) fn chain(
        &self,
        start: &Start,
        root: &TrustRoot,
        pool: &mut Pool,
        registries: &RegistryArguments,
    ) -> Result<Chain> {
        let roots = self.roots(root)?;
        for image in &start.images {
            open_attached(image, registries, &roots, pool);
        }
        if !self.fetch {
            return chain(&start.nodes, &roots, pool, None);
        }
        let own = Own::open()?;
        let asking = Asking::new(own.access(), registries, &roots);
        chain(&start.nodes, &roots, pool, Some(&asking))
    }

    /// An error if the chain has a gap, or an end that is not accepted.
    pub(crate) fn judge(&self, chain: &Chain, accept: AcceptArguments) -> Result<()> {
        self.judge_of(chain, 0..chain.nodes.len(), accept)
    }

    /// The same of these artifacts of a chain.
    pub(crate) fn judge_of(
        &self,
        chain: &Chain,
        numbers: impl IntoIterator<Item = usize>,
        accept: AcceptArguments,
    ) -> Result<()> {
        let nodes: Vec<&Node> = numbers
            .into_iter()
            .filter_map(|number| chain.nodes.get(number))
            .collect();
        let gaps: Vec<&Node> = nodes.iter().filter(|node| node.is_gap()).copied().collect();
        if !gaps.is_empty() {
            let missing = gaps.iter().any(|node| node.verdict == Verdict::Missing);
            let error = anyhow!(
                "the chain has {}: {}",
                print::count(gaps.len(), "gap"),
                named(&gaps)
            );
            let hint = match gone(&gaps) {
                Some(place) if self.fetch => Some(format!(
                    "provenance names {place}, which is not on this machine: --evidence DIR names a copy"
                )),
                _ if missing && !self.fetch => Some(MISSING.to_owned()),
                _ => None,
            };
            return Err(match hint {
                Some(hint) => error.context(Hint(hint)),
                None => error,
            });
        }
        let unattested = nodes.into_iter();
        let unattested: Vec<&Node> = unattested
            .filter(|node| node.verdict == Verdict::Unattested)
            .collect();
        if !unattested.is_empty() && !accept.accept_unattested {
            let count = counted(chain, &unattested);
            let names = named(&unattested);
            return Err(anyhow!("nobody attests where {count} are from: {names}")
                .context(Hint(UNATTESTED.to_owned())));
        }
        Ok(())
    }
}

/// Everything behind artifacts that verified, as deep as attestations are to be had.
pub(crate) fn chain(
    nodes: &[Node],
    roots: &[TrustRoot],
    pool: &mut Pool,
    asking: Option<&Asking<'_>>,
) -> Result<Chain> {
    let now = Some(now()?);
    loop {
        let walk = Walk {
            pool,
            roots,
            now: now.clone(),
            demand: &|_| Vec::new(),
        };
        let chain = walk.from(nodes.to_vec());
        // Each round reaches one step deeper, until nothing new is found.
        if !asking.map_or(Ok(false), |asking| asking.fill(&chain, pool))? {
            return Ok(chain);
        }
    }
}

/// How many packages and base images these are.
fn counted(chain: &Chain, nodes: &[&Node]) -> String {
    let all = chain.bases().into_iter();
    let all = all.filter_map(|number| chain.nodes.get(number));
    let all: BTreeSet<&Artifact> = all.map(|node| &node.artifact).collect();
    let bases = nodes.iter().filter(|node| all.contains(&node.artifact));
    let bases = bases.count();
    match (nodes.len() - bases, bases) {
        (packages, 0) => print::count(packages, "package"),
        (0, bases) => print::count(bases, "base image"),
        (packages, bases) => format!(
            "{} and {}",
            print::count(packages, "package"),
            print::count(bases, "base image")
        ),
    }
}

const MISSING: &str = "--evidence DIR names a repository or a bundle that has the attestations; --fetch asks the repositories and registries that provenance names; what another factory made needs its --dependency-trust-root";
const UNATTESTED: &str = "--accept-unattested accepts that the chain ends there";

/// A path that provenance names for something missing, and that leads nowhere here.
fn gone(gaps: &[&Node]) -> Option<String> {
    let missing = gaps.iter().filter(|node| node.verdict == Verdict::Missing);
    let mut places = missing.filter_map(|node| node.uri.as_deref());
    let place = places.find(|place| !place.contains("://") && !Path::new(place).exists())?;
    Some(print::plain_line(place))
}

/// Names of artifacts, each with what is wrong with it.
fn named(nodes: &[&Node]) -> String {
    let first = nodes.iter().take(NAMED).map(|node| {
        let name = &node.artifact.name;
        let text = match &node.verdict {
            Verdict::Missing => format!("{name} (its attestation is not there)"),
            Verdict::Refused { reason } => format!("{name} ({reason})"),
            Verdict::NotFollowed => format!("{name} (not followed)"),
            _ => name.clone(),
        };
        print::plain_line(&text)
    });
    let text = first.collect::<Vec<_>>().join(", ");
    match nodes.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// A chain with what it ends in and why.
pub(crate) fn chain_json(chain: &Chain) -> serde_json::Value {
    let ends = chain.ends().into_iter().map(
        |end| serde_json::json!({"kind": end.kind, "count": end.count, "why": end.kind.why()}),
    );
    serde_json::json!({
        "targets": chain.targets,
        "nodes": chain.nodes,
        "ends": ends.collect::<Vec<_>>(),
        "gaps": chain.gaps().count(),
        "unattested": chain.unattested().count(),
    })
}
