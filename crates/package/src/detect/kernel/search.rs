//! Looking for marks in streams of any length.

use super::version;
use std::io::{self, Read};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Bytes of a line that are looked at after its mark; versions have a tenth of that.
const LINE: usize = 256;
/// The start of a gzip member that is deflated (RFC 1952).
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// The version after a mark.
#[derive(Debug)]
pub(super) struct Search {
    mark: &'static [u8],
    found: Option<String>,
}

impl Search {
    pub(super) const fn new(mark: &'static [u8]) -> Self {
        Self { mark, found: None }
    }

    /// What stands after the first mark that a version follows.
    pub(super) fn found(self) -> Option<String> {
        self.found
    }

    /// Looks at `window`; marks with a whole line after them, or any when it is the `last`.
    fn look(&mut self, window: &[u8], last: bool) {
        if self.found.is_some() {
            return;
        }
        let end = if last {
            window.len()
        } else {
            window.len().saturating_sub(LINE)
        };
        self.found = memchr::memmem::find_iter(window, self.mark)
            .filter(|at| *at < end)
            .find_map(|at| {
                let line = &window[at + self.mark.len()..];
                version(&line[..line.len().min(LINE)])
            });
    }
}

/// Reads `stream` to its end, or until every search has found something; says where the first gzip
/// member begins that came before.
pub(super) fn run(mut stream: impl Read, searches: &mut [Search]) -> io::Result<Option<u64>> {
    let mut window: Vec<u8> = Vec::with_capacity(CHUNK + LINE);
    let mut position = 0_u64;
    let mut gzip = None;
    loop {
        let kept = window.len();
        let read = (&mut stream).take(CHUNK as u64).read_to_end(&mut window)?;
        let last = read == 0;
        if gzip.is_none() {
            gzip = memchr::memmem::find(&window, GZIP).map(|at| position + at as u64);
        }
        for search in &mut *searches {
            search.look(&window, last);
        }
        if last || searches.iter().all(|search| search.found.is_some()) {
            return Ok(gzip);
        }
        debug_assert!(window.len() >= kept);
        let done = window.len().saturating_sub(LINE);
        window.drain(..done);
        position += done as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, GZIP, LINE, Search, run};

    /// Where a mark lies on the border of two chunks, it is found all the same.
    #[test]
    fn marks_are_found_wherever_they_lie() {
        for at in [
            0,
            1,
            CHUNK - LINE,
            CHUNK - 5,
            CHUNK - 1,
            CHUNK,
            3 * CHUNK - 3,
        ] {
            let mut bytes = vec![b' '; at];
            bytes.extend(b"mark=6.1-x y");
            bytes.resize(4 * CHUNK, 0);
            bytes[2 * CHUNK + 100..2 * CHUNK + 103].copy_from_slice(GZIP);
            let mut searches = [Search::new(b"mark="), Search::new(b"none")];
            let gzip = run(bytes.as_slice(), &mut searches).unwrap();
            let [found, none] = searches.map(Search::found);
            assert_eq!(found.as_deref(), Some("6.1-x"), "{at}");
            assert_eq!(none, None);
            assert_eq!(gzip, Some(2 * CHUNK as u64 + 100));
        }
    }
}
