//! What the answers to one world come to.

use super::intended::{CONFLICT, INCOMPLETE, Intended, ONLY_OURS};
use super::rules::{Broken, broken};
use bessemer_apk::{Dependency, IndexEntry};
use std::collections::BTreeSet;

/// Bessemer's answer: packages, or why there are none.
pub(super) type Ours<'a> = Result<Vec<&'a IndexEntry>, String>;

/// apko's answer, in terms of the indexes.
#[derive(Debug)]
pub(super) enum Theirs<'a> {
    Packages(Vec<&'a IndexEntry>),
    None(String),
}

/// What the comparison of one world came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The same packages in the same order.
    Equal,
    /// The same packages; those without `install_if` are in the same order.
    Order,
    Intended(&'static str),
    /// Neither finds packages.
    Neither,
    Different(String),
    PeerFailed(String),
}

/// Compares the answers to `world`.
pub(super) fn judge<'a>(world: &'a Dependency, ours: &Ours<'a>, theirs: &Theirs<'a>) -> Outcome {
    match (ours, theirs) {
        (Err(_), Theirs::None(_)) => Outcome::Neither,
        (Err(why), Theirs::Packages(set)) => Outcome::Different(format!(
            "Bessemer finds nothing ({why}), apko {}",
            list(set)
        )),
        (Ok(set), Theirs::None(why)) => match broken(world, set).first() {
            None => Outcome::Intended(ONLY_OURS.id),
            Some(rule) => Outcome::Different(format!(
                "apko finds nothing ({why}), and in Bessemer's set {rule}: {}",
                list(set)
            )),
        },
        (Ok(ours), Theirs::Packages(theirs)) => sets(world, ours, theirs),
    }
}

fn sets<'a>(world: &'a Dependency, ours: &[&'a IndexEntry], theirs: &[&'a IndexEntry]) -> Outcome {
    let ordered = |set: &[&'a IndexEntry]| set.iter().copied().map(name).collect::<Vec<_>>();
    if ordered(ours) == ordered(theirs) {
        return Outcome::Equal;
    }
    let [our, their] = [ours, theirs].map(|set| ordered(set).into_iter().collect::<BTreeSet<_>>());
    let different = |why: &str| {
        let more = |a: &BTreeSet<_>, b: &BTreeSet<_>| {
            let more = a
                .difference(b)
                .map(|(name, version)| format!("{name}-{version}"));
            more.collect::<Vec<_>>().join(" ")
        };
        let (ours, theirs) = (more(&our, &their), more(&their, &our));
        Outcome::Different(format!("{why}; only Bessemer: {ours}; only apko: {theirs}"))
    };
    if our == their {
        let lasting = |set: &[&'a IndexEntry]| {
            let set = set.iter().copied().filter(|entry| !joins(entry));
            set.map(name).collect::<Vec<_>>()
        };
        return if lasting(ours) == lasting(theirs) {
            Outcome::Order
        } else {
            different("the order differs")
        };
    }
    if let Some(rule) = broken(world, ours).first() {
        return different(&format!("in Bessemer's set {rule}"));
    }
    let leaves_out_what_joins = theirs
        .iter()
        .filter(|entry| !our.contains(&name(entry)))
        .all(|entry| joins(entry));
    match reason(&broken(world, theirs)) {
        Some(intended) if leaves_out_what_joins => Outcome::Intended(intended.id),
        _ => different("both sets can be installed, or more than `install_if` differs"),
    }
}

/// The one kind of rule that apko's set breaks, when that is one of those expected.
fn reason(broken: &[Broken<'_>]) -> Option<&'static Intended> {
    let missing = |rule: &Broken<'_>| matches!(rule, Broken::Missing(entry, _) if joins(entry));
    let conflict = |rule: &Broken<'_>| matches!(rule, Broken::Conflict(a, b) | Broken::Rivals(a, b) if joins(a) || joins(b));
    if broken.is_empty() {
        None
    } else if broken.iter().all(missing) {
        Some(&INCOMPLETE)
    } else {
        broken.iter().all(conflict).then_some(&CONFLICT)
    }
}

/// Whether a package can come without being asked for.
fn joins(entry: &IndexEntry) -> bool {
    !entry.install_if.is_empty()
}

fn name(entry: &IndexEntry) -> (&str, &str) {
    (&entry.name, entry.version.as_str())
}

fn list(set: &[&IndexEntry]) -> String {
    let names = set
        .iter()
        .map(|entry| format!("{}-{}", entry.name, entry.version));
    names.collect::<Vec<_>>().join(" ")
}
