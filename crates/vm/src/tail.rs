//! The end of a text that a guest writes.

use std::collections::VecDeque;

/// Keeps the last bytes of a stream.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Tail {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let excess = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..excess);
    }

    /// The first line kept that contains `text`, printable.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        self.lines(usize::MAX)
            .into_iter()
            .find(|line| line.contains(text))
    }

    /// The last `count` lines that are not empty, printable.
    pub(crate) fn lines(&self, count: usize) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text
            .split(['\n', '\r'])
            .map(printable)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }
}

/// `text` with everything that could move a terminal's cursor replaced, shortened to 400 characters.
pub(crate) fn printable(text: &str) -> String {
    text.trim_end()
        .chars()
        .take(400)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_nothing_moves_the_cursor() {
        let mut tail = Tail::new(16);
        tail.push(b"long gone\r\n");
        tail.push(b"one\r\n\n\x1b[2Jtwo\n");
        assert_eq!(tail.lines(2), ["one", "?[2Jtwo"]);
        assert_eq!(tail.lines(1), ["?[2Jtwo"]);
        assert!(tail.bytes.len() <= 16);
    }
}
