//! Saying why there is no solution.

use super::learning::Rule;
use super::pool::{PackageId, Pool};
use super::tags;
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

pub(super) fn explain(pool: &Pool<'_>, world: &[Dependency], rules: &[Rule]) -> Unsolvable {
    let view = View { pool, world };
    let mut lines = view.render(view.one_version_each(rules, ToString::to_string));
    if lines.len() > MAX_LINES {
        lines = view.render(view.one_version_each(rules, |dependency| dependency.name.clone()));
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

const MISSING: &str = "which nothing provides";

const fn rank(rule: &Rule) -> u8 {
    match rule {
        Rule::World(_) => 0,
        Rule::Needs(..) => 1,
        Rule::Refuses(..) => 2,
        Rule::Rivals(..) => 3,
    }
}

struct View<'p, 'a> {
    pool: &'p Pool<'a>,
    world: &'p [Dependency],
}

impl View<'_, '_> {
    fn render(&self, rules: Vec<&Rule>) -> BTreeSet<(u8, String)> {
        rules
            .into_iter()
            .filter_map(|rule| Some((rank(rule), self.line(rule)?)))
            .collect()
    }

    /// Of rules that say the same, by `what`, of several versions of a package, only the highest
    /// version's.
    fn one_version_each<'r>(
        &self,
        rules: &'r [Rule],
        what: impl Fn(&Dependency) -> String,
    ) -> Vec<&'r Rule> {
        let version = |id: PackageId| &self.pool.entry(id).version;
        let mut kept: BTreeMap<String, &Rule> = BTreeMap::new();
        for (position, rule) in rules.iter().enumerate() {
            let key = match rule {
                Rule::Needs(id, need) => {
                    let dependency = what(self.pool.dependency(*need));
                    format!("{} {dependency}", self.pool.entry(*id).name)
                }
                _ => format!("{position:020}"),
            };
            let kept = kept.entry(key).or_insert(rule);
            if let (Rule::Needs(old, _), Rule::Needs(new, _)) = (*kept, rule)
                && version(*old) < version(*new)
            {
                *kept = rule;
            }
        }
        kept.into_values().collect()
    }

    fn name(&self, id: PackageId) -> String {
        let entry = self.pool.entry(id);
        format!("{}-{}", entry.name, entry.version)
    }

    fn line(&self, rule: &Rule) -> Option<String> {
        Some(match *rule {
            Rule::World(at) => {
                let dependency = &self.world[at];
                format!(
                    "{dependency} is asked for{}",
                    self.missing(dependency, true)
                )
            }
            Rule::Needs(id, need) => {
                let dependency = self.pool.dependency(need);
                let missing = self.missing(dependency, false);
                format!("{} needs {dependency}{missing}", self.name(id))
            }
            Rule::Refuses(id, other, need) => format!(
                "{} refuses {}, which is {}",
                self.name(id),
                self.pool.dependency(need),
                self.name(other)
            ),
            Rule::Rivals(a, b) => {
                let (first, second) = (self.pool.entry(a), self.pool.entry(b));
                // Two versions of one package: nobody needs to be told.
                if first.name == second.name {
                    return None;
                }
                let shared = self.shared_name(a, b);
                format!(
                    "{} and {} both have the name {shared}",
                    self.name(a),
                    self.name(b)
                )
            }
        })
    }

    fn shared_name(&self, a: PackageId, b: PackageId) -> String {
        let names = |id: PackageId| -> BTreeSet<&str> {
            let entry = self.pool.entry(id);
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
    fn missing(&self, dependency: &Dependency, in_world: bool) -> String {
        let pool = self.pool;
        let mut fit = pool.fitting_world(dependency).fit.into_iter();
        let open = |id| !in_world || tags::may_answer(pool, id, dependency);
        if dependency.conflict || fit.any(open) {
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
}
