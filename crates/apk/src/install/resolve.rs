//! Where a path leads inside the tree.

use super::{InstallError, Node, Root};
use crate::{Entry, EntryKind, EntryPath};
use std::collections::HashMap;

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;
/// Bytes of paths that may be looked up besides what each entry may ([`FOR_EACH_BYTE`]).
const LOOKED_UP: u64 = 64 << 20;
/// How many bytes may be looked up for each byte of an entry's path.
const FOR_EACH_BYTE: u64 = 4;
/// What a directory that no package lists counts besides its path: about the memory it takes.
const FOR_EACH_IMPLIED: u64 = 256;

/// What is known of ways through the tree, and how much may still be looked up.
///
/// Nearly always the directory of an entry is there and is no link, which is one look. All other
/// looks are counted, so that no tree takes much longer than it is large.
#[derive(Debug)]
pub(super) struct Ways {
    /// Where symbolic links lead: to which directory, through how many links.
    links: HashMap<EntryPath, (Option<EntryPath>, usize)>,
    /// The directory that was asked for last, and where it is.
    last: Option<(EntryPath, Option<EntryPath>)>,
    left: u64,
}

/// A directory that a path leads to.
#[derive(Debug, Clone)]
struct Found {
    /// `None` is the root.
    place: Option<EntryPath>,
    /// Whether it is still to be made.
    absent: bool,
}

/// Why a path leads to no directory.
enum Blocked {
    NotDirectory(String),
    Loop,
    TooLong,
}

/// What a walk has still to do.
enum Step {
    Name(String),
    /// To remember where this link leads; so many were followed before.
    Followed(EntryPath, usize),
}

impl Ways {
    pub(super) fn new() -> Self {
        Self {
            links: HashMap::new(),
            last: None,
            left: LOOKED_UP,
        }
    }

    /// Forgets everything, because a link is gone.
    pub(super) fn forget(&mut self) {
        self.links.clear();
        self.last = None;
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Blocked> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or(Blocked::TooLong)?;
        Ok(())
    }
}

impl Blocked {
    fn error(self, path: &EntryPath) -> InstallError {
        let path = path.clone();
        match self {
            Self::NotDirectory(parent) => InstallError::Parent { path, parent },
            Self::Loop => InstallError::Loop(path),
            Self::TooLong => InstallError::TooLong(path),
        }
    }
}

impl<C> Root<C> {
    /// The path without symbolic links in its directories, which are made where they are absent.
    pub(super) fn place(
        &mut self,
        package: Option<usize>,
        path: &EntryPath,
    ) -> Result<EntryPath, InstallError> {
        let more = path.as_str().len() as u64 * FOR_EACH_BYTE;
        self.ways.left = self.ways.left.saturating_add(more);
        let Some(parent) = path.parent() else {
            return Ok(path.clone());
        };
        let blocked = |blocked: Blocked| blocked.error(path);
        let Found { place, absent } = self.directory(&parent).map_err(blocked)?;
        if let (true, Some(place)) = (absent, &place) {
            self.imply(package, place).map_err(blocked)?;
        }
        let full = child(place.as_ref(), path.file_name());
        self.ways.last = Some((parent, place));
        full.ok_or_else(|| InstallError::TooLong(path.clone()))
    }

    /// The path without symbolic links in its directories; `None` when those are no directories.
    pub(super) fn find(&mut self, path: &EntryPath) -> Option<EntryPath> {
        let place = match path.parent() {
            Some(parent) => self.directory(&parent).ok()?.place,
            None => None,
        };
        child(place.as_ref(), path.file_name())
    }

    pub(super) fn resolves_to_directory(&mut self, path: &EntryPath) -> bool {
        self.directory(path).is_ok_and(|found| !found.absent)
    }

    /// Where the symbolic link at `link`, which says `target`, leads to; what is there is not followed.
    pub(super) fn beside(&mut self, link: &EntryPath, target: &str) -> Option<EntryPath> {
        let start = if target.starts_with('/') {
            None
        } else {
            link.parent()
        };
        let trimmed = target.trim_end_matches('/');
        let (before, last) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        let all = matches!(last, "" | "." | "..");
        let names = if all { trimmed } else { before };
        let steps = names
            .split('/')
            .rev()
            .map(|name| Step::Name(name.to_owned()));
        let found = self.walk(start, steps.collect()).ok()?;
        match (found.absent, all) {
            (true, _) => None,
            (false, true) => found.place,
            (false, false) => child(found.place.as_ref(), last),
        }
    }

    /// Whether both lead to the same directory.
    pub(super) fn same_directory(&mut self, one: &EntryPath, other: &EntryPath) -> bool {
        match (self.directory(one), self.directory(other)) {
            (Ok(one), Ok(other)) => one.place == other.place,
            _ => false,
        }
    }

    /// Follows `path` to the directory it names, through symbolic links; what is absent counts as
    /// a directory.
    fn directory(&mut self, path: &EntryPath) -> Result<Found, Blocked> {
        if let Some((_, place)) = self.ways.last.as_ref().filter(|(last, _)| last == path) {
            let place = place.clone();
            let absent = false;
            return Ok(Found { place, absent });
        }
        // Every node is in a directory that is a node, and no link: from the last one on the way
        // that is there, the rest is to be walked.
        let mut steps = Vec::new();
        let mut start = Some(path.clone());
        while let Some(directory) = &start {
            if self.is_directory(directory) {
                break;
            }
            self.ways.spend(directory.as_str().len())?;
            steps.push(Step::Name(directory.file_name().to_owned()));
            start = directory.parent();
        }
        let found = self.walk(start, steps)?;
        if !found.absent {
            self.ways.last = Some((path.clone(), found.place.clone()));
        }
        Ok(found)
    }

    fn is_directory(&self, path: &EntryPath) -> bool {
        let node = self.nodes.get(path);
        node.is_some_and(|node| node.entry.kind == EntryKind::Directory)
    }

    /// Takes `steps`, the last first, from the directory `place`. `..` stops at the root, as it does
    /// in a root directory.
    fn walk(
        &mut self,
        mut place: Option<EntryPath>,
        mut steps: Vec<Step>,
    ) -> Result<Found, Blocked> {
        let mut absent = false;
        let mut links = 0;
        while let Some(step) = steps.pop() {
            let name = match step {
                Step::Name(name) => name,
                Step::Followed(link, before) => {
                    if !absent {
                        let to = (place.clone(), links - before);
                        self.ways.links.insert(link, to);
                    }
                    continue;
                }
            };
            if let "" | "." | ".." = name.as_str() {
                let length = place.as_ref().map_or(1, |place| place.as_str().len());
                self.ways.spend(length)?;
                if name == ".." {
                    place = up(place, absent)?;
                }
                continue;
            }
            let next = child(place.as_ref(), &name).ok_or(Blocked::TooLong)?;
            self.ways.spend(next.as_str().len())?;
            match self.nodes.get(&next).map(|node| &node.entry.kind) {
                None => absent = true,
                Some(EntryKind::Directory) => {}
                Some(EntryKind::Symlink { target }) => {
                    let target = target.clone();
                    place = self.follow(next, place, &target, &mut links, &mut steps)?;
                    continue;
                }
                Some(_) => return Err(Blocked::NotDirectory(next.to_string())),
            }
            place = Some(next);
        }
        Ok(Found { place, absent })
    }

    /// Follows the symbolic link `link` in the directory `place`: gives where to go on.
    fn follow(
        &mut self,
        link: EntryPath,
        place: Option<EntryPath>,
        target: &str,
        links: &mut usize,
        steps: &mut Vec<Step>,
    ) -> Result<Option<EntryPath>, Blocked> {
        let known = self.ways.links.get(&link).cloned();
        let before = *links;
        *links += known.as_ref().map_or(1, |(_, through)| *through);
        if *links > MAX_LINKS {
            return Err(Blocked::Loop);
        }
        if let Some((to, _)) = known {
            return Ok(to);
        }
        self.ways.spend(target.len())?;
        steps.push(Step::Followed(link, before));
        let names = target.split('/').rev();
        steps.extend(names.map(|name| Step::Name(name.to_owned())));
        Ok(if target.starts_with('/') { None } else { place })
    }

    /// Makes a directory, and those that it is in, where they are absent.
    fn imply(&mut self, package: Option<usize>, directory: &EntryPath) -> Result<(), Blocked> {
        let mut next = Some(directory.clone());
        while let Some(path) = next {
            if self.nodes.contains_key(&path) {
                break;
            }
            self.ways.spend(path.as_str().len())?;
            self.ways.left = self.ways.left.saturating_sub(FOR_EACH_IMPLIED);
            next = path.parent();
            let node = Node {
                entry: Entry::directory(path.clone()),
                mtime: 0,
                sha1: None,
                file: None,
                package,
                listed: None,
                implied: true,
            };
            self.nodes.insert(path, node);
        }
        Ok(())
    }
}

/// The directory that `place` is in. In what is not there nothing is, not even that.
fn up(place: Option<EntryPath>, absent: bool) -> Result<Option<EntryPath>, Blocked> {
    match place {
        Some(place) if absent => Err(Blocked::NotDirectory(place.to_string())),
        place => Ok(place.and_then(|place| place.parent())),
    }
}

fn child(place: Option<&EntryPath>, name: &str) -> Option<EntryPath> {
    match place {
        Some(place) => place.join(name).ok(),
        None => EntryPath::new(name).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::{InstalledPackage, Item};
    use crate::{IndexEntry, Version};

    fn root() -> Root<()> {
        let mut root = Root::new();
        let entry = IndexEntry::new("a", Version::new("1"));
        root.add_package(InstalledPackage::new(entry));
        root
    }

    fn put(root: &mut Root<()>, entry: Entry) -> Result<(), InstallError> {
        let item = Item {
            content: Some(()),
            ..entry.into()
        };
        root.insert(0, item)
    }

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).unwrap()
    }

    /// What was looked up for `files` entries, and the first error.
    fn looked_up(
        links: &[(&str, &str)],
        files: impl Iterator<Item = String>,
    ) -> (u64, Result<(), InstallError>) {
        let mut root = root();
        put(&mut root, Entry::directory(path("usr"))).unwrap();
        for (name, target) in links {
            put(&mut root, Entry::symlink(path(name), *target)).unwrap();
        }
        let mut allowed = root.ways.left;
        for name in files {
            allowed += name.len() as u64 * FOR_EACH_BYTE;
            let result = put(&mut root, Entry::file(path(&name), 0, 0o644));
            if result.is_err() {
                return (allowed - root.ways.left, result);
            }
        }
        (allowed - root.ways.left, Ok(()))
    }

    #[test]
    fn a_link_is_followed_once() {
        let slow = format!("{}usr", "./".repeat(2000));
        let winding = format!("{}usr", "usr/../".repeat(500));
        for target in ["usr", &slow, &winding] {
            let links = [("l", target), ("m", "l/../l")];
            let files = (0..20_000).map(|file| format!("{}/f{file}", ["l", "m"][file % 2]));
            let (bytes, result) = looked_up(&links, files);
            assert_eq!(result, Ok(()));
            assert!(bytes < 300_000, "{bytes}");
        }
    }

    #[test]
    fn what_is_there_is_looked_up_once() {
        let files = (0..20_000).map(|file| format!("usr/f{file}"));
        let (bytes, result) = looked_up(&[], files);
        assert_eq!((bytes, result), (0, Ok(())));
    }

    #[test]
    fn too_many_deep_directories_are_refused() {
        let deep = |file: usize| format!("d{file}/{}f", "d/".repeat(2000));
        let (_, result) = looked_up(&[], (0..1).map(deep));
        assert_eq!(result, Ok(()));
        let (bytes, result) = looked_up(&[], (0..1000).map(deep));
        assert!(matches!(result, Err(InstallError::TooLong(_))));
        assert!(bytes < 2 * LOOKED_UP, "{bytes}");
    }

    #[test]
    fn nothing_is_in_what_is_absent() {
        let (_, result) = looked_up(&[("l", "nowhere/../usr")], ["l/f".to_owned()].into_iter());
        assert!(matches!(result, Err(InstallError::Parent { .. })));
        let (_, result) = looked_up(&[("l", "usr/lib/x")], ["l/f".to_owned()].into_iter());
        assert_eq!(result, Ok(()));
    }

    #[test]
    fn forty_links_are_followed_known_or_not() {
        let mut root = root();
        put(&mut root, Entry::directory(path("l0"))).unwrap();
        for number in 1..=41 {
            let target = format!("l{}", number - 1);
            put(
                &mut root,
                Entry::symlink(path(&format!("l{number}")), target),
            )
            .unwrap();
            let result = put(
                &mut root,
                Entry::file(path(&format!("l{number}/f{number}")), 0, 0),
            );
            assert_eq!(result.is_ok(), number <= 40, "{number}: {result:?}");
        }
    }
}
