//! Walking a chain, link by link, each artifact once.

use super::ends::{EndCount, count};
use super::node::{Artifact, Input, Member, Node, Verdict};
use super::pool::Pool;
use crate::documents::Timestamp;
use crate::verify::{
    ApkFacts, ImageExpectations, ImageVerifyPolicy, Report, Verified, VerifyError, VerifyPolicy,
    verify_image_whole, verify_whole, with_causes,
};
use crate::{Sidecar, TrustRoot};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Most artifacts that are followed.
pub const ARTIFACT_LIMIT: usize = 200_000;
/// Most characters of a reason.
const REASON: usize = 500;

/// What is demanded of each package in a chain beyond that it verifies: what of it does not hold, in words.
pub type Demand<'a> = dyn Fn(&Report) -> Vec<String> + Sync + 'a;

/// How a chain is walked.
#[expect(missing_debug_implementations, reason = "holds a function")]
pub struct Walk<'a> {
    /// Where attestations are looked for.
    pub pool: &'a Pool,
    /// The trust roots; an artifact verifies under one of them.
    pub roots: &'a [TrustRoot],
    /// The verifier's clock.
    pub now: Option<Timestamp>,
    /// What is demanded of each package.
    pub demand: &'a Demand<'a>,
}

/// Everything behind one artifact or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The artifacts, those that were asked for first.
    pub nodes: Vec<Node>,
    /// How many were asked for.
    pub targets: usize,
}

impl Chain {
    /// How many different inputs of each kind it ends in.
    pub fn ends(&self) -> Vec<EndCount> {
        count(self.nodes.iter().flat_map(|node| &node.ends))
    }

    /// The artifacts that are gaps: missing, refused or not followed.
    pub fn gaps(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_gap())
    }

    /// The numbers of the images that others in it are built on.
    pub fn bases(&self) -> BTreeSet<usize> {
        let members = self.nodes.iter().flat_map(|node| &node.members);
        let bases = members.filter(|member| member.is_base());
        bases.map(|member| member.node).collect()
    }

    /// The numbers of an artifact and of everything behind it.
    pub fn behind(&self, number: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = vec![number];
        while let Some(number) = next.pop() {
            if found.insert(number) {
                let members = self.nodes.get(number).into_iter();
                next.extend(members.flat_map(|node| &node.members).map(|one| one.node));
            }
        }
        found
    }

    /// The packages and bases of which nothing is attested.
    pub fn unattested(&self) -> impl Iterator<Item = &Node> {
        let nodes = self.nodes.iter();
        nodes.filter(|node| node.verdict == Verdict::Unattested)
    }
}

impl Walk<'_> {
    /// Follows everything that `targets`, which verified, were made from.
    pub fn from(&self, targets: Vec<Node>) -> Chain {
        let mut numbers: HashMap<Artifact, usize> = HashMap::new();
        let count = targets.len();
        for (number, target) in targets.iter().enumerate() {
            numbers.insert(target.artifact.clone(), number);
        }
        let mut chain = Chain {
            nodes: targets,
            targets: count,
        };
        let mut from = 0;
        while from < chain.nodes.len() {
            let found = next(&mut chain.nodes, from, &mut numbers);
            from = chain.nodes.len();
            let room = ARTIFACT_LIMIT.saturating_sub(from).min(found.len());
            let (followed, rest) = found.split_at(room);
            chain.nodes.extend(self.all(followed));
            let rest = rest.iter();
            let rest = rest.map(|one| Node::closed(one.artifact.clone(), Verdict::NotFollowed));
            chain.nodes.extend(rest);
            for (node, input) in chain.nodes[from..].iter_mut().zip(found) {
                node.uri = input.uri;
            }
        }
        chain
    }

    /// Judges many at once, in their order.
    fn all(&self, inputs: &[Input]) -> Vec<Node> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let next = AtomicUsize::new(0);
        let mut nodes: Vec<(usize, Node)> = thread::scope(|scope| {
            let work = || {
                let mut done = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(number) else {
                        return done;
                    };
                    done.push((number, self.node(input)));
                }
            };
            let workers: Vec<_> = (0..threads.min(inputs.len()))
                .map(|_| scope.spawn(work))
                .collect();
            // A worker that panicked leaves a gap behind: its artifacts are entered as not followed below.
            let done = workers.into_iter().flat_map(thread::ScopedJoinHandle::join);
            done.flatten().collect()
        });
        nodes.sort_by_key(|(number, _)| *number);
        let mut nodes = nodes.into_iter().peekable();
        let in_order = inputs.iter().enumerate().map(|(number, input)| {
            let node = nodes.next_if(|(found, _)| *found == number);
            node.map_or_else(
                || Node::closed(input.artifact.clone(), Verdict::NotFollowed),
                |(_, node)| node,
            )
        });
        in_order.collect()
    }

    fn node(&self, input: &Input) -> Node {
        let artifact = &input.artifact;
        if !input.has_digest {
            let reason = "what was made from it names no SHA-256 of it".to_owned();
            return Node::closed(artifact.clone(), Verdict::Refused { reason });
        }
        let Some(attestation) = &artifact.attestation else {
            return Node::closed(artifact.clone(), Verdict::Unattested);
        };
        let beside = self.pool.with_envelope(attestation);
        let mut refused = None;
        for (sidecar, root) in beside
            .iter()
            .flat_map(|sidecar| self.roots.iter().map(move |root| (sidecar, root)))
        {
            let judged = if input.is_base() {
                self.base(artifact, sidecar, root)
            } else {
                self.judged(artifact, sidecar, root)
            };
            match judged {
                Ok(node) => return node,
                Err(reason) => keep(&mut refused, reason),
            }
        }
        let verdict = match refused {
            Some((_, reason)) => Verdict::Refused { reason },
            None => Verdict::Missing,
        };
        Node::closed(artifact.clone(), verdict)
    }

    /// A package by what lies beside it, under one trust root; why not, and how much that tells.
    pub(super) fn package(
        &self,
        artifact: &Artifact,
        sidecar: &Sidecar,
        root: &TrustRoot,
    ) -> Result<Node, (u8, String)> {
        let verified = self.verified(artifact, sidecar, root)?;
        Ok(Node::of_package(verified))
    }

    fn verified(
        &self,
        artifact: &Artifact,
        sidecar: &Sidecar,
        root: &TrustRoot,
    ) -> Result<Verified, (u8, String)> {
        let facts = ApkFacts {
            file: artifact.name.clone(),
            sha256: artifact.sha256,
            control_sha256: None,
            data_sha256: None,
        };
        let policy = VerifyPolicy {
            accept_imports: true,
            now: self.now.clone(),
            ..VerifyPolicy::default()
        };
        verify_whole(&facts, sidecar, root, &policy)
            .map_err(|error| (telling(&error), reason(&error)))
    }

    /// The same, and it must be by the attestation that is named, and what is demanded.
    fn judged(
        &self,
        artifact: &Artifact,
        sidecar: &Sidecar,
        root: &TrustRoot,
    ) -> Result<Node, (u8, String)> {
        let verified = self.verified(artifact, sidecar, root)?;
        let origin = verified.report.evidence().first();
        if origin != artifact.attestation.as_ref() {
            return Err((2, OTHER.to_owned()));
        }
        let unmet = (self.demand)(&verified.report);
        if unmet.is_empty() {
            return Ok(Node::of_package(verified));
        }
        Err((3, unmet.join("; ")))
    }

    /// A base, by the provenance that is named.
    fn base(
        &self,
        artifact: &Artifact,
        sidecar: &Sidecar,
        root: &TrustRoot,
    ) -> Result<Node, (u8, String)> {
        let policy = ImageVerifyPolicy {
            min_level: 0,
            now: self.now.clone(),
        };
        let expected = ImageExpectations {
            prefer: artifact.attestation,
            ..ImageExpectations::nothing()
        };
        let verified = verify_image_whole(&artifact.sha256, sidecar, root, &policy, &expected);
        let verified = verified.map_err(|error| (1, reason(&error)))?;
        if Some(verified.attestation) == artifact.attestation {
            return Ok(Node::of_image(artifact.name.clone(), verified));
        }
        Err((2, OTHER.to_owned()))
    }
}

/// Why an artifact is refused that verifies by something else.
const OTHER: &str = "the attestation that is named is not the one it comes from";

/// The artifacts that the nodes beginning at `from` were made from and that are new, which will stand
/// behind all nodes; enters where each is found.
fn next(nodes: &mut [Node], from: usize, numbers: &mut HashMap<Artifact, usize>) -> Vec<Input> {
    let mut found = Vec::new();
    let count = nodes.len();
    for node in &mut nodes[from..] {
        for input in std::mem::take(&mut node.inputs) {
            let role = input.role.clone();
            let known = numbers.get(&input.artifact).copied();
            let number = known.unwrap_or_else(|| {
                let number = count + found.len();
                numbers.insert(input.artifact.clone(), number);
                found.push(input);
                number
            });
            node.members.push(Member { role, node: number });
        }
    }
    found
}

/// Of several reasons the one that tells most: that no key is known says least.
fn keep(kept: &mut Option<(u8, String)>, reason: (u8, String)) {
    if kept.as_ref().is_none_or(|(telling, _)| reason.0 > *telling) {
        *kept = Some(reason);
    }
}

fn telling(error: &VerifyError) -> u8 {
    match error {
        VerifyError::UnknownKey { .. } => 0,
        VerifyError::Subject { .. } | VerifyError::FileName { .. } => 1,
        _ => 2,
    }
}

fn reason(error: &dyn Error) -> String {
    with_causes(error).chars().take(REASON).collect()
}
