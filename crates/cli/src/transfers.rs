//! What a person sees of images on their way.

use crate::downloads::mebibytes;
use crate::pace::Pace;
use crate::print;
use bessemer_digest::Digest;
use bessemer_registry::{Arrival, Event, Reporter};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Shows images on their way: one line that is written over on a terminal, elsewhere a line now and
/// then; and a line for everything that is out of the ordinary.
#[derive(Debug)]
pub(crate) struct Transfers {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes sent or received, and all of them, of blobs that are under way.
    running: BTreeMap<Digest, (u64, u64)>,
    counts: Counts,
    pace: Pace,
}

/// How blobs came to where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    /// Were there.
    pub(crate) present: usize,
    /// Taken by the registry from another repository of its own.
    pub(crate) mounted: usize,
    /// Sent.
    pub(crate) uploaded: usize,
}

impl Transfers {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                running: BTreeMap::new(),
                counts: Counts::default(),
                pace: Pace::new(),
            }),
        }
    }

    /// What was told so far.
    pub(crate) fn counts(&self) -> Counts {
        self.state
            .lock()
            .map(|state| state.counts)
            .unwrap_or_default()
    }

    fn moved(&self, digest: &Digest, bytes: u64, total: u64) {
        // Only a thread that panicked leaves the lock unusable, and that ends the program.
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        if bytes == total {
            state.running.remove(digest);
        } else {
            state.running.insert(*digest, (bytes, total));
        }
        let State { running, pace, .. } = &mut *state;
        pace.show(|| summary(running));
    }

    fn arrived(&self, how: Arrival) {
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        let count = match how {
            Arrival::Present => &mut state.counts.present,
            Arrival::Mounted => &mut state.counts.mounted,
            Arrival::Uploaded => &mut state.counts.uploaded,
        };
        *count += 1;
    }
}

impl Reporter for Transfers {
    fn report(&self, event: &Event<'_>) {
        match event {
            Event::Blob { how, .. } => self.arrived(*how),
            Event::Sent {
                digest,
                bytes,
                total,
            }
            | Event::Received {
                digest,
                bytes,
                total,
            } => {
                self.moved(digest, *bytes, *total);
            }
            Event::Resumed { digest, bytes } => {
                print::note(&format!("{digest} goes on after {} MiB", mebibytes(*bytes)));
            }
            Event::Repeated {
                request,
                cause,
                wait,
            } => print::note(&print::plain_line(&format!(
                "{request}: {cause}; once more in {:.1} s",
                wait.as_secs_f64()
            ))),
            Event::Merged { tag, .. } => print::warning(&format!(
                "somebody else wrote {tag} at the same time; both are kept"
            )),
            Event::Hidden { digest } => print::warning(&format!(
                "a Sigstore bundle refers to {digest}: cosign 3 does not look at its attestations in .att then"
            )),
            Event::LeftOut { digest } => print::warning(&format!(
                "{digest} is listed beside the image and cannot be had: it is not copied"
            )),
            _ => {}
        }
    }
}

/// `3.0 of 12.5 MiB of sha256:…, and 2 more`.
fn summary(running: &BTreeMap<Digest, (u64, u64)>) -> Option<String> {
    let (digest, (bytes, total)) = running.iter().max_by_key(|(_, (_, total))| *total)?;
    let more = match running.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "{} of {} MiB of {digest}{more}",
        mebibytes(*bytes),
        mebibytes(*total)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_named_and_the_others_are_counted() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut running = BTreeMap::new();
        assert_eq!(summary(&running), None);
        running.insert(one, (1 << 19, 25 << 19));
        assert_eq!(
            summary(&running).unwrap(),
            format!("0.5 of 12.5 MiB of {one}")
        );
        running.insert(two, (0, 1));
        assert!(
            summary(&running)
                .unwrap()
                .ends_with(&format!("{one}, and 1 more"))
        );
    }
}
