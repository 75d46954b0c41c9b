//! The texts of the SPDX licence list, as the `spdx` crate has them.

use crate::words::{Pair, pairs};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Entries of the list that are no licence's text.
const NO_TEXTS: [&str; 2] = ["NOASSERTION", "any-OSI"];
/// How many pairs of a text stand for it in a first look.
const SAMPLE: usize = 48;

/// A text of the list and the identifiers it belongs to.
#[derive(Debug)]
pub(crate) struct Known {
    /// The preferred identifier first: one that is not deprecated, `…-only` before `…-or-later`.
    pub(crate) ids: Vec<&'static str>,
    /// How often each pair of words comes.
    pub(crate) counts: HashMap<Pair, u32>,
    /// The same for its first and its second half.
    pub(crate) halves: [HashMap<Pair, u32>; 2],
    /// The number of its pairs.
    pub(crate) size: usize,
    /// Some pairs from all over it.
    pub(crate) sample: Vec<Pair>,
}

/// Made on first use: about 50 ms of work that most commands never need.
pub(crate) static CORPUS: LazyLock<Vec<Known>> = LazyLock::new(corpus);

fn corpus() -> Vec<Known> {
    let mut texts: BTreeMap<Vec<Pair>, Vec<&'static str>> = BTreeMap::new();
    for (id, text) in spdx::text::LICENSE_TEXTS {
        // `GPL-2.0+` is an old name of `GPL-2.0-or-later`, with a text that differs in blanks.
        let text = match id.strip_suffix('+').and_then(spdx::license_id) {
            Some(base) => base.text(),
            None => text,
        };
        if !NO_TEXTS.contains(id) {
            texts.entry(pairs(terms(text))).or_default().push(id);
        }
    }
    let mut known: Vec<Known> = texts
        .into_iter()
        .filter(|(pairs, _)| !pairs.is_empty())
        .map(|(pairs, ids)| Known::new(&pairs, ids))
        .collect();
    // Of two that fit equally well, the longer one says more; the order is the same in every run.
    known.sort_by(|one, other| (other.size, &one.ids).cmp(&(one.size, &other.ids)));
    known
}

/// A licence without what follows on how to apply it, which many copies leave out.
fn terms(text: &str) -> &str {
    text.find("END OF TERMS AND CONDITIONS")
        .map_or(text, |end| &text[..end])
}

impl Known {
    fn new(pairs: &[Pair], mut ids: Vec<&'static str>) -> Self {
        ids.sort_by_key(|id| {
            let deprecated = spdx::license_id(id).is_none_or(spdx::LicenseId::is_deprecated);
            (deprecated, id.ends_with("-or-later"), *id)
        });
        let step = pairs.len().div_ceil(SAMPLE);
        let (first, second) = pairs.split_at(pairs.len() / 2);
        Self {
            ids,
            counts: counts(pairs),
            halves: [counts(first), counts(second)],
            size: pairs.len(),
            sample: pairs.iter().copied().step_by(step).collect(),
        }
    }
}

/// How often each pair comes.
fn counts(pairs: &[Pair]) -> HashMap<Pair, u32> {
    let mut counts = HashMap::new();
    for pair in pairs {
        *counts.entry(*pair).or_default() += 1;
    }
    counts
}
