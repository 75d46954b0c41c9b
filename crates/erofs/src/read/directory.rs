//! Directories: blocks of entries with names behind them.

use super::inode::Inode;
use super::{Content, MAX_NAMES, MAX_PATH, MAX_PATHS, ReadError, Reader, Source, u16_at, u64_at};
use crate::format::{BLOCK_SIZE, DIRENT};

/// Longest name, in bytes.
const MAX_NAME: usize = 255;

impl<S: Source + ?Sized> Reader<'_, S> {
    /// Puts what is in a directory before everything that is still to come.
    pub(super) fn enter(&mut self, path: &[u8], inode: &Inode) -> Result<(), ReadError> {
        let content = self.placed(inode)?;
        let first = self.pending.len();
        let mut last = Vec::new();
        let mut at = 0;
        while at < content.size() {
            let end = content.size().min(at + BLOCK_SIZE);
            let block = self.block(&content, at, end)?;
            let entries = entries(&block).map_err(|what| inode.form(what))?;
            for (name, number) in entries {
                self.count(path, name)?;
                // In order, so that the kernel finds by search what is read here one by one.
                if !last.is_empty() && *last >= *name {
                    return Err(inode.form("the names of a directory are not in order"));
                }
                name.clone_into(&mut last);
                if !matches!(name, b"." | b"..") {
                    self.pending.push((joined(path, name), number));
                }
            }
            at = end;
        }
        self.pending[first..].reverse();
        Ok(())
    }

    fn block(&mut self, content: &Content, at: u64, end: u64) -> Result<Vec<u8>, ReadError> {
        self.whole(&content.part(at..end))
    }

    fn count(&mut self, path: &[u8], name: &[u8]) -> Result<(), ReadError> {
        let length = path.len() + 1 + name.len();
        self.names += 1;
        self.paths += length as u64;
        let limits = [
            ("names", self.names, MAX_NAMES),
            ("bytes in a path", length as u64, MAX_PATH as u64),
            ("bytes of paths", self.paths, MAX_PATHS),
        ];
        for (what, found, limit) in limits {
            if found > limit {
                return Err(ReadError::Limit { what, limit });
            }
        }
        Ok(())
    }
}

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return name.to_vec();
    }
    [path, b"/", name].concat()
}

/// The names in one block and their inodes.
fn entries(block: &[u8]) -> Result<Vec<(&[u8], u64)>, &'static str> {
    const DAMAGED: &str = "a directory cannot be read";
    if block.len() < DIRENT {
        return Err(DAMAGED);
    }
    let names = usize::from(u16_at(block, 8));
    if names == 0 || names % DIRENT != 0 || names > block.len() {
        return Err(DAMAGED);
    }
    let count = names / DIRENT;
    let mut found = Vec::with_capacity(count);
    for index in 0..count {
        let entry = index * DIRENT;
        let start = usize::from(u16_at(block, entry + 8));
        let name = if index + 1 < count {
            let end = usize::from(u16_at(block, entry + DIRENT + 8));
            block.get(start..end)
        } else {
            // The last one ends with the block or at a zero.
            let rest = block.get(start..);
            rest.and_then(|rest| rest.split(|byte| *byte == 0).next())
        };
        let name = name.filter(|_| start >= names).ok_or(DAMAGED)?;
        let bad = |byte: &u8| matches!(byte, 0 | b'/');
        if name.is_empty() || name.len() > MAX_NAME || name.iter().any(bad) {
            return Err("a name in a directory is none");
        }
        found.push((name, u64_at(block, entry)));
    }
    Ok(found)
}
