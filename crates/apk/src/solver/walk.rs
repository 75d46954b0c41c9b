//! The order in which decisions are made: apko's walk from the world down.
//!
//! apko picks for each constraint of the world, those with the fewest candidates first, and then
//! goes down from each: of a package's constraints the one with the fewest candidates comes first,
//! of equals the first by text, and what it leads to is done before the next. A constraint is
//! passed over when it is on a name that a package has whose own constraints were looked at
//! already; otherwise the best candidate is taken even if another one is in. Where no choice has to
//! be taken back, the packages the walk comes by are those that apko takes.

use super::pool::{NameId, NeedId, PackageId, Pool};
use super::preference::{self, Existing};
use super::search::Search;
use std::collections::{HashMap, HashSet};

/// How often the constraints of one package are looked at: more than once, since what is preferred
/// changes along the way, but not without bound.
const MAX_VISITS: u8 = 3;

#[derive(Debug, Clone)]
struct Frame {
    package: PackageId,
    /// What is still to be looked at, by text.
    left: Vec<NeedId>,
    children: Vec<PackageId>,
}

/// What the walk has come by for one constraint of the world, in the order of installation.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) packages: Vec<PackageId>,
    known: HashSet<PackageId>,
    /// What answers the constraint itself, the last of the packages.
    pub(super) root: Option<PackageId>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Walk<'a> {
    /// Constraints of the world without a pick, by position.
    unpicked: Vec<usize>,
    /// The constraint of the world that the walk goes down from, by position.
    entry: usize,
    frames: Vec<Frame>,
    on_path: HashSet<NameId>,
    visits: HashMap<PackageId, u8>,
    selected: HashMap<NameId, PackageId>,
    existing: Existing<'a>,
    found: Vec<Found>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(search: &Search<'_, 'a>) -> Self {
        let mut walk = Self::default();
        walk.restart(search);
        walk
    }

    /// Begins again, since a decision was taken back.
    pub(super) fn restart(&mut self, search: &Search<'_, 'a>) {
        let asked = |&at: &usize| !search.world[at].conflict;
        self.unpicked = (0..search.world.len()).filter(asked).collect();
        self.entry = 0;
        self.frames.clear();
        self.on_path.clear();
        self.visits.clear();
        self.selected.clear();
        self.existing.clear();
        self.found = Vec::new();
    }

    /// What was found for each constraint of the world; empty ones for constraints `!name`.
    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// Goes on to the next package that is not in yet; `None` at the end.
    pub(super) fn next(&mut self, search: &Search<'_, 'a>) -> Option<PackageId> {
        loop {
            let came_to = if self.frames.is_empty() {
                if self.unpicked.is_empty() && self.entry == search.world.len() {
                    return None;
                }
                self.next_of_world(search)
            } else {
                self.next_child(search)
            };
            if let Some(id) = came_to
                && search.state(id).is_none()
            {
                return Some(id);
            }
        }
    }

    /// Goes down from a package that `install_if` brought in; [`Walk::next`] goes on from there.
    pub(super) fn enter_triggered(&mut self, pool: &Pool<'a>, id: PackageId) {
        self.found.push(Found::default());
        self.enter(pool, id);
    }

    /// Moves what [`Walk::enter_triggered`] led to in front of the package that answers the
    /// constraint of the world at this position, unless it needs that one.
    pub(super) fn put_before_root(&mut self, pool: &Pool<'a>, position: usize) {
        let (Some(last), Some(root)) = (self.found.pop(), self.found[position].root) else {
            return;
        };
        let needs_root = last.packages.iter().any(|&id| {
            let mut needs = pool.needs(id).filter(|&n| !pool.dependency(n).conflict);
            needs.any(|need| pool.fitting(need).fit.contains(&root))
        });
        if needs_root {
            self.found.push(last);
        } else {
            let packages = &mut self.found[position].packages;
            let before = packages.len() - 1;
            packages.splice(before..before, last.packages);
        }
    }

    fn next_of_world(&mut self, search: &Search<'_, 'a>) -> Option<PackageId> {
        if !self.unpicked.is_empty() {
            return self.pick_for_world(search);
        }
        let dependency = &search.world[self.entry];
        self.entry += 1;
        self.found.push(Found::default());
        if dependency.conflict {
            return None;
        }
        let root = best_for_world(search, self.entry - 1)?;
        self.enter(search.pool, root);
        Some(root)
    }

    /// How much a copy of it copies.
    pub(super) fn size(&self) -> usize {
        let found = self.found.iter().map(|found| found.packages.len());
        found.sum::<usize>() + self.visits.len() + self.selected.len()
    }

    fn pick_for_world(&mut self, search: &Search<'_, 'a>) -> Option<PackageId> {
        let mut fewest = (usize::MAX, 0);
        for (at, &position) in self.unpicked.iter().enumerate() {
            fewest = fewest.min((search.answers(position).take(fewest.0).count(), at));
            if fewest.0 <= 1 {
                break;
            }
        }
        let position = self.unpicked.remove(fewest.1);
        let picked = best_for_world(search, position)?;
        self.existing.add(search.pool, picked);
        Some(picked)
    }

    /// Takes the next constraint of the package at the end of the path.
    fn next_child(&mut self, search: &Search<'_, 'a>) -> Option<PackageId> {
        let pool = search.pool;
        let Some(need) = self.next_need(search) else {
            self.leave(pool);
            return None;
        };
        let candidates = self.candidates(search, need);
        let dependency = pool.dependency(need);
        // Versions are compared.
        search.spend(pool.fitting(need).fit.len() * 5);
        let best = preference::best(pool, dependency, None, candidates, &self.existing)?;
        let frame = self.frames.last_mut()?;
        let parent = frame.package;
        frame.children.push(best);
        self.selected.insert(pool.own_name(parent), parent);
        for name in pool.versioned_names(parent) {
            self.selected.insert(name, parent);
        }
        self.enter(pool, best);
        Some(best)
    }

    /// Removes and gives the constraint with the fewest candidates.
    fn next_need(&mut self, search: &Search<'_, 'a>) -> Option<NeedId> {
        let mut frame = self.frames.pop()?;
        frame
            .left
            .retain(|&need| !self.is_settled(search.pool, frame.package, need));
        let mut fewest: Option<(usize, usize)> = None;
        for (at, &need) in frame.left.iter().enumerate() {
            let bound = fewest.map_or(usize::MAX, |(count, _)| count);
            let count = self.candidates(search, need).take(bound).count();
            if count < bound {
                fewest = Some((count, at));
            }
            if count <= 1 {
                break;
            }
        }
        let need = fewest.map(|(_, at)| frame.left.remove(at));
        self.frames.push(frame);
        need
    }

    /// Whether a constraint asks for nothing more.
    fn is_settled(&self, pool: &Pool<'a>, package: PackageId, need: NeedId) -> bool {
        if pool.dependency(need).conflict {
            return true;
        }
        let dependency = pool.dependency(need);
        let selected = self.selected.get(&pool.needed_name(need));
        pool.meets(package, dependency) || selected.is_some_and(|&id| pool.meets(id, dependency))
    }

    /// Who can meet the constraint. A package with another tag than the constraint of the world
    /// that led here is for when there is no other.
    fn candidates<'s>(
        &self,
        search: &'s Search<'_, 'a>,
        need: NeedId,
    ) -> impl Iterator<Item = PackageId> + use<'s, 'a> {
        let pool = search.pool;
        let pin = search
            .world
            .get(self.entry.wrapping_sub(1))
            .and_then(|dependency| dependency.pin.as_deref());
        let is_near = move |id: PackageId| {
            let tag = pool.tag(id);
            tag.is_none() || tag == pin || search.state(id) == Some(true)
        };
        let fit = &pool.fitting(need).fit;
        search.spend(fit.len());
        let is_free = move |id: &PackageId| search.state(*id) != Some(false);
        let any_near = fit.iter().any(|id| is_free(id) && is_near(*id));
        let free = fit.iter().copied().filter(is_free);
        free.filter(move |&id| !any_near || is_near(id))
    }

    fn enter(&mut self, pool: &Pool<'a>, id: PackageId) {
        let visits = self.visits.entry(id).or_default();
        let needs = pool.sorted_needs(id);
        let skip = needs.is_empty() || *visits == MAX_VISITS;
        if skip || !self.on_path.insert(pool.own_name(id)) {
            self.place(id);
            return;
        }
        *visits += 1;
        self.frames.push(Frame {
            package: id,
            left: needs.to_vec(),
            children: Vec::new(),
        });
    }

    fn leave(&mut self, pool: &Pool<'a>) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.on_path.remove(&pool.own_name(frame.package));
        self.place(frame.package);
        // apko takes notice of packages two steps down only, until a constraint of the world is
        // done with.
        let done = self.frames.is_empty();
        let noticed = match self.found.last() {
            Some(found) if done => &found.packages,
            _ => &frame.children,
        };
        for &id in noticed {
            self.existing.add(pool, id);
        }
    }

    fn place(&mut self, id: PackageId) {
        let at_root = self.frames.is_empty();
        if let Some(found) = self.found.last_mut() {
            if found.known.insert(id) {
                found.packages.push(id);
            }
            if at_root {
                found.root = Some(id);
            }
        }
    }
}

fn best_for_world(search: &Search<'_, '_>, position: usize) -> Option<PackageId> {
    let dependency = &search.world[position];
    preference::best(
        search.pool,
        dependency,
        dependency.pin.as_deref(),
        search.answers(position),
        &Existing::default(),
    )
}
