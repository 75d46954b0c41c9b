//! Saying why there is no solution.

use super::pool::{PackageId, Pool};
use super::search::Rule;
use crate::Dependency;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most lines of an explanation.
const MAX_LINES: usize = 10;
/// The most versions named in one line.
const MAX_VERSIONS: usize = 4;

/// No choice of packages satisfies the world. [`fmt::Display`] gives a line on the world and one
/// for each rule that contradicts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsolvable {
    /// One sentence a rule, the world's constraints first.
    pub reasons: Vec<String>,
}

impl fmt::Display for Unsolvable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no choice of packages satisfies every constraint:")?;
        self.reasons
            .iter()
            .try_for_each(|reason| write!(formatter, "\n  {reason}"))
    }
}

impl std::error::Error for Unsolvable {}

pub(super) fn explain(pool: &Pool<'_>, rules: &[Rule]) -> Unsolvable {
    let render = |rules: Vec<&Rule>| -> BTreeSet<(u8, String)> {
        rules
            .into_iter()
            .filter_map(|rule| Some((rank(rule), line(pool, rule)?)))
            .collect()
    };
    let mut lines = render(one_version_each(pool, rules, ToString::to_string));
    if lines.len() > MAX_LINES {
        lines = render(one_version_each(pool, rules, |dependency| {
            dependency.name.clone()
        }));
    }
    // What is missing outright says it all; rules around it would only hide it.
    if lines.len() > MAX_LINES && lines.iter().any(|(_, text)| text.contains(MISSING)) {
        lines.retain(|(rank, text)| *rank == 0 || text.contains(MISSING));
    }
    let count = lines.len();
    let mut reasons: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
    if count > MAX_LINES {
        reasons.truncate(MAX_LINES - 1);
        reasons.push(format!("and {} more", count + 1 - MAX_LINES));
    }
    Unsolvable { reasons }
}

/// Of rules that say the same, by `what`, of several versions of a package, only the highest
/// version's.
fn one_version_each<'r>(
    pool: &Pool<'_>,
    rules: &'r [Rule],
    what: impl Fn(&Dependency) -> String,
) -> Vec<&'r Rule> {
    let mut kept: BTreeMap<String, &Rule> = BTreeMap::new();
    for (position, rule) in rules.iter().enumerate() {
        let (key, version) = match rule {
            Rule::Needs(id, dependency) => {
                let entry = pool.entry(*id);
                (
                    format!("{} {}", entry.name, what(dependency)),
                    Some(&entry.version),
                )
            }
            _ => (format!("{position:020}"), None),
        };
        let lower = |kept: &Rule| match kept {
            Rule::Needs(id, _) => Some(&pool.entry(*id).version) < version,
            _ => false,
        };
        let kept = kept.entry(key).or_insert(rule);
        if lower(kept) {
            *kept = rule;
        }
    }
    kept.into_values().collect()
}

const MISSING: &str = "which nothing provides";

const fn rank(rule: &Rule) -> u8 {
    match rule {
        Rule::World(_) | Rule::Kept(_) => 0,
        Rule::Needs(..) => 1,
        Rule::Refuses(..) => 2,
        Rule::Rivals(..) | Rule::Learnt(_) => 3,
    }
}

fn line(pool: &Pool<'_>, rule: &Rule) -> Option<String> {
    let name = |id: PackageId| {
        let entry = pool.entry(id);
        format!("{}-{}", entry.name, entry.version)
    };
    Some(match rule {
        Rule::World(dependency) if dependency.conflict => format!("{dependency} is asked for"),
        Rule::World(dependency) => {
            format!(
                "{dependency} is asked for{}",
                missing(pool, dependency, true)
            )
        }
        Rule::Kept(id) => format!("{} is asked for", name(*id)),
        Rule::Needs(id, dependency) => {
            format!(
                "{} needs {dependency}{}",
                name(*id),
                missing(pool, dependency, false)
            )
        }
        Rule::Refuses(id, other, dependency) => {
            format!(
                "{} refuses {dependency}, which is {}",
                name(*id),
                name(*other)
            )
        }
        Rule::Rivals(a, b) => {
            let (first, second) = (pool.entry(*a), pool.entry(*b));
            // Two versions of one package: nobody needs to be told.
            if first.name == second.name {
                return None;
            }
            let shared = shared_name(pool, *a, *b);
            format!("{} and {} both have the name {shared}", name(*a), name(*b))
        }
        Rule::Learnt(_) => return None,
    })
}

fn shared_name(pool: &Pool<'_>, a: PackageId, b: PackageId) -> String {
    let names = |id: PackageId| -> BTreeSet<&str> {
        let entry = pool.entry(id);
        let provided = entry.provides.iter().map(|provide| provide.name.as_str());
        provided.chain([entry.name.as_str()]).collect()
    };
    names(a)
        .intersection(&names(b))
        .next()
        .map(|name| (*name).to_owned())
        .unwrap_or_default()
}

/// What to add when nothing meets a constraint: what there is instead.
fn missing(pool: &Pool<'_>, dependency: &Dependency, in_world: bool) -> String {
    if !pool.candidates(dependency, in_world).is_empty() {
        return String::new();
    }
    let mut providers = pool.providers(&dependency.name).to_vec();
    providers.sort_by(|a, b| b.version.cmp(&a.version));
    let mut found: Vec<String> = providers
        .into_iter()
        .map(|provider| {
            let entry = pool.entry(provider.id);
            let tag = pool
                .tag(provider.id)
                .map(|tag| format!(" @{tag}"))
                .unwrap_or_default();
            match provider.version {
                Some(version) if entry.name == dependency.name => format!("{version}{tag}"),
                Some(version) => format!("{version} by {}{tag}", entry.name),
                None => format!("no version by {}{tag}", entry.name),
            }
        })
        .collect();
    found.dedup();
    if found.is_empty() {
        return format!(", {MISSING}");
    }
    let more = if found.len() > MAX_VERSIONS {
        ", …"
    } else {
        ""
    };
    found.truncate(MAX_VERSIONS);
    format!(", {MISSING} (there is {}{more})", found.join(", "))
}
