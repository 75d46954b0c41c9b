//! The log of a run: all of it in a file, its last lines at hand for an error.

use bessemer_digest::Digest;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// How many lines an error shows.
pub const SHOWN_LINES: usize = 20;
/// Longest line that an error shows, in bytes.
const SHOWN_BYTES: usize = 400;

/// Writes what a guest prints into a file and remembers the last lines.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    last: VecDeque<String>,
    line: Vec<u8>,
}

impl Log {
    /// Makes the file, replacing an earlier one.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            file: File::create(path)?,
            last: VecDeque::new(),
            line: Vec::new(),
        })
    }

    /// Marks the beginning of a step.
    pub fn step(&mut self, id: &str, name: &str) -> std::io::Result<()> {
        self.last.clear();
        self.line.clear();
        writeln!(self.file, "== step {id}: {name}")
    }

    /// Takes output as it came.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
            } else if self.line.len() < SHOWN_BYTES {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    /// The last lines of the running step, without control characters.
    pub fn tail(&mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.last.iter().cloned().collect()
    }

    /// Where the whole log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes the file and digests it.
    pub fn finish(self) -> std::io::Result<(PathBuf, Digest)> {
        self.file.sync_all()?;
        let (digest, _) = Digest::of_reader(fs_err::File::open(&self.path)?)?;
        Ok((self.path, digest))
    }

    fn end_line(&mut self) {
        let text: String = String::from_utf8_lossy(&self.line)
            .chars()
            .map(|letter| {
                if letter.is_control() && letter != '\t' {
                    '\u{fffd}'
                } else {
                    letter
                }
            })
            .collect();
        if self.last.len() == SHOWN_LINES {
            self.last.pop_front();
        }
        self.last.push_back(text);
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_of_the_running_step_only() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::create(&directory.path().join("log")).unwrap();
        log.step("main/0", "first").unwrap();
        log.write(b"old\n").unwrap();
        log.step("main/1", "second").unwrap();
        for number in 0..30 {
            log.write(format!("line {number}\n").as_bytes()).unwrap();
        }
        log.write(b"no \x1bend").unwrap();
        let tail = log.tail();
        assert_eq!(tail.len(), SHOWN_LINES);
        assert_eq!(tail.last().unwrap(), "no \u{fffd}end");
        let (path, digest) = log.finish().unwrap();
        assert_eq!(digest, Digest::of(fs_err::read(path).unwrap()));
    }
}
