//! Words: quotes, expansions and the commands within them.

use super::{Reader, joined, settle};

impl Reader<'_> {
    /// A word as written, but for the layout of commands and arithmetic within it.
    pub(super) fn word(&mut self) -> String {
        let mut word = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => {
                    break;
                }
                b'\\' if self.starts("\\\n") => self.position += 2,
                b'\'' => self.single(&mut word),
                _ => self.piece(&mut word),
            }
        }
        String::from_utf8_lossy(&word).into_owned()
    }

    /// A here-document's text, but for the layout of the commands within it.
    pub(super) fn expanded(&mut self) -> String {
        let mut text = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.take(1, &mut text),
                _ => self.piece(&mut text),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    fn take(&mut self, count: usize, into: &mut Vec<u8>) {
        let end = (self.position + count).min(self.text.len());
        into.extend_from_slice(&self.text[self.position..end]);
        self.position = end;
    }

    fn single(&mut self, word: &mut Vec<u8>) {
        self.take(1, word);
        while self.peek().is_some_and(|byte| byte != b'\'') {
            self.take(1, word);
        }
        self.take(1, word);
    }

    /// One character, or what it begins.
    fn piece(&mut self, word: &mut Vec<u8>) {
        match self.peek() {
            Some(b'\\') => self.take(2, word),
            Some(b'"') => self.double(word),
            Some(b'`') => self.backquoted(word),
            Some(b'$') if self.starts("$((") && self.arithmetic(word) => {}
            Some(b'$') if self.starts("$(") => {
                self.position += 2;
                let tokens = settle(self.list());
                word.extend_from_slice(format!("$({})", joined(&tokens)).as_bytes());
            }
            Some(b'$') if self.starts("${") => self.braces(word),
            _ => self.take(1, word),
        }
    }

    fn double(&mut self, word: &mut Vec<u8>) {
        self.take(1, word);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => break,
                b'\\' if self.starts("\\\n") => self.position += 2,
                _ => self.piece(word),
            }
        }
        self.take(1, word);
    }

    fn braces(&mut self, word: &mut Vec<u8>) {
        let start = word.len();
        self.take(2, word);
        while let Some(byte) = self.peek() {
            match byte {
                b'}' => break,
                _ => self.piece(word),
            }
        }
        // Replacing by nothing is written with or without the second slash.
        let slashes = word[start..].split(|byte| *byte == b'/').count() - 1;
        if word.ends_with(b"/") && slashes == 2 {
            word.pop();
        }
        self.take(1, word);
    }

    /// `` `a` `` is what `$(a)` is, with one layer of backslashes less.
    fn backquoted(&mut self, word: &mut Vec<u8>) {
        self.position += 1;
        let mut inner = Vec::new();
        while let Some(byte) = self.peek() {
            self.position += 1;
            match byte {
                b'`' => break,
                b'\\' if matches!(self.peek(), Some(b'`' | b'\\' | b'$')) => {
                    self.take(1, &mut inner);
                }
                other => inner.push(other),
            }
        }
        let tokens = settle(Reader::new(&inner).list());
        word.extend_from_slice(format!("$({})", joined(&tokens)).as_bytes());
    }

    /// `$((a + b))` without its blanks; false when it is a command in parentheses.
    fn arithmetic(&mut self, word: &mut Vec<u8>) -> bool {
        let start = self.position + 3;
        let mut depth = 2_usize;
        for (offset, byte) in self.text[start.min(self.text.len())..].iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 1 && self.text.get(start + offset + 1) != Some(&b')') {
                return false;
            }
            if depth == 0 {
                let end = start + offset + 1;
                let text = &self.text[self.position..end];
                word.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
                self.position = end;
                return true;
            }
        }
        false
    }
}
