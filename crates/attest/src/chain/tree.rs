//! A chain as a tree that a person can read: what was built is shown by itself, once; what is alike is
//! counted.

use super::ends::{End, EndKind};
use super::node::{Node, Verdict};
use super::walk::Chain;
use crate::verify::{BASE_ROLE, BuiltReport, ImageReport, Origin, harmless, listed, many};
use std::collections::{BTreeMap, BTreeSet};

/// Most names of packages that are alike.
const NAMED: usize = 6;
/// Most gaps that are named below one artifact.
const GAPS: usize = 20;
/// Most steps that are shown below one artifact.
const DEPTH: usize = 50;
/// Most sources that are named below one artifact.
const SOURCES: usize = 12;

impl Chain {
    /// The tree, a line each, without control characters; below it what the chain ends in and why.
    pub fn lines(&self) -> Vec<String> {
        let mut tree = Tree {
            chain: self,
            shown: BTreeSet::new(),
            lines: Vec::new(),
        };
        for number in 0..self.targets {
            tree.node(number, "", "", None);
        }
        let mut lines = tree.lines;
        lines.push(String::new());
        lines.push(self.counted());
        let ends = self.ends();
        if !ends.is_empty() {
            lines.push("it ends in:".to_owned());
        }
        lines.extend(ends.iter().map(|end| {
            let (one, many) = end.kind.words();
            let word = if end.count == 1 { one } else { many };
            format!("{:>7} {word}: {}", end.count, end.kind.why())
        }));
        harmless_lines(&lines)
    }

    /// The tree of one artifact of the chain, by its number.
    pub fn lines_of(&self, number: usize) -> Vec<String> {
        let mut tree = Tree {
            chain: self,
            shown: BTreeSet::new(),
            lines: Vec::new(),
        };
        tree.node(number, "", "", None);
        harmless_lines(&tree.lines)
    }

    /// How many artifacts there are of each verdict, in one line.
    fn counted(&self) -> String {
        let (mut built, mut imported, mut images) = (0, 0, 0);
        for node in &self.nodes {
            match &node.verdict {
                Verdict::Package { report } => match report.origin {
                    Origin::Built(_) => built += 1,
                    Origin::Imported(_) => imported += 1,
                },
                Verdict::Image { .. } => images += 1,
                _ => {}
            }
        }
        let (unattested, gaps) = (self.unattested().count(), self.gaps().count());
        format!(
            "chain: {} and {} built, {} imported, {unattested} without attestation, {}",
            many(images, "image", "images"),
            many(built, "package", "packages"),
            many(imported, "package", "packages"),
            many(gaps, "gap", "gaps")
        )
    }
}

fn harmless_lines(lines: &[String]) -> Vec<String> {
    let lines = lines.iter();
    lines
        .map(|line| line.chars().map(harmless).collect())
        .collect()
}

/// What a package was for, in words; nothing where that is plain.
pub fn role_words(role: &str) -> Option<&'static str> {
    match role {
        "build-root" => Some("build environment"),
        "boot-package" => Some("kernel"),
        "agent-package" => Some("agent"),
        BASE_ROLE => Some("base image"),
        _ => None,
    }
}

/// A tree that is being written.
struct Tree<'a> {
    chain: &'a Chain,
    /// Numbers of artifacts that were laid open already.
    shown: BTreeSet<usize>,
    lines: Vec<String>,
}

/// A line below an artifact, and the artifact that is laid open under it.
enum Branch {
    Text(String),
    Node(usize, Option<String>),
}

impl Tree<'_> {
    /// An artifact and all below it. `first` stands before its own line, `rest` before those below.
    fn node(&mut self, number: usize, first: &str, rest: &str, role: Option<&str>) {
        let Some(node) = self.chain.nodes.get(number) else {
            return;
        };
        let role = role.map(|role| format!("{role} ")).unwrap_or_default();
        let said = said(node);
        if !self.shown.insert(number) {
            let text = if node.members.is_empty() && node.ends.is_empty() {
                ""
            } else {
                " (above)"
            };
            self.lines.push(format!("{first}{role}{said}{text}"));
            return;
        }
        self.lines.push(format!("{first}{role}{said}"));
        // Each step is three characters to the right.
        if rest.chars().count() / 3 >= DEPTH {
            self.lines
                .push(format!("{rest}└─ and more behind it, not shown here"));
            return;
        }
        let branches = self.branches(node);
        let count = branches.len();
        for (index, branch) in branches.into_iter().enumerate() {
            let last = index + 1 == count;
            let (corner, bar) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            match branch {
                Branch::Text(text) => self.lines.push(format!("{rest}{corner}{text}")),
                Branch::Node(number, role) => {
                    let (first, rest) = (format!("{rest}{corner}"), format!("{rest}{bar}"));
                    self.node(number, &first, &rest, role.as_deref());
                }
            }
        }
    }

    fn branches(&self, node: &Node) -> Vec<Branch> {
        let mut branches: Vec<Branch> = ends(&node.ends).into_iter().map(Branch::Text).collect();
        let mut by_role: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for member in &node.members {
            by_role.entry(&member.role).or_default().push(member.node);
        }
        for (role, numbers) in by_role {
            branches.extend(self.role(role, numbers));
        }
        branches
    }

    /// The packages of one role: built ones and gaps alone, others together.
    fn role(&self, role: &str, mut numbers: Vec<usize>) -> Vec<Branch> {
        numbers.sort_unstable();
        numbers.dedup();
        let word = match role {
            BASE_ROLE => Some("built on".to_owned()),
            _ => role_words(role).map(|word| format!("{word}:")),
        };
        let (mut alone, mut gaps) = (Vec::new(), 0);
        let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for number in numbers {
            let Some(node) = self.chain.nodes.get(number) else {
                continue;
            };
            match group(node) {
                Some(group) => alike.entry(group).or_default().push(&node.artifact.name),
                None if !node.is_gap() => alone.push(number),
                None => {
                    gaps += 1;
                    if gaps <= GAPS {
                        alone.push(number);
                    }
                }
            }
        }
        let mut branches: Vec<Branch> = alone
            .into_iter()
            .map(|number| Branch::Node(number, word.clone()))
            .collect();
        if gaps > GAPS {
            let text = format!("and {} more gaps", gaps - GAPS);
            branches.push(Branch::Text(text));
        }
        branches.extend(alike.into_iter().map(|(group, mut names)| {
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            let word = word
                .as_ref()
                .map(|word| format!("{word} "))
                .unwrap_or_default();
            Branch::Text(format!("{word}{count} {group}: {}", listed(&names, NAMED)))
        }));
        branches
    }
}

/// What a package that needs no line of its own is alike with.
fn group(node: &Node) -> Option<String> {
    match &node.verdict {
        Verdict::Unattested => Some("without attestation".to_owned()),
        Verdict::Missing => Some("MISSING, whose attestations are not there".to_owned()),
        Verdict::Package { report } => match &report.origin {
            Origin::Built(_) => None,
            Origin::Imported(imported) => Some(match &imported.import.release {
                Some(release) => format!(
                    "imported from {} (release sha256:{}…)",
                    release.suite,
                    &release.sha256.hex()[..12]
                ),
                None => "imported, written by a package list alone".to_owned(),
            }),
        },
        _ => None,
    }
}

/// The inputs of one artifact without provenance of their own. Sources have names; others are counted.
fn ends(ends: &[End]) -> Vec<String> {
    let mut lines = Vec::new();
    let of = |kind| ends.iter().filter(move |end: &&End| end.kind == kind);
    let named = [
        EndKind::RecipeCommit,
        EndKind::SourceArchive,
        EndKind::SourceCommit,
    ];
    for kind in named {
        let count = of(kind).count();
        lines.extend(of(kind).take(SOURCES).map(|end| source(kind, end)));
        if count > SOURCES {
            lines.push(format!("and {} more {}", count - SOURCES, kind.words().1));
        }
    }
    let counted = EndKind::ALL.into_iter().filter(|kind| {
        // What is without attestation is counted among packages and bases; archives make an import what it is.
        let unattested = [EndKind::UnattestedPackage, EndKind::UnattestedBase];
        !named.contains(kind) && !unattested.contains(kind)
    });
    let counted: Vec<String> = counted
        .filter_map(|kind| match of(kind).count() {
            0 => None,
            1 => Some(format!("1 {}", kind.words().0)),
            count => Some(format!("{count} {}", kind.words().1)),
        })
        .collect();
    if !counted.is_empty() {
        lines.push(counted.join(", "));
    }
    lines
}

fn source(kind: EndKind, end: &End) -> String {
    let place = end.uri.as_deref().or(end.name.as_deref()).unwrap_or("?");
    let commit = end.digest.get("gitCommit");
    let digest = match (commit, end.digest.get("sha256")) {
        (Some(commit), _) => format!("commit {commit}"),
        (None, Some(sha256)) => format!("sha256:{sha256}"),
        (None, None) => "no digest".to_owned(),
    };
    let place: String = place.chars().take(200).collect();
    format!("{} {place} ({digest})", kind.words().0)
}

/// One artifact in a line.
fn said(node: &Node) -> String {
    let name: String = node.artifact.name.chars().take(200).collect();
    let digest = &node.artifact.sha256.hex()[..12];
    let verdict = match &node.verdict {
        Verdict::Package { report } => match &report.origin {
            Origin::Built(built) => built_words(built),
            Origin::Imported(_) => "imported, not built here".to_owned(),
        },
        Verdict::Image { report } => image_words(report),
        Verdict::Unattested => "without attestation".to_owned(),
        Verdict::Missing => match &node.artifact.attestation {
            Some(attestation) => format!("MISSING: its attestation {attestation} is not there"),
            None => "MISSING".to_owned(),
        },
        Verdict::Refused { reason } => format!("REFUSED: {reason}"),
        Verdict::NotFollowed => "NOT FOLLOWED: the chain has too many artifacts".to_owned(),
    };
    format!("{name} (sha256:{digest}…): {verdict}")
}

fn built_words(built: &BuiltReport) -> String {
    let source = &built.source;
    let recipe = match (&source.repository, &source.commit) {
        (Some(repository), Some(commit)) => format!("{} of {repository} at {commit}", source.path),
        _ => format!("{}, no commit", source.path),
    };
    format!(
        "built at level {} by {}, recipe {recipe}",
        built.level, built.builder_id
    )
}

fn image_words(report: &ImageReport) -> String {
    format!(
        "image {} at level {} by {}, image file {}",
        report.subject, report.level, report.builder_id, report.config
    )
}
