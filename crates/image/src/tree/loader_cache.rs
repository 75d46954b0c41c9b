//! `/etc/ld.so.cache`, which glibc's `ldconfig` would make.
//!
//! The format is glibc's (`sysdeps/generic/dl-cache.h`), new form, version 1.1: a header of 48 bytes,
//! 24 bytes a library, then the names. What goes in and in which order is apko's, which is
//! `ldconfig`'s without capabilities of processors.

mod elf;

use super::{BuildTreeError, Tree};
use bessemer_apk::EntryKind;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const CONFIGURATION: &str = "/etc/ld.so.conf";
const CACHE: &str = "/etc/ld.so.cache";
const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// Files that include each other.
const MAX_DEPTH: usize = 16;

/// A library.
struct Library {
    path: String,
    flags: u32,
}

impl Tree {
    /// Writes the cache, where there is a configuration for it.
    pub(super) fn add_loader_cache(&mut self) -> Result<(), BuildTreeError> {
        if self.root.lookup(CONFIGURATION).is_none() {
            return Ok(());
        }
        let mut directories = vec!["/lib".to_owned()];
        self.read_loader_configuration(CONFIGURATION, &mut directories, 0)?;
        let mut libraries = Vec::new();
        for directory in &directories {
            self.find_libraries(directory, &mut libraries)?;
        }
        libraries.sort_by(|one, other| compare(file_name(&other.path), file_name(&one.path)));
        self.write(CACHE, 0o644, &encode(&libraries))?;
        self.root.set_mode(CACHE, 0o644)?;
        Ok(())
    }

    /// The directories that a file names, one a line, with those of files that it includes.
    fn read_loader_configuration(
        &mut self,
        path: &str,
        directories: &mut Vec<String>,
        depth: usize,
    ) -> Result<(), BuildTreeError> {
        let text = self.read_text(path)?.unwrap_or_default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(pattern) = line.strip_prefix("include ") {
                if depth < MAX_DEPTH {
                    for included in self.matching(pattern.trim()) {
                        self.read_loader_configuration(&included, directories, depth + 1)?;
                    }
                }
            } else if !line.is_empty() {
                directories.push(line.to_owned());
            }
        }
        Ok(())
    }

    /// Files that a pattern names; there are patterns for a file's own name alone.
    fn matching(&mut self, pattern: &str) -> Vec<String> {
        let (directory, pattern) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let names = self.names_in(directory);
        let matching = names.into_iter().filter(|name| matches(pattern, name));
        matching.map(|name| format!("{directory}/{name}")).collect()
    }

    /// Names in a directory, sorted.
    fn names_in(&mut self, directory: &str) -> Vec<String> {
        let Some(place) = self.root.lookup(directory) else {
            return Vec::new();
        };
        let paths = self.root.paths();
        let inside = paths.filter(|path| path.parent().as_ref() == Some(&place));
        inside.map(|path| path.file_name().to_owned()).collect()
    }

    fn find_libraries(
        &mut self,
        directory: &str,
        libraries: &mut Vec<Library>,
    ) -> Result<(), BuildTreeError> {
        let directory = directory.trim_end_matches('/');
        let mut found = BTreeMap::new();
        for name in self.names_in(directory) {
            if stem(&name).is_none() {
                continue;
            }
            let path = format!("{directory}/{name}");
            let is_file = self.root.look(&path).is_some_and(|(entry, _)| {
                matches!(
                    entry.kind,
                    EntryKind::File { .. } | EntryKind::Hardlink { .. }
                )
            });
            if !is_file {
                continue;
            }
            let bytes = self.read(&path)?.unwrap_or_default();
            let Some(library) = elf::read(&bytes) else {
                continue;
            };
            let soname = library.soname.unwrap_or_else(|| name.clone());
            let link = stem(&soname).map(|stem| format!("{stem}.so"));
            if link.is_some_and(|link| name == soname || name == link) {
                found.insert(
                    name,
                    Library {
                        path,
                        flags: library.flags,
                    },
                );
            }
        }
        libraries.extend(found.into_values());
        Ok(())
    }
}

/// The name of a library without `.so` and what comes after: files with other names are passed over.
fn stem(name: &str) -> Option<&str> {
    if !name.starts_with("lib") && !name.starts_with("ld-") {
        return None;
    }
    match name.strip_suffix(".so") {
        Some(stem) => Some(stem),
        None => name.rfind(".so.").map(|at| &name[..at]),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// glibc's `_dl_cache_libcmp`, by which the loader searches: numbers in names count as numbers.
fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let (Some(a), Some(b)) = (one.first(), other.first()) {
        match (a.is_ascii_digit(), b.is_ascii_digit()) {
            (true, true) => {
                let (first, second) = (number(&mut one), number(&mut other));
                if first != second {
                    return first.cmp(&second);
                }
            }
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if a != b => return a.cmp(b),
            (false, false) => (one, other) = (&one[1..], &other[1..]),
        }
    }
    one.len().cmp(&other.len())
}

/// Takes the digits at the front.
fn number(text: &mut &[u8]) -> u64 {
    let mut number: u64 = 0;
    while let Some(digit) = text.first().filter(|byte| byte.is_ascii_digit()) {
        number = number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'));
        *text = &text[1..];
    }
    number
}

/// Whether a name fits a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => (0..=name.len())
            .filter(|at| name.is_char_boundary(*at))
            .any(|at| matches(&pattern[1..], &name[at..])),
        Some(wanted) => name.chars().next().is_some_and(|found| {
            (wanted == '?' || wanted == found)
                && matches(&pattern[wanted.len_utf8()..], &name[found.len_utf8()..])
        }),
    }
}

fn encode(libraries: &[Library]) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut names = Vec::new();
    let start = HEADER + ENTRY * libraries.len();
    for library in libraries {
        let value = start + names.len();
        let key = value + library.path.len() - file_name(&library.path).len();
        for number in [library.flags, short(key), short(value), 0, 0, 0] {
            entries.extend(number.to_le_bytes());
        }
        names.extend(library.path.as_bytes());
        names.push(0);
    }
    let mut cache = MAGIC.to_vec();
    cache.extend(short(libraries.len()).to_le_bytes());
    cache.extend(short(names.len()).to_le_bytes());
    cache.resize(HEADER, 0);
    cache.extend(entries);
    cache.extend(names);
    // Up to the next multiple of 16, also from one, as apko does.
    cache.resize(cache.len() / 16 * 16 + 16, 0);
    cache
}

/// Caches are far from 4 GiB: contents of files that are read are limited.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_loaders_order() {
        let mut names = [
            "libc.so.6",
            "libc.so.10",
            "libb.so",
            "libc++.so.1",
            "ld-linux.so.2",
            "libc.so",
        ];
        names.sort_by(|one, other| compare(other, one));
        assert_eq!(
            names,
            [
                "libc.so.10",
                "libc.so.6",
                "libc.so",
                "libc++.so.1",
                "libb.so",
                "ld-linux.so.2"
            ]
        );
    }

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, fits) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", true),
            ("*.conf", "a.conf.bak", false),
            ("?x*", "éx", true),
            ("?x*", "x", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_cache_has_offsets_from_its_start() {
        let library = |path: &str| Library {
            path: path.to_owned(),
            flags: 0x303,
        };
        let cache = encode(&[library("/lib/libc.so.6"), library("/usr/lib/liba.so")]);
        assert_eq!(cache.len() % 16, 0);
        let number = |at: usize| u32::from_le_bytes(cache[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((number(20), number(24)), (2, 32));
        let text = |at: usize| {
            let end = cache[at..].iter().position(|byte| *byte == 0).unwrap();
            std::str::from_utf8(&cache[at..at + end]).unwrap()
        };
        for (entry, name, path) in [
            (48, "libc.so.6", "/lib/libc.so.6"),
            (72, "liba.so", "/usr/lib/liba.so"),
        ] {
            assert_eq!(number(entry), 0x303);
            assert_eq!(
                (text(number(entry + 4)), text(number(entry + 8))),
                (name, path)
            );
        }
    }
}
