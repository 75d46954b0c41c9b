//! What a person sees of transfers: one line that is written over on a terminal, and elsewhere a
//! line now and then for a long one.

use crate::pace::Pace;
use bessemer_store::{Observer, Uri};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Shows transfers.
#[derive(Debug)]
pub(crate) struct Downloads {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes received and announced, of transfers that are under way.
    running: BTreeMap<String, (u64, Option<u64>)>,
    pace: Pace,
}

impl Downloads {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                running: BTreeMap::new(),
                pace: Pace::new(),
            }),
        }
    }
}

impl Observer for Downloads {
    fn received(&self, uri: &Uri, bytes: u64, total: Option<u64>) {
        if !uri.is_remote() {
            return;
        }
        // Only a thread that panicked leaves the lock unusable, and that ends the program.
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        if total == Some(bytes) {
            state.running.remove(&uri.to_string());
        } else {
            state.running.insert(uri.to_string(), (bytes, total));
        }
        let State { running, pace } = &mut *state;
        pace.show(|| summary(running));
    }
}

/// `fetching https://host/a.tar.gz: 3.0 of 12.5 MiB, and 2 more`.
fn summary(running: &BTreeMap<String, (u64, Option<u64>)>) -> Option<String> {
    let (name, (bytes, total)) = running.iter().max_by_key(|(_, (_, total))| *total)?;
    let total = total.map_or_else(String::new, |total| format!(" of {}", mebibytes(total)));
    let more = match running.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "fetching {name}: {}{total} MiB{more}",
        mebibytes(*bytes)
    ))
}

/// With one decimal.
pub(crate) fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_named_and_the_others_are_counted() {
        let running = |entries: &[(&str, u64, Option<u64>)]| {
            let entries = entries.iter();
            entries
                .map(|(name, bytes, total)| ((*name).to_owned(), (*bytes, *total)))
                .collect()
        };
        assert_eq!(summary(&running(&[])), None);
        let one = running(&[("a", 3 << 20, None)]);
        assert_eq!(summary(&one).unwrap(), "fetching a: 3.0 MiB");
        let two = running(&[("a", 1, Some(2)), ("b", 1 << 19, Some(25 << 19))]);
        assert_eq!(
            summary(&two).unwrap(),
            "fetching b: 0.5 of 12.5 MiB, and 1 more"
        );
    }
}
