//! The search: clauses over packages, propagation, learning from conflicts.
//!
//! After Marques-Silva and Sakallah, "GRASP" (1999), with the first unique implication point of
//! Zhang and others (2001) as the clause that is learnt.

use super::pool::{PackageId, Pool};
use super::preference::{self, Origins};
use crate::Dependency;
use std::collections::BTreeSet;

/// A package that is in (`true`) or out (`false`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Literal {
    id: PackageId,
    value: bool,
}

impl Literal {
    const fn slot(self) -> usize {
        self.id.0 * 2 + self.value as usize
    }

    const fn negated(self) -> Self {
        Self {
            id: self.id,
            value: !self.value,
        }
    }
}

/// Why a clause holds.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// The world asks for this (or its absence).
    World(Dependency),
    /// A package that is in must stay in.
    Kept(PackageId),
    /// The package needs this.
    Needs(PackageId, Dependency),
    /// The package refuses the other by a constraint `!name`.
    Refuses(PackageId, PackageId, Dependency),
    /// Both have a name that only one may have.
    Rivals(PackageId, PackageId),
    /// Follows from these clauses.
    Learnt(Vec<usize>),
}

struct Clause {
    literals: Vec<Literal>,
    rule: Rule,
}

/// Position of a clause.
type ClauseId = usize;

#[derive(Debug, Clone, Copy)]
struct Assignment {
    value: bool,
    level: usize,
    reason: Option<ClauseId>,
}

pub(super) struct Search<'p, 'a> {
    pool: &'p Pool<'a>,
    clauses: Vec<Clause>,
    /// Clauses that ask for one of several packages.
    requirements: Vec<ClauseId>,
    /// Clauses by the literal they have.
    occurrences: Vec<Vec<ClauseId>>,
    assignments: Vec<Option<Assignment>>,
    trail: Vec<Literal>,
    /// Length of the trail at the start of each level above 0.
    levels: Vec<usize>,
    propagated: usize,
    expanded: Vec<bool>,
    /// The first clause that was false when it was added.
    broken: Option<ClauseId>,
}

impl<'p, 'a> Search<'p, 'a> {
    pub(super) fn new(pool: &'p Pool<'a>, world: &[Dependency]) -> Self {
        let mut search = Self {
            pool,
            clauses: Vec::new(),
            requirements: Vec::new(),
            occurrences: vec![Vec::new(); pool.len() * 2],
            assignments: vec![None; pool.len()],
            trail: Vec::new(),
            levels: Vec::new(),
            propagated: 0,
            expanded: vec![false; pool.len()],
            broken: None,
        };
        for dependency in world {
            let found = pool.candidates(dependency, true);
            let rule = Rule::World(dependency.clone());
            if dependency.conflict {
                for id in found {
                    search.add(vec![Literal { id, value: false }], rule.clone());
                }
            } else {
                let any = found
                    .into_iter()
                    .map(|id| Literal { id, value: true })
                    .collect();
                search.add(any, rule);
            }
        }
        search
    }

    /// Adds that `id` is in.
    pub(super) fn require(&mut self, id: PackageId) {
        self.add(vec![Literal { id, value: true }], Rule::Kept(id));
    }

    /// Searches; gives the packages that are in, in pool order, or the rules that contradict.
    pub(super) fn run(&mut self) -> Result<Vec<PackageId>, Vec<Rule>> {
        loop {
            if let Some(conflict) = self.propagate() {
                self.backtrack(self.highest_level(conflict));
                if self.levels.is_empty() {
                    return Err(self.causes(conflict));
                }
                self.learn(conflict);
            } else if !self.decide() {
                let is_in = |id: &PackageId| self.assignments[id.0].is_some_and(|a| a.value);
                return Ok((0..self.pool.len()).map(PackageId).filter(is_in).collect());
            }
        }
    }

    fn value(&self, literal: Literal) -> Option<bool> {
        self.assignments[literal.id.0].map(|assignment| assignment.value == literal.value)
    }

    fn add(&mut self, literals: Vec<Literal>, rule: Rule) -> ClauseId {
        let id = self.clauses.len();
        for literal in &literals {
            self.occurrences[literal.slot()].push(id);
        }
        if matches!(rule, Rule::World(_) | Rule::Needs(..))
            && literals.iter().any(|literal| literal.value)
        {
            self.requirements.push(id);
        }
        self.clauses.push(Clause { literals, rule });
        if self.check(id) {
            self.broken = self.broken.or(Some(id));
        }
        id
    }

    /// Draws the conclusion from a clause, if there is one; true when the clause is false.
    fn check(&mut self, id: ClauseId) -> bool {
        let mut open = None;
        for &literal in &self.clauses[id].literals {
            match self.value(literal) {
                Some(true) => return false,
                Some(false) => {}
                None if open.is_some() => return false,
                None => open = Some(literal),
            }
        }
        match open {
            Some(literal) => self.assign(literal, Some(id)),
            None => return true,
        }
        false
    }

    fn assign(&mut self, literal: Literal, reason: Option<ClauseId>) {
        let level = self.levels.len();
        self.assignments[literal.id.0] = Some(Assignment {
            value: literal.value,
            level,
            reason,
        });
        self.trail.push(literal);
    }

    /// Draws all conclusions; gives a clause that is false, if there is one.
    fn propagate(&mut self) -> Option<ClauseId> {
        loop {
            if let Some(broken) = self.broken.take() {
                return Some(broken);
            }
            let literal = *self.trail.get(self.propagated)?;
            self.propagated += 1;
            if literal.value && !std::mem::replace(&mut self.expanded[literal.id.0], true) {
                self.expand(literal.id);
            }
            let affected = literal.negated().slot();
            for position in 0..self.occurrences[affected].len() {
                let clause = self.occurrences[affected][position];
                if self.check(clause) {
                    return Some(clause);
                }
            }
        }
    }

    /// Adds the rules of a package.
    fn expand(&mut self, id: PackageId) {
        let out = |id| Literal { id, value: false };
        for dependency in &self.pool.entry(id).depends {
            let found = self.pool.candidates(dependency, false);
            if dependency.conflict {
                for other in found.into_iter().filter(|&other| other != id) {
                    let rule = Rule::Refuses(id, other, dependency.clone());
                    self.add(vec![out(id), out(other)], rule);
                }
            } else if !found.contains(&id) {
                let mut literals = vec![out(id)];
                literals.extend(found.into_iter().map(|id| Literal { id, value: true }));
                self.add(literals, Rule::Needs(id, dependency.clone()));
            }
        }
        for other in self.pool.rivals(id) {
            self.add(vec![out(id), out(other)], Rule::Rivals(id, other));
        }
    }

    fn highest_level(&self, clause: ClauseId) -> usize {
        let levels = self.clauses[clause].literals.iter();
        levels
            .filter_map(|literal| self.assignments[literal.id.0])
            .map(|a| a.level)
            .max()
            .unwrap_or(0)
    }

    fn backtrack(&mut self, level: usize) {
        let Some(&length) = self.levels.get(level) else {
            return;
        };
        for literal in self.trail.drain(length..) {
            self.assignments[literal.id.0] = None;
        }
        self.levels.truncate(level);
        // A clause that was added or was a conclusion above this level can be one at this level,
        // or contradict it, so everything is looked at again.
        self.propagated = 0;
        self.broken = None;
    }

    /// Learns a clause from a conflict and goes back to where it would have changed the course.
    fn learn(&mut self, conflict: ClauseId) {
        let level = self.levels.len();
        let mut seen = BTreeSet::new();
        let mut learnt = Vec::new();
        let mut causes = vec![conflict];
        let mut open = 0;
        let mut clause = conflict;
        let mut position = self.trail.len();
        let pivot = loop {
            for &literal in &self.clauses[clause].literals {
                let Some(assignment) = self.assignments[literal.id.0] else {
                    continue;
                };
                if self.value(literal) == Some(true) || !seen.insert(literal.id) {
                    continue;
                }
                if assignment.level == level {
                    open += 1;
                } else if assignment.level > 0 {
                    learnt.push(literal);
                } else {
                    causes.extend(assignment.reason);
                }
            }
            let pivot = loop {
                position -= 1;
                if seen.contains(&self.trail[position].id) {
                    break self.trail[position];
                }
            };
            open -= 1;
            let reason = self.assignments[pivot.id.0].and_then(|assignment| assignment.reason);
            match reason {
                Some(reason) if open > 0 => {
                    causes.push(reason);
                    clause = reason;
                }
                _ => break pivot,
            }
        };
        let back = learnt
            .iter()
            .filter_map(|literal| self.assignments[literal.id.0]);
        let back = back.map(|assignment| assignment.level).max().unwrap_or(0);
        learnt.push(pivot.negated());
        self.backtrack(back);
        self.add(learnt, Rule::Learnt(causes));
    }

    /// Chooses a package for the requirement with the fewest candidates, the world's first; false
    /// when every requirement is met.
    fn decide(&mut self) -> bool {
        let mut next: Option<((bool, usize), ClauseId)> = None;
        for &id in &self.requirements {
            let Clause { literals, rule } = &self.clauses[id];
            if literals
                .iter()
                .any(|&literal| self.value(literal) == Some(true))
            {
                continue;
            }
            // The requirement of a package that is not in.
            if literals
                .iter()
                .any(|&l| !l.value && self.value(l).is_none())
            {
                continue;
            }
            let count = literals
                .iter()
                .filter(|&&literal| self.value(literal).is_none())
                .count();
            let rank = (!matches!(rule, Rule::World(_)), count);
            if next.is_none_or(|(best, _)| rank < best) {
                next = Some((rank, id));
            }
        }
        let Some((_, id)) = next else { return false };
        let Clause {
            literals,
            rule: Rule::World(dependency) | Rule::Needs(_, dependency),
        } = &self.clauses[id]
        else {
            return false;
        };
        let open = literals
            .iter()
            .filter(|&&literal| self.value(literal).is_none());
        let best = preference::best(
            self.pool,
            dependency,
            open.map(|literal| literal.id),
            &self.origins(),
        );
        let Some(id) = best else { return false };
        self.levels.push(self.trail.len());
        self.assign(Literal { id, value: true }, None);
        true
    }

    fn origins(&self) -> Origins<'a> {
        let mut origins = Origins::new();
        for literal in self.trail.iter().filter(|literal| literal.value) {
            let entry = self.pool.entry(literal.id);
            origins
                .entry(entry.origin.as_str())
                .or_default()
                .push(&entry.version);
        }
        origins
    }

    /// The rules, learnt ones taken apart, that make `conflict` false.
    fn causes(&self, conflict: ClauseId) -> Vec<Rule> {
        let mut seen = BTreeSet::new();
        let mut queue = vec![conflict];
        while let Some(id) = queue.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Clause { literals, rule } = &self.clauses[id];
            if let Rule::Learnt(causes) = rule {
                queue.extend(causes);
            }
            let assigned = literals.iter().filter_map(|l| self.assignments[l.id.0]);
            queue.extend(assigned.filter_map(|assignment| assignment.reason));
        }
        let rules = seen.into_iter().map(|id| self.clauses[id].rule.clone());
        rules
            .filter(|rule| !matches!(rule, Rule::Learnt(_)))
            .collect()
    }
}
