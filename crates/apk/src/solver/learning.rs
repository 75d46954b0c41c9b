//! What is learnt from a conflict, and what the last one rests on.
//!
//! The clause that is learnt is the first unique implication point's (Zhang and others, 2001).

use super::pool::{NeedId, PackageId};
use super::search::{Cause, Conflict, Literal, Origin, Pair, Reason, Search};
use std::collections::{BTreeSet, HashSet};

/// A rule that takes part in a contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// The constraint of the world at this position.
    World(usize),
    /// The package needs this.
    Needs(PackageId, NeedId),
    /// The package refuses the other by a constraint `!name`.
    Refuses(PackageId, PackageId, NeedId),
    /// Both have a name that only one may have.
    Rivals(PackageId, PackageId),
}

impl Search<'_, '_> {
    /// Goes back to where a conflict teaches something, and adds that. False when it does not rest
    /// on any decision above the floor.
    pub(super) fn learn(&mut self, conflict: Conflict) -> bool {
        let level = self.highest_level(conflict);
        if level <= self.floor {
            return false;
        }
        self.backtrack(level);
        self.spend(self.trail.len());
        let (learnt, causes) = self.implication_point(conflict, level);
        let last = learnt.len() - 1;
        let back = learnt[..last]
            .iter()
            .map(|literal| self.assignments[literal.id().at()].level as usize)
            .max()
            .unwrap_or(0);
        self.backtrack(back.max(self.floor));
        self.add(&learnt, Origin::Learnt(causes.into_boxed_slice()));
        true
    }

    fn highest_level(&self, conflict: Conflict) -> usize {
        let (literals, _) = self.conflict_side(conflict);
        let levels = literals
            .iter()
            .map(|literal| self.assignments[literal.id().at()].level);
        levels.max().unwrap_or(0) as usize
    }

    /// The literals of what cannot be, all of them false, and what says so.
    fn conflict_side(&self, conflict: Conflict) -> (Vec<Literal>, Cause) {
        match conflict {
            Conflict::Clause(id) => (self.literals_of(id).to_vec(), Cause::Clause(id)),
            Conflict::Pair(a, b, why) => (
                vec![Literal::is_out(a), Literal::is_out(b)],
                Cause::Pair(a, b, why),
            ),
        }
    }

    /// The false literals that a conclusion rests on, and what it follows by; `None` of a decision.
    fn reason_side(&self, conclusion: Literal) -> Option<(Vec<Literal>, Cause)> {
        match self.assignments[conclusion.id().at()].reason {
            Reason::Decision => None,
            Reason::Clause(id) => {
                let others = self.literals_of(id).iter().copied();
                let others = others.filter(|literal| literal.id() != conclusion.id());
                Some((others.collect(), Cause::Clause(id)))
            }
            Reason::Pair(by, why) => Some((
                vec![Literal::is_out(by)],
                Cause::Pair(by, conclusion.id(), why),
            )),
        }
    }

    /// Resolves backwards along the trail until one literal of the level is left; it comes last.
    fn implication_point(&self, conflict: Conflict, level: usize) -> (Vec<Literal>, Vec<Cause>) {
        let mut seen = HashSet::new();
        let mut learnt = Vec::new();
        let (mut side, cause) = self.conflict_side(conflict);
        let mut causes = vec![cause];
        let mut open = 0;
        let mut position = self.trail.len();
        loop {
            // A set costs some five times what is looked at.
            self.spend(side.len() * 5);
            for &literal in &side {
                let at = self.assignments[literal.id().at()].level as usize;
                if !seen.insert(literal.id()) {
                    continue;
                }
                if at == level {
                    open += 1;
                } else if at > 0 {
                    learnt.push(literal);
                } else {
                    causes.push(Cause::Known(literal.id()));
                }
            }
            let pivot = loop {
                position -= 1;
                self.spend(2);
                if seen.contains(&self.trail[position].id()) {
                    break self.trail[position];
                }
            };
            open -= 1;
            match self.reason_side(pivot) {
                Some((literals, cause)) if open > 0 => {
                    causes.push(cause);
                    side = literals;
                }
                _ => {
                    learnt.push(pivot.negated());
                    return (learnt, causes);
                }
            }
        }
    }

    /// The rules, learnt ones taken apart, that make a conflict without decisions.
    pub(super) fn causes(&self, conflict: Conflict) -> Vec<Rule> {
        let (literals, cause) = self.conflict_side(conflict);
        let mut queue: Vec<Cause> = literals.iter().map(|l| Cause::Known(l.id())).collect();
        queue.push(cause);
        let mut seen = BTreeSet::new();
        let mut rules = BTreeSet::new();
        while let Some(cause) = queue.pop() {
            if !seen.insert(cause) {
                continue;
            }
            match cause {
                Cause::Known(id) => {
                    let known = self.trail.iter().find(|literal| literal.id() == id);
                    if let Some((literals, cause)) = known.and_then(|&l| self.reason_side(l)) {
                        queue.extend(literals.iter().map(|l| Cause::Known(l.id())));
                        queue.push(cause);
                    }
                }
                Cause::Pair(a, b, Pair::Rivals) => {
                    rules.insert(Rule::Rivals(a.min(b), a.max(b)));
                }
                Cause::Pair(a, b, Pair::Refused(need)) => {
                    rules.insert(Rule::Refuses(a, b, need));
                }
                Cause::Pair(a, _, Pair::Unfit(need)) => {
                    rules.insert(Rule::Needs(a, need));
                }
                Cause::Clause(id) => match &self.clauses[id as usize].origin {
                    Origin::World(position) => {
                        rules.insert(Rule::World(*position));
                    }
                    Origin::Needs(id, need) => {
                        rules.insert(Rule::Needs(*id, *need));
                    }
                    Origin::Learnt(causes) => queue.extend(causes.iter().copied()),
                    Origin::Tag => {}
                },
            }
        }
        rules.into_iter().collect()
    }
}
