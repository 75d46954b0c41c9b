//! Where attestations of what an artifact was made from are looked for, and the chain that they give.

use crate::commands::image::registries::RegistryArguments;
use crate::commands::image::verify::in_registry;
use crate::commands::verify::{read_sidecar, read_trust_root};
use crate::fetching::FetchArguments;
use crate::print::{self, Hint};
use anyhow::{Context as _, Result, anyhow};
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::{
    Artifact, BundleTarget, Chain, Node, Pool, Verdict, Walk, read_bundle,
};
use bessemer_build::worker::now;
use bessemer_registry::Reference;
use bessemer_repository::{Access, attestations};
use bessemer_store::{Store, in_parallel};
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// What the names of envelopes beside packages end in.
const ENVELOPES: &str = ".intoto.jsonl";
/// What the names of summaries of rebuilds end in.
const REPRODUCED: &str = ".reproduced.intoto.jsonl";
/// How deep folders are searched.
const DEPTH: usize = 12;
/// What a compressed bundle begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What every bundle begins with.
const BUNDLE: &[u8] = br#"{"schema":"bessemer.bundle/"#;
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
                let before = pool.len();
                search(path, DEPTH, &mut pool)?;
                if pool.len() == before {
                    let path = path.display();
                    print::warning(&format!("there are no new attestations in {path}"));
                }
            } else {
                open_bundle(path, &mut pool)?;
            }
        }
        Ok(pool)
    }
}

impl ChainArguments {
    /// Whether something was said that only a chain needs.
    pub(crate) fn says_something(&self) -> bool {
        self.fetch || !self.dependency_trust_root.is_empty()
    }

    /// The trust root and those of other factories.
    pub(crate) fn roots(&self, root: &TrustRoot) -> Result<Vec<TrustRoot>> {
        let mut roots = vec![root.clone()];
        for path in &self.dependency_trust_root {
            roots.push(read_trust_root(path)?);
        }
        Ok(roots)
    }

    /// Everything behind these artifacts, which verified under `root`.
    pub(crate) fn chain(
        &self,
        targets: &[Node],
        root: &TrustRoot,
        pool: &mut Pool,
        registries: &RegistryArguments,
    ) -> Result<Chain> {
        let roots = self.roots(root)?;
        let now = Some(now()?);
        let asking = if self.fetch {
            Some(Asking::open(registries)?)
        } else {
            None
        };
        loop {
            let walk = Walk {
                pool,
                roots: &roots,
                now: now.clone(),
                demand: &|_| Vec::new(),
            };
            let chain = walk.from(targets.to_vec());
            // Each round reaches one step deeper, until nothing new is found.
            if !asking
                .as_ref()
                .map_or(Ok(false), |asking| asking.fill(&chain, pool))?
            {
                return Ok(chain);
            }
        }
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
            let bases = unattested_bases(chain);
            let is_base = |node: &&&Node| bases.contains(&node.artifact);
            let bases = unattested.iter().filter(is_base).count();
            let count = match (unattested.len() - bases, bases) {
                (packages, 0) => print::count(packages, "package"),
                (0, bases) => print::count(bases, "base image"),
                (packages, bases) => format!(
                    "{} and {}",
                    print::count(packages, "package"),
                    print::count(bases, "base image")
                ),
            };
            let names = named(&unattested);
            return Err(anyhow!("nobody attests where {count} are from: {names}")
                .context(Hint(UNATTESTED.to_owned())));
        }
        Ok(())
    }
}

/// The bases of which nothing is attested.
fn unattested_bases(chain: &Chain) -> BTreeSet<&Artifact> {
    let nodes = chain.bases().into_iter();
    let nodes = nodes.filter_map(|number| chain.nodes.get(number));
    let unattested = nodes.filter(|node| node.verdict == Verdict::Unattested);
    unattested.map(|node| &node.artifact).collect()
}

const MISSING: &str = "--evidence DIR names a repository or a bundle that has the attestations; --fetch asks the repositories and registries that provenance names";
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

/// A way to ask repositories for what lies beside their packages.
struct Asking<'a> {
    registries: &'a RegistryArguments,
    store: Store,
    _folder: tempfile::TempDir,
    fetching: crate::fetching::Fetching,
}

impl<'a> Asking<'a> {
    fn open(registries: &'a RegistryArguments) -> Result<Self> {
        // Of its own, and gone afterwards: what a server did not have today, or had and was none, is not
        // what it has tomorrow.
        let folder = tempfile::tempdir().context("cannot make a folder for what is fetched")?;
        Ok(Self {
            registries,
            store: Store::open(folder.path().join("store"))?,
            _folder: folder,
            fetching: FetchArguments::default().open(&[])?,
        })
    }

    /// Asks for everything that is missing; whether something new was found. A place that cannot be asked is
    /// named, and the gap stays.
    fn fill(&self, chain: &Chain, pool: &mut Pool) -> Result<bool> {
        let missing = chain
            .gaps()
            .filter(|node| node.verdict == Verdict::Missing)
            .filter_map(|node| Some((node.uri.clone()?, node.artifact.sha256)));
        let missing: Vec<_> = missing.collect();
        let access = Access {
            store: &self.store,
            client: &self.fetching.client,
        };
        let found = in_parallel(&missing, |(uri, sha256)| {
            let found = attestations(uri, sha256, access);
            Ok::<_, anyhow::Error>(found.map_err(|error| (uri.clone(), error)))
        })?;
        let before = pool.len();
        for one in found {
            match one {
                Ok(Some(sidecar)) => pool.add(sidecar),
                Ok(None) => {}
                Err((uri, error)) => {
                    let error = anyhow::Error::new(error);
                    let text = format!("cannot ask for what lies beside {uri}: {error:#}");
                    print::warning(&print::plain_line(&text));
                }
            }
        }
        for image in missing_bases(chain) {
            self.fill_base(&image, pool);
        }
        Ok(pool.len() > before)
    }

    /// What is attached to a base in the registry that it was published in.
    fn fill_base(&self, image: &Reference, pool: &mut Pool) {
        match in_registry(image, self.registries) {
            Ok(found) => {
                for (_, attached) in found.attached {
                    pool.add(attached);
                }
            }
            Err(error) => {
                let text = format!("cannot ask for what is attached to {image}: {error:#}");
                print::warning(&print::plain_line(&text));
            }
        }
    }
}

/// The bases whose attestations are missing, as their registries have them.
fn missing_bases(chain: &Chain) -> Vec<Reference> {
    let nodes = chain.bases().into_iter();
    let nodes = nodes.filter_map(|number| chain.nodes.get(number));
    let missing = nodes.filter(|node| node.verdict == Verdict::Missing);
    let references = missing.filter_map(|node| {
        let Artifact { name, sha256, .. } = &node.artifact;
        format!("{name}@{sha256}").parse().ok()
    });
    references.collect()
}

/// Adds every sidecar below a folder. What is none is named, and counts as nothing.
fn search(folder: &Path, depth: usize, pool: &mut Pool) -> Result<()> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        entries.push(entry?);
    }
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links are not followed: a folder of somebody else's leads nowhere else.
        let kind = entry.file_type()?;
        let skipped = |why: &str| {
            let text = format!("{} is not searched: {why}", path.display());
            print::warning(&print::plain_line(&text));
        };
        if kind.is_dir() && depth == 0 {
            skipped("folders are searched twelve deep");
        } else if kind.is_dir() {
            if let Err(error) = search(&path, depth - 1, pool) {
                skipped(&format!("{error:#}"));
            }
        } else if kind.is_symlink() && path.is_dir() {
            skipped("it is a symbolic link; name its target");
        } else if let Some(package) = of_package(&path).filter(|_| kind.is_file()) {
            match read_sidecar(&package) {
                Ok(sidecar) => pool.add(sidecar),
                Err(error) => {
                    let text = format!("{}: {error:#}", path.display());
                    print::warning(&print::plain_line(&text));
                }
            }
        }
    }
    Ok(())
}

/// The package that a file of envelopes lies beside. What rebuilders say of it is in a file of its own and no
/// link of a chain.
fn of_package(path: &Path) -> Option<PathBuf> {
    let name = path.as_os_str().as_encoded_bytes();
    let is_rebuilders = name.ends_with(REPRODUCED.as_bytes());
    let is_evidence = name.ends_with(ENVELOPES.as_bytes()) && !is_rebuilders;
    // Both extensions go: what is left is the package's own name.
    is_evidence.then(|| path.with_extension("").with_extension(""))
}

/// Reads a bundle into the pool; what it says that it is of.
pub(crate) fn open_bundle(path: &Path, pool: &mut Pool) -> Result<Vec<BundleTarget>> {
    let mut file = BufReader::new(fs_err::File::open(path)?);
    let read = if file.fill_buf()?.starts_with(&GZIP) {
        read_bundle(BufReader::new(MultiGzDecoder::new(file)), pool)
    } else {
        read_bundle(file, pool)
    };
    read.with_context(|| format!("cannot read the bundle {}", path.display()))
}

/// Whether a file is a bundle, by its first bytes.
pub(crate) fn is_bundle(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let mut file = BufReader::new(fs_err::File::open(path)?);
    let packed = file.fill_buf()?.starts_with(&GZIP);
    let length = BUNDLE.len() as u64;
    if packed {
        // A package is packed as well, and what is in it begins otherwise.
        let unpacked = MultiGzDecoder::new(file)
            .take(length)
            .read_to_end(&mut start);
        return Ok(unpacked.is_ok() && start == BUNDLE);
    }
    file.take(length).read_to_end(&mut start)?;
    Ok(start == BUNDLE)
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
