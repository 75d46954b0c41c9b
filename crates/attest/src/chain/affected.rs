//! What was made with an input: the question of a chain, asked from the other end.

use super::node::{Artifact, Node};
use super::pool::Pool;
use super::walk::Walk;
use crate::verify::{ImageVerifyPolicy, verify_image_whole};
use crate::{Envelope, Sidecar, TrustRoot};
use bessemer_digest::Digest;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// An artifact that an input went into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// Which.
    pub artifact: Artifact,
    /// What it was made from that is affected itself, or the input: role and name.
    pub by: Vec<(String, String)>,
    /// How many steps it is from the input; 1 if the input went into it directly.
    pub distance: usize,
}

/// What was looked at for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Search {
    /// What is affected, the nearest first, then by name.
    pub affected: Vec<Affected>,
    /// How many artifacts' provenance was read.
    pub read: usize,
    /// Whether everything that is there could be read: if not, more may be affected.
    pub complete: bool,
    /// Artifacts whose attestations do not hold, so that nothing is known of them, and why.
    pub refused: Vec<(String, String)>,
}

impl Pool {
    /// The artifacts that something in a sidecar claims to be about, with the names that it gives them.
    fn claimed(sidecar: &Sidecar) -> BTreeSet<(Digest, String)> {
        let statements = sidecar.envelopes().iter().filter_map(Envelope::claimed);
        let subjects = statements.flat_map(|statement| statement.subject);
        let subjects =
            subjects.filter_map(|one| Some((one.sha256()?, one.name.unwrap_or_default())));
        subjects.collect()
    }
}

impl Walk<'_> {
    /// Everything in the pool that an input went into, however far. `digest` is the digits of a SHA-256
    /// or of a git commit.
    pub fn affected(&self, digest: &str) -> Search {
        let mut nodes: HashMap<Artifact, Node> = HashMap::new();
        let mut refused = BTreeSet::new();
        for sidecar in self.pool.sidecars() {
            let (mut read, mut reasons) = (false, Vec::new());
            // What lies beside one of several packages of a build names all of them, and holds for one.
            for (sha256, name) in Pool::claimed(sidecar) {
                match self.read(&name, sha256, sidecar) {
                    Ok(node) => {
                        read = true;
                        nodes.insert(node.artifact.clone(), node);
                    }
                    Err(reason) => reasons.push((name, reason)),
                }
            }
            if !read && reasons.is_empty() {
                let nothing = "no statement that can be read lies there".to_owned();
                reasons.push(("something".to_owned(), nothing));
            }
            if !read {
                refused.extend(reasons);
            }
        }
        // What another copy proves is known.
        refused.retain(|(name, _)| !nodes.keys().any(|artifact| artifact.name == *name));
        Search {
            affected: spread(digest, &nodes),
            read: nodes.len(),
            complete: refused.is_empty(),
            refused: refused.into_iter().collect(),
        }
    }

    /// A package, else an image, as the first trust root has it under which it verifies.
    fn read(&self, name: &str, sha256: Digest, sidecar: &Sidecar) -> Result<Node, String> {
        let artifact = Artifact {
            name: name.to_owned(),
            sha256,
            attestation: None,
        };
        let mut refused = None;
        for root in self.roots {
            match self.package(&artifact, sidecar, root) {
                Ok(node) => return Ok(node),
                Err(reason) => {
                    refused.get_or_insert(reason);
                }
            }
            if let Some(node) = self.image(name, &sha256, sidecar, root) {
                return Ok(node);
            }
        }
        Err(refused.map_or_else(|| "there is no trust root".to_owned(), |(_, reason)| reason))
    }

    fn image(
        &self,
        name: &str,
        sha256: &Digest,
        sidecar: &Sidecar,
        root: &TrustRoot,
    ) -> Option<Node> {
        let policy = ImageVerifyPolicy {
            min_level: 0,
            now: self.now.clone(),
        };
        let expected = crate::verify::ImageExpectations::nothing();
        let verified = verify_image_whole(sha256, sidecar, root, &policy, &expected).ok()?;
        let mut names = verified.report.names.iter();
        let name = names.next().map_or(name, String::as_str).to_owned();
        Some(Node::of_image(name, verified))
    }
}

/// From the input to what it went into, and from there on, breadth first.
fn spread(digest: &str, nodes: &HashMap<Artifact, Node>) -> Vec<Affected> {
    let mut users: HashMap<Digest, Vec<(&Node, String, String)>> = HashMap::new();
    let mut found: BTreeMap<(Digest, String), Affected> = BTreeMap::new();
    let mut next = VecDeque::new();
    let mut enter = |node: &Node, by: (String, String), distance: usize| {
        let key = (node.artifact.sha256, node.artifact.name.clone());
        let new = !found.contains_key(&key);
        let affected = found.entry(key).or_insert_with(|| Affected {
            artifact: node.artifact.clone(),
            by: Vec::new(),
            distance,
        });
        if affected.distance == distance && !affected.by.contains(&by) {
            affected.by.push(by);
        }
        new
    };
    for node in nodes.values() {
        for package in &node.inputs {
            let of = users.entry(package.artifact.sha256).or_default();
            of.push((node, package.role.clone(), package.artifact.name.clone()));
        }
        let inputs = node
            .ends
            .iter()
            .filter(|end| end.digest.values().any(|one| one == digest));
        for end in inputs {
            let name = end.name.clone().or_else(|| end.uri.clone());
            let by = (end.kind.words().0.to_owned(), name.unwrap_or_default());
            if enter(node, by, 1) {
                next.push_back((node.artifact.sha256, 1));
            }
        }
    }
    if let Ok(digest) = Digest::from_hex(digest) {
        next.push_front((digest, 0));
    }
    while let Some((digest, distance)) = next.pop_front() {
        for (node, role, name) in users.get(&digest).into_iter().flatten() {
            if enter(node, (role.clone(), name.clone()), distance + 1) {
                next.push_back((node.artifact.sha256, distance + 1));
            }
        }
    }
    let mut affected: Vec<Affected> = found.into_values().collect();
    for one in &mut affected {
        one.by.sort();
    }
    affected.sort_by(|one, other| {
        let key = |one: &Affected| (one.distance, one.artifact.clone());
        key(one).cmp(&key(other))
    });
    affected
}
