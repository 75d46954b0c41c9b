//! Which licences a text is.
//!
//! The `spdx` crate can compare texts, too (its `detection` is askalono's), but compares a file as a
//! whole, finds several licences in one only where the largest leads, and picks among identifiers of
//! one text by the order of a hash map. Here each licence of the list is laid over the text where it
//! fits best; the best fit is taken out of the text, and the rest is looked at again.

use crate::corpus::{CORPUS, Known};
use crate::words::{Pair, pairs};
use std::collections::{HashMap, HashSet};

/// From here on a match is believed; melange's bound.
pub const CONFIDENT: f32 = 0.9;
/// Below this a text is no licence of the list; melange's bound.
const WORTH_SAYING: f32 = 0.8;
/// Part of a licence's sample that a text must have to be looked at closely.
const FIRST_LOOK: f32 = 0.5;
/// Most licences that are named for one file.
const MOST: usize = 64;
/// Most pairs of words of a file that are looked at: some 2 MB of text.
const LONGEST: usize = 400_000;

/// A licence in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The identifiers whose text it is, the preferred one first; the text of GPL version 2 does not
    /// say whether later versions may be used.
    pub ids: &'static [&'static str],
    /// How alike the two texts are, 0.8 to 1.
    pub confidence: f32,
}

/// Tells licences, and remembers texts: sources hold many copies of a few.
#[derive(Debug, Default)]
pub struct Classifier {
    seen: HashMap<Vec<Pair>, Vec<Match>>,
}

impl Classifier {
    /// The licences in a text, in the order in which they stand there; none when it is none of the
    /// SPDX list.
    pub fn classify(&mut self, text: &str) -> Vec<Match> {
        let mut pairs = pairs(text);
        pairs.truncate(LONGEST);
        if let Some(known) = self.seen.get(&pairs) {
            return known.clone();
        }
        let found = licences(&pairs);
        self.seen.insert(pairs, found.clone());
        found
    }
}

fn licences(text: &[Pair]) -> Vec<Match> {
    let present: HashSet<Pair> = text.iter().copied().collect();
    let mut candidates: Vec<&'static Known> = CORPUS
        .iter()
        .filter(|known| is_likely(known, &present))
        .collect();
    // A pair that belongs to a licence that was found belongs to no other.
    let mut left: Vec<Option<Pair>> = text.iter().copied().map(Some).collect();
    let mut found: Vec<(usize, Match)> = Vec::new();
    while found.len() < MOST {
        let mut best: Option<(Fit, &'static Known)> = None;
        candidates.retain(|known| {
            let fit = fit(known, &left);
            let worth = fit.confidence >= least(known);
            if worth
                && best
                    .as_ref()
                    .is_none_or(|(other, _)| fit.confidence > other.confidence)
            {
                best = Some((fit, known));
            }
            // What does not fit now never will: the text only gets shorter.
            worth
        });
        let Some((fit, known)) = best else { break };
        left[fit.start..fit.end].fill(None);
        found.push((
            fit.start,
            Match {
                ids: &known.ids,
                confidence: fit.confidence,
            },
        ));
    }
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, found)| found).collect()
}

/// A licence of a few words is easily found in what is none.
fn least(known: &Known) -> f32 {
    if known.size < 40 { 0.95 } else { WORTH_SAYING }
}

#[allow(clippy::cast_precision_loss, reason = "the sample is small")]
fn is_likely(known: &Known, present: &HashSet<Pair>) -> bool {
    let hits = known.sample.iter().filter(|pair| present.contains(pair));
    hits.count() as f32 >= FIRST_LOOK * known.sample.len() as f32
}

/// Where a licence fits best.
#[derive(Debug, Clone, Copy)]
struct Fit {
    start: usize,
    end: usize,
    /// Sørensen-Dice of the pairs in the window and those of the licence.
    confidence: f32,
}

/// Part of the pairs of a window that have to be in the half of it in which the licence has them:
/// where one copy ends and the next begins, a window has everything, in the wrong order.
const IN_ORDER: f32 = 0.8;

/// Slides a window of the licence's own length over the text and counts the pairs they share.
#[allow(
    clippy::cast_precision_loss,
    reason = "a text has far fewer than 2^23 pairs"
)]
fn fit(known: &Known, text: &[Option<Pair>]) -> Fit {
    let width = known.size.min(text.len());
    let half = width / 2;
    let mut whole = Window::new(&known.counts);
    let [mut first, mut second] = known.halves.each_ref().map(Window::new);
    let (mut best, mut start) = (0_usize, 0_usize);
    for (at, entering) in text.iter().enumerate() {
        let before = |distance: usize| at.checked_sub(distance).and_then(|at| text[at]);
        whole.leave(before(width));
        first.leave(before(width));
        second.leave(before(width - half));
        whole.enter(*entering);
        first.enter(before(width - half));
        second.enter(*entering);
        let in_order = (first.shared + second.shared) as f32 >= IN_ORDER * whole.shared as f32;
        if whole.shared > best && in_order {
            best = whole.shared;
            start = (at + 1).saturating_sub(width);
        }
    }
    Fit {
        start,
        end: (start + width).min(text.len()),
        confidence: 2.0 * best as f32 / (width + known.size).max(1) as f32,
    }
}

/// The pairs that a part of a text and a part of a licence share, each as often as both have it.
struct Window<'k> {
    wanted: &'k HashMap<Pair, u32>,
    present: HashMap<Pair, u32>,
    shared: usize,
}

impl<'k> Window<'k> {
    fn new(wanted: &'k HashMap<Pair, u32>) -> Self {
        Self {
            wanted,
            present: HashMap::new(),
            shared: 0,
        }
    }

    fn enter(&mut self, pair: Option<Pair>) {
        let Some((pair, wanted)) = pair.and_then(|pair| Some((pair, self.wanted.get(&pair)?)))
        else {
            return;
        };
        let present = self.present.entry(pair).or_default();
        *present += 1;
        self.shared += usize::from(*present <= *wanted);
    }

    fn leave(&mut self, pair: Option<Pair>) {
        let Some((pair, wanted)) = pair.and_then(|pair| Some((pair, self.wanted.get(&pair)?)))
        else {
            return;
        };
        if let Some(present) = self.present.get_mut(&pair).filter(|count| **count > 0) {
            self.shared -= usize::from(*present <= *wanted);
            *present -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
