//! The search: clauses over packages, propagation, going back.
//!
//! After Marques-Silva and Sakallah, "GRASP" (1999), with two watched literals a clause (Moskewicz
//! and others, "Chaff", 2001). That two packages exclude each other is never written down as a
//! clause: there may be thousands such pairs for one name.

use super::pool::{NeedId, PackageId, Pool};
use super::tags;
use crate::Dependency;
use std::cell::Cell;

/// A package that is in or out: twice its number, and one more for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Literal(u32);

impl Literal {
    pub(super) const fn is_in(id: PackageId) -> Self {
        Self(id.0 * 2 + 1)
    }

    pub(super) const fn is_out(id: PackageId) -> Self {
        Self(id.0 * 2)
    }

    pub(super) const fn id(self) -> PackageId {
        PackageId(self.0 / 2)
    }

    const fn value(self) -> bool {
        self.0 % 2 == 1
    }

    const fn slot(self) -> usize {
        self.0 as usize
    }

    pub(super) const fn negated(self) -> Self {
        Self(self.0 ^ 1)
    }
}

/// Why two packages exclude each other; the first of them is the one that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pair {
    /// Both have a name that only one may have.
    Rivals,
    /// It has this constraint `!name`.
    Refused(NeedId),
    /// It needs a version of a name, and the other has that name in another version.
    Unfit(NeedId),
}

/// Why a clause holds.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The constraint of the world at this position.
    World(usize),
    /// The world does not name the repository's tag.
    Tag,
    /// The package needs this.
    Needs(PackageId, NeedId),
    /// Follows from these.
    Learnt(Box<[Cause]>),
}

/// What a conclusion rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Clause(ClauseId),
    Pair(PackageId, PackageId, Pair),
    /// What is known of this package without any decision.
    Known(PackageId),
}

/// Position of a clause.
pub(super) type ClauseId = u32;

pub(super) struct Clause {
    /// In [`Search::literals`]; the first two are watched.
    start: u32,
    length: u32,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Reason {
    Decision,
    Clause(ClauseId),
    /// The package that excludes this one.
    Pair(PackageId, Pair),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Assignment {
    value: Option<bool>,
    pub(super) level: u32,
    pub(super) reason: Reason,
}

const OPEN: Assignment = Assignment {
    value: None,
    level: 0,
    reason: Reason::Decision,
};

/// What cannot be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Conflict {
    /// All its literals are false.
    Clause(ClauseId),
    /// Both are in.
    Pair(PackageId, PackageId, Pair),
}

/// The end of a list.
const NONE: u32 = u32::MAX;

pub(super) struct Search<'p, 'a> {
    pub(super) pool: &'p Pool<'a>,
    pub(super) world: &'p [Dependency],
    /// By position in the world: who may answer.
    answers: Vec<Vec<PackageId>>,
    pub(super) clauses: Vec<Clause>,
    literals: Vec<Literal>,
    /// By literal: the first watch in its list. Watch `2n` is of the first literal of clause `n`.
    watches: Vec<u32>,
    /// By watch: the next in the list.
    next_watch: Vec<u32>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) trail: Vec<Literal>,
    /// Length of the trail at the start of each level above 0.
    levels: Vec<usize>,
    propagated: usize,
    expanded: Vec<bool>,
    /// The first clause that was false when it was added.
    broken: Option<ClauseId>,
    /// The level that is not gone back below.
    pub(super) floor: usize,
    /// Packages, literals and candidates looked at so far.
    spent: Cell<u64>,
    /// What may be spent.
    limit: u64,
}

impl<'p, 'a> Search<'p, 'a> {
    /// `limit` is how much may be spent on it.
    pub(super) fn new(pool: &'p Pool<'a>, world: &'p [Dependency], limit: u64) -> Self {
        let mut search = Self {
            pool,
            world,
            answers: Vec::with_capacity(world.len()),
            clauses: Vec::new(),
            literals: Vec::new(),
            watches: vec![NONE; pool.len() * 2],
            next_watch: Vec::new(),
            assignments: vec![OPEN; pool.len()],
            trail: Vec::new(),
            levels: Vec::new(),
            propagated: 0,
            expanded: vec![false; pool.len()],
            broken: None,
            floor: 0,
            spent: Cell::new(0),
            limit,
        };
        for id in tags::closed_off(pool, world) {
            search.add(&[Literal::is_out(id)], Origin::Tag);
        }
        for (position, dependency) in world.iter().enumerate() {
            search.ask(position, dependency);
        }
        search
    }

    fn ask(&mut self, position: usize, dependency: &Dependency) {
        let fitting = self.pool.fitting_world(dependency);
        let out = if dependency.conflict {
            &fitting.fit
        } else {
            &fitting.unfit
        };
        for &id in out {
            self.add(&[Literal::is_out(id)], Origin::World(position));
        }
        let mut answers = fitting.fit;
        if dependency.conflict {
            answers.clear();
        } else {
            answers.retain(|&id| tags::may_answer(self.pool, id, dependency));
            self.give_up_hopeless(&answers);
            let any: Vec<Literal> = answers.iter().copied().map(Literal::is_in).collect();
            self.add(&any, Origin::World(position));
        }
        self.answers.push(answers);
    }

    /// Takes notice of work.
    pub(super) fn spend(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(count));
    }

    /// Whether it has taken too long: nothing it says after that counts.
    pub(super) fn is_exhausted(&self) -> bool {
        self.spent.get() > self.limit
    }

    /// Who can still answer the constraint of the world at this position.
    pub(super) fn answers(&self, position: usize) -> impl Iterator<Item = PackageId> {
        let answers = self.answers[position].iter().copied();
        answers.filter(|&id| self.state(id) != Some(false))
    }

    /// Whether the package is in (`Some(true)`), out, or open.
    pub(super) fn state(&self, id: PackageId) -> Option<bool> {
        self.assignments[id.at()].value
    }

    fn value(&self, literal: Literal) -> Option<bool> {
        self.state(literal.id())
            .map(|value| value == literal.value())
    }

    /// How many decisions stand.
    pub(super) fn level(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn literals_of(&self, clause: ClauseId) -> &[Literal] {
        let Clause { start, length, .. } = self.clauses[clause as usize];
        &self.literals[start as usize..(start + length) as usize]
    }

    /// Decides that a package is in.
    pub(super) fn decide(&mut self, id: PackageId) {
        self.levels.push(self.trail.len());
        self.assign(Literal::is_in(id), Reason::Decision);
    }

    /// Adds a clause and draws the conclusion from it, if there is one.
    pub(super) fn add(&mut self, literals: &[Literal], origin: Origin) {
        // Kept, and so dearer than what is only looked at.
        self.spend(literals.len() * 3);
        let id = narrow(self.clauses.len());
        let start = self.literals.len();
        self.literals.extend_from_slice(literals);
        self.clauses.push(Clause {
            start: narrow(start),
            length: narrow(literals.len()),
            origin,
        });
        // The literals that will be undone last are never watched while others could be.
        for watch in 0..literals.len().min(2) {
            let best = (start + watch..self.literals.len())
                .rev()
                .max_by_key(|&at| match self.value(self.literals[at]) {
                    Some(false) => self.assignments[self.literals[at].id().at()].level,
                    _ => u32::MAX,
                });
            self.literals
                .swap(start + watch, best.unwrap_or(start + watch));
        }
        self.next_watch.extend([NONE; 2]);
        for watch in 0..literals.len().min(2) {
            self.link(id * 2 + narrow(watch), self.literals[start + watch]);
        }
        let watched = |at: usize| {
            let literal = self.literals[start..].get(at);
            literal.map(|&literal| (literal, self.value(literal)))
        };
        match (watched(0), watched(1)) {
            (None | Some((_, Some(false))), _) => self.broken = self.broken.or(Some(id)),
            (Some((literal, None)), None | Some((_, Some(false)))) => {
                self.assign(literal, Reason::Clause(id));
            }
            _ => {}
        }
    }

    fn link(&mut self, watch: u32, literal: Literal) {
        self.next_watch[watch as usize] = self.watches[literal.slot()];
        self.watches[literal.slot()] = watch;
    }

    fn assign(&mut self, literal: Literal, reason: Reason) {
        self.assignments[literal.id().at()] = Assignment {
            value: Some(literal.value()),
            level: narrow(self.levels.len()),
            reason,
        };
        self.trail.push(literal);
    }

    /// Draws all conclusions; gives what cannot be, if there is something.
    pub(super) fn propagate(&mut self) -> Option<Conflict> {
        loop {
            if let Some(broken) = self.broken.take() {
                return Some(Conflict::Clause(broken));
            }
            if self.is_exhausted() {
                return None;
            }
            let literal = *self.trail.get(self.propagated)?;
            self.propagated += 1;
            let conflict = if literal.value() {
                self.exclude(literal.id())
            } else {
                None
            };
            let conflict = conflict.or_else(|| self.follow_watches(literal.negated()));
            if conflict.is_some() {
                return conflict;
            }
            if literal.value() && !std::mem::replace(&mut self.expanded[literal.id().at()], true) {
                self.expand(literal.id());
            }
        }
    }

    /// Takes out what a package that is in excludes.
    fn exclude(&mut self, id: PackageId) -> Option<Conflict> {
        let pool = self.pool;
        for need in pool.needs(id) {
            let fitting = pool.fitting(need);
            self.spend(fitting.unfit.len());
            let (others, why) = if pool.dependency(need).conflict {
                (&fitting.fit, Pair::Refused(need))
            } else {
                (&fitting.unfit, Pair::Unfit(need))
            };
            if others.is_empty() || (why == Pair::Unfit(need) && fitting.fit.contains(&id)) {
                continue;
            }
            for &other in others {
                // Nobody refuses itself.
                let itself = other == id && why == Pair::Refused(need);
                if !itself && let Some(conflict) = self.take_out(id, other, why) {
                    return Some(conflict);
                }
            }
        }
        pool.rivals(id).find_map(|other| {
            self.spend(1);
            self.take_out(id, other, Pair::Rivals)
        })
    }

    fn take_out(&mut self, id: PackageId, other: PackageId, why: Pair) -> Option<Conflict> {
        match self.state(other) {
            Some(false) => None,
            Some(true) => Some(Conflict::Pair(id, other, why)),
            None => {
                self.assign(Literal::is_out(other), Reason::Pair(id, why));
                None
            }
        }
    }

    /// Looks at the clauses that watch a literal which has become false.
    fn follow_watches(&mut self, falsified: Literal) -> Option<Conflict> {
        let mut previous = NONE;
        let mut watch = self.watches[falsified.slot()];
        while watch != NONE {
            self.spend(1);
            let next = self.next_watch[watch as usize];
            let clause = watch / 2;
            if self.move_watch(watch, clause) {
                // It is in another list now; take it out of this one.
                match previous {
                    NONE => self.watches[falsified.slot()] = next,
                    previous => self.next_watch[previous as usize] = next,
                }
            } else {
                let Clause { start, length, .. } = self.clauses[clause as usize];
                let other = self.literals[start as usize + usize::from(watch.is_multiple_of(2))];
                let value = if length > 1 {
                    self.value(other)
                } else {
                    Some(false)
                };
                match value {
                    Some(true) => {}
                    Some(false) => return Some(Conflict::Clause(clause)),
                    None => self.assign(other, Reason::Clause(clause)),
                }
                previous = watch;
            }
            watch = next;
        }
        None
    }

    /// Watches another literal of the clause; false if all others are false or one is true.
    fn move_watch(&mut self, watch: u32, clause: ClauseId) -> bool {
        let Clause { start, length, .. } = self.clauses[clause as usize];
        let (start, end) = (start as usize, (start + length) as usize);
        let own = start + (watch % 2) as usize;
        let other = start + usize::from(watch.is_multiple_of(2));
        if length < 2 || self.value(self.literals[other]) == Some(true) {
            return false;
        }
        let free = (start + 2..end).find(|&at| self.value(self.literals[at]) != Some(false));
        self.spend(free.unwrap_or(end) - start);
        let Some(free) = free else { return false };
        self.literals.swap(own, free);
        self.link(watch, self.literals[own]);
        true
    }

    /// Takes out those of several candidates that can be seen to be impossible, rather than learn it
    /// of one after the other.
    fn give_up_hopeless(&mut self, candidates: &[PackageId]) {
        let several = if candidates.len() > 1 {
            candidates
        } else {
            &[]
        };
        for &id in several {
            if self.state(id).is_none()
                && let Some(need) = self.pool.hopeless(id)
            {
                self.add(&[Literal::is_out(id)], Origin::Needs(id, need));
            }
        }
    }

    /// Adds what a package needs.
    fn expand(&mut self, id: PackageId) {
        let pool = self.pool;
        let mut literals = Vec::new();
        for need in pool.needs(id) {
            let fit = &pool.fitting(need).fit;
            if pool.dependency(need).conflict || pool.meets(id, pool.dependency(need)) {
                continue;
            }
            self.spend(fit.len());
            self.give_up_hopeless(fit);
            literals.clear();
            literals.push(Literal::is_out(id));
            literals.extend(fit.iter().copied().map(Literal::is_in));
            self.add(&literals, Origin::Needs(id, need));
        }
    }

    /// Undoes every decision above `level`.
    pub(super) fn backtrack(&mut self, level: usize) {
        let Some(&length) = self.levels.get(level) else {
            return;
        };
        for literal in self.trail.drain(length..) {
            self.assignments[literal.id().at()] = OPEN;
        }
        self.levels.truncate(level);
        self.propagated = self.propagated.min(length);
        self.broken = None;
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("fewer than 2^32 clauses fit into memory")
}
