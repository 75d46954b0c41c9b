//! Saying why there is no solution.

use super::learning::Rule;
use super::pool::{PackageId, Pool};
use super::similar::similar;
use super::tags;
use crate::Dependency;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most lines of an explanation.
const MAX_LINES: usize = 10;
/// The most versions named in one line.
const MAX_VERSIONS: usize = 4;

/// No choice of packages satisfies the world, or none was found in time. [`fmt::Display`] gives a line
/// on the world and one for each rule that contradicts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsolvable {
    /// One sentence a rule, the world's constraints first.
    pub reasons: Vec<String>,
    /// Whether the search gave up: there may be a solution.
    pub gave_up: bool,
}

impl Unsolvable {
    pub(super) fn gave_up(limit: u64) -> Self {
        let reason = format!(
            "it was not found in {limit} steps; fewer constraints, or versions in them, make it easier"
        );
        Self {
            reasons: vec![reason],
            gave_up: true,
        }
    }
}

impl fmt::Display for Unsolvable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.gave_up {
            "gave up looking for a choice of packages that satisfies every constraint:"
        } else {
            "no choice of packages satisfies every constraint:"
        })?;
        self.reasons
            .iter()
            .try_for_each(|reason| write!(formatter, "\n  {reason}"))
    }
}

impl std::error::Error for Unsolvable {}

pub(super) fn explain(pool: &Pool<'_>, world: &[Dependency], rules: &[Rule]) -> Unsolvable {
    let view = View { pool, world };
    let rules = view.with_all_missing(rules);
    let depths = view.depths(&rules);
    let all = view.one_version_each(&rules, ToString::to_string);
    let mut lines = view.render(all, &depths);
    if lines.len() > MAX_LINES {
        let fewer = view.one_version_each(&rules, |dependency| dependency.name.clone());
        lines = view.render(fewer, &depths);
    }
    // What is missing outright says it all; rules around it would only hide it.
    let is_missing = |text: &String| text.contains(MISSING);
    if lines.len() > MAX_LINES && lines.iter().any(|(.., text)| is_missing(text)) {
        lines.retain(|(rank, _, text)| *rank == 0 || is_missing(text));
    }
    let count = lines.len();
    let mut reasons: Vec<String> = lines.into_iter().map(|(.., text)| text).collect();
    if count > MAX_LINES {
        reasons.truncate(MAX_LINES - 1);
        reasons.push(format!("and {} more", count + 1 - MAX_LINES));
    }
    reasons.extend(view.considered(&rules));
    Unsolvable {
        reasons,
        gave_up: false,
    }
}

const MISSING: &str = "which nothing provides";
/// Above this, the way from the world to a rule is not looked for.
const MAX_ORDERED: usize = 200;
/// The most names whose versions are told.
const MAX_NAMES: usize = 3;

const fn rank(rule: &Rule) -> u8 {
    match rule {
        Rule::World(_) => 0,
        Rule::Needs(..) => 1,
        Rule::Refuses(..) => 2,
        Rule::Rivals(..) => 3,
    }
}

/// Rank of the rule, steps from the world, text.
type Lines = BTreeSet<(u8, usize, String)>;

struct View<'p, 'a> {
    pool: &'p Pool<'a>,
    world: &'p [Dependency],
}

impl View<'_, '_> {
    /// If a constraint of the world asks for what is not there, so may others.
    fn with_all_missing(&self, rules: &[Rule]) -> Vec<Rule> {
        let is_missing = |rule: &Rule| match rule {
            Rule::World(at) => !self.missing(&self.world[*at], true).is_empty(),
            _ => false,
        };
        let mut all: BTreeSet<Rule> = rules.iter().copied().collect();
        if rules.iter().any(is_missing) {
            all.extend((0..self.world.len()).map(Rule::World).filter(is_missing));
        }
        all.into_iter().collect()
    }

    /// How many rules lead from the world to each.
    fn depths(&self, rules: &[Rule]) -> BTreeMap<Rule, usize> {
        let mut depths = BTreeMap::new();
        let mut left: Vec<Rule> = rules.to_vec();
        let mut reached = BTreeSet::new();
        for depth in 0..if rules.len() > MAX_ORDERED {
            0
        } else {
            rules.len()
        } {
            let (here, rest): (Vec<Rule>, Vec<Rule>) =
                left.into_iter().partition(|rule| match rule {
                    Rule::World(_) => depth == 0,
                    Rule::Needs(id, _) => reached.contains(id),
                    _ => false,
                });
            left = rest;
            for rule in here {
                depths.insert(rule, depth);
                match rule {
                    Rule::World(at) => reached.extend(self.pool.fitting_world(&self.world[at]).fit),
                    Rule::Needs(_, need) => reached.extend(&self.pool.fitting(need).fit),
                    _ => {}
                }
            }
        }
        depths
    }

    fn render(&self, rules: Vec<&Rule>, depths: &BTreeMap<Rule, usize>) -> Lines {
        let depth = |rule| depths.get(rule).copied().unwrap_or(usize::MAX);
        rules
            .into_iter()
            .filter_map(|rule| Some((rank(rule), depth(rule), self.line(rule)?)))
            .collect()
    }

    /// A line on which versions there are of names that several rules want in different ones.
    fn considered(&self, rules: &[Rule]) -> Vec<String> {
        let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for rule in rules {
            let dependency = match rule {
                Rule::World(at) => &self.world[*at],
                Rule::Needs(_, need) => self.pool.dependency(*need),
                _ => continue,
            };
            wanted
                .entry(&dependency.name)
                .or_default()
                .insert(dependency.to_string());
        }
        wanted.retain(|_, constraints| constraints.len() > 1);
        let lines = wanted.keys().filter_map(|name| {
            let there = self.there_is(&Dependency::named(*name));
            let there = there.filter(|_| !self.pool.providers(name).is_empty())?;
            Some(format!("considered of {name}: {there}"))
        });
        lines.take(MAX_NAMES).collect()
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
                let more = match self.missing(dependency, false) {
                    missing if missing.is_empty() => self.answered_by(dependency),
                    missing => missing,
                };
                format!("{} needs {dependency}{more}", self.name(id))
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

    /// What to add when only packages with other names meet a constraint: which.
    fn answered_by(&self, dependency: &Dependency) -> String {
        let fit = self.pool.fitting_world(dependency).fit;
        let by_name = |&id: &PackageId| self.pool.entry(id).name == dependency.name;
        if fit.iter().any(by_name) {
            return String::new();
        }
        let mut names: Vec<String> = fit.iter().map(|&id| self.name(id)).collect();
        let more = if names.len() > MAX_VERSIONS {
            ", …"
        } else {
            ""
        };
        names.truncate(MAX_VERSIONS);
        format!(" ({}{more})", names.join(", "))
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
        let tag = match &dependency.pin {
            Some(tag) if in_world && !self.has_tag(tag) => {
                format!("; no repository has the tag {tag}")
            }
            _ => String::new(),
        };
        if let Some(there) = self.there_is(dependency) {
            return format!(", {MISSING} (there is {there}){tag}");
        }
        let similar = similar(pool, &dependency.name);
        if similar.is_empty() {
            return format!(", {MISSING}{tag}");
        }
        format!(", {MISSING}; did you mean {}?{tag}", similar.join(" or "))
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.pool.ids().any(|id| self.pool.tag(id) == Some(tag))
    }

    /// Who has the name and in which version, the highest first.
    fn there_is(&self, dependency: &Dependency) -> Option<String> {
        let pool = self.pool;
        let mut providers = pool.providers(&dependency.name).to_vec();
        providers.sort_by(|a, b| b.version.cmp(&a.version));
        let mut found: Vec<String> = providers
            .into_iter()
            .map(|provider| {
                let entry = pool.entry(provider.id);
                let tag = pool.tag(provider.id);
                let tag = tag.map(|tag| format!(" @{tag}")).unwrap_or_default();
                match provider.version {
                    Some(version) if entry.name == dependency.name => format!("{version}{tag}"),
                    Some(version) => format!("{version} by {}{tag}", entry.name),
                    None => format!("no version by {}{tag}", entry.name),
                }
            })
            .collect();
        found.dedup();
        let more = if found.len() > MAX_VERSIONS {
            ", …"
        } else {
            ""
        };
        found.truncate(MAX_VERSIONS);
        (!found.is_empty()).then(|| format!("{}{more}", found.join(", ")))
    }
}
