//! Whether packages may be installed together, told from apk's rules alone: the solver has no part in
//! it, so that both its sets and apko's can be held against them.

use bessemer_apk::{Dependency, IndexEntry};
use std::fmt;

/// A rule that a set breaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken<'a> {
    /// The world asks for something that nothing is.
    World(&'a Dependency),
    /// Nothing meets what a package depends on.
    Missing(&'a IndexEntry, &'a Dependency),
    /// A package excludes another.
    Conflict(&'a IndexEntry, &'a IndexEntry),
    /// Both own or provide a name, at least one of them with a version.
    Rivals(&'a IndexEntry, &'a IndexEntry),
}

impl fmt::Display for Broken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(wanted) => write!(formatter, "nothing is {wanted}"),
            Self::Missing(package, wanted) => {
                write!(formatter, "{} needs {wanted}", package.name)
            }
            Self::Conflict(package, other) => {
                write!(formatter, "{} excludes {}", package.name, other.name)
            }
            Self::Rivals(package, other) => {
                write!(
                    formatter,
                    "{} and {} are one name",
                    package.name, other.name
                )
            }
        }
    }
}

/// Everything in which the set breaks the rules.
pub(super) fn broken<'a>(world: &'a Dependency, set: &[&'a IndexEntry]) -> Vec<Broken<'a>> {
    let mut found = Vec::new();
    if !set.iter().any(|entry| is(entry, world)) {
        found.push(Broken::World(world));
    }
    for (at, entry) in set.iter().enumerate() {
        for wanted in &entry.depends {
            if !wanted.conflict {
                if !set.iter().any(|other| is(other, wanted)) {
                    found.push(Broken::Missing(entry, wanted));
                }
                continue;
            }
            let mut others = set.iter().filter(|other| other.name != entry.name);
            if let Some(other) = others.find(|other| is(other, wanted)) {
                found.push(Broken::Conflict(entry, other));
            }
        }
        let mut before = set[..at].iter();
        if let Some(other) = before.find(|other| rivals(entry, other)) {
            found.push(Broken::Rivals(entry, other));
        }
    }
    found
}

/// Whether a package meets a constraint, under its own name or one it provides.
fn is(entry: &IndexEntry, wanted: &Dependency) -> bool {
    (entry.name == wanted.name && wanted.accepts(Some(&entry.version)))
        || entry
            .provides
            .iter()
            .any(|provide| provide.name == wanted.name && wanted.accepts(provide.version.as_ref()))
}

fn rivals(entry: &IndexEntry, other: &IndexEntry) -> bool {
    names(entry).any(|(name, versioned)| {
        names(other).any(|(known, also)| name == known && (versioned || also))
    })
}

/// The names a package goes by, and whether each is with a version.
fn names(entry: &IndexEntry) -> impl Iterator<Item = (&str, bool)> {
    let provides = entry.provides.iter();
    provides
        .map(|provide| (provide.name.as_str(), provide.version.is_some()))
        .chain([(entry.name.as_str(), true)])
}
