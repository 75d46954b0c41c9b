//! Changes to a tree whose packages and system files are in place: what an image file asks for.
//!
//! Paths are those of somebody inside the tree: they start at its root, and symbolic links are
//! followed, also the last one unless a function says otherwise. Nothing leads outside the tree.

use super::{InstallError, Node, Root};
use crate::{Entry, EntryKind, EntryPath};

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

/// Why a tree cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path leads to nothing.
    #[error("there is no {0}")]
    Missing(String),
    /// Something is there already.
    #[error("{0} is there already")]
    Exists(EntryPath),
    /// A file was expected, or a directory, and it is something else.
    #[error("{path} is no {expected}")]
    Kind {
        /// Where.
        path: EntryPath,
        /// `file` or `directory`.
        expected: &'static str,
    },
    /// It is the root itself, or no path at all.
    #[error("{0:?} is no path of something in the tree")]
    Path(String),
    /// Its directory cannot be reached.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// A path as people write it: `/srv//data/./` is `srv/data`.
fn written(path: &str) -> Result<EntryPath, EditError> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let joined = names.collect::<Vec<_>>().join("/");
    EntryPath::new(joined).map_err(|_| EditError::Path(path.to_owned()))
}

impl<C> Root<C> {
    /// Where a path leads, through all links; `None` where nothing is.
    pub fn lookup(&mut self, path: &str) -> Option<EntryPath> {
        let mut place = self.find(&written(path).ok()?)?;
        for _ in 0..MAX_LINKS {
            let node = self.nodes.get(&place)?;
            let EntryKind::Symlink { target } = &node.entry.kind else {
                return Some(place);
            };
            let target = target.clone();
            place = self.beside(&place, &target)?;
        }
        None
    }

    /// The entry that a path leads to, and its content.
    pub fn look(&mut self, path: &str) -> Option<(&Entry, Option<&C>)> {
        let place = self.lookup(path)?;
        self.get(&place)
    }

    /// When what is at exactly `path` was changed, in seconds since 1970.
    pub fn time(&self, path: &EntryPath) -> Option<u64> {
        self.nodes.get(path).map(|node| node.mtime)
    }

    /// Every path of the tree, in order.
    pub fn paths(&self) -> impl Iterator<Item = &EntryPath> {
        self.nodes.keys()
    }

    /// Makes a directory and what is missing of those it is in, all with this mode.
    pub fn make_directories(&mut self, path: &str, mode: u32) -> Result<EntryPath, EditError> {
        let full = written(path)?;
        let mut ancestors = vec![full];
        while let Some(parent) = ancestors.last().and_then(EntryPath::parent) {
            ancestors.push(parent);
        }
        let mut reached = None;
        for ancestor in ancestors.into_iter().rev() {
            let place = match self.lookup(ancestor.as_str()) {
                Some(place) => place,
                None => self.make_directory(&ancestor, mode)?,
            };
            if self.nodes[&place].entry.kind != EntryKind::Directory {
                let expected = "directory";
                return Err(EditError::Kind {
                    path: place,
                    expected,
                });
            }
            reached = Some(place);
        }
        reached.ok_or_else(|| EditError::Path(path.to_owned()))
    }

    fn make_directory(&mut self, path: &EntryPath, mode: u32) -> Result<EntryPath, EditError> {
        let entry = Entry::new(self.place(None, path)?, EntryKind::Directory, mode);
        Ok(self.add_new(entry, 0, None))
    }

    /// Makes a file, or gives one that is there this content; then owner, mode and time stay what they
    /// are, and it is no package's any more. Its directory must be there.
    pub fn write_file(
        &mut self,
        path: &str,
        mode: u32,
        (content, size): (C, u64),
    ) -> Result<EntryPath, EditError> {
        let Some(place) = self.lookup(path) else {
            let place = self.vacant(path)?;
            return Ok(self.add_new(Entry::file(place, size, mode), 0, Some(content)));
        };
        let node = &self.nodes[&place];
        let Some(number) = node.file else {
            let expected = "file";
            return Err(EditError::Kind {
                path: place,
                expected,
            });
        };
        self.files[number].content = content;
        for node in self.nodes.values_mut() {
            if node.file == Some(number) {
                node.entry.kind = EntryKind::File { size };
                node.package = None;
                node.sha1 = None;
            }
        }
        Ok(place)
    }

    /// Makes a symbolic link, as old as its directory. Its directory must be there.
    pub fn make_symlink(&mut self, path: &str, target: &str) -> Result<EntryPath, EditError> {
        let place = self.vacant(path)?;
        let time = place.parent().and_then(|parent| self.time(&parent));
        Ok(self.add_new(Entry::symlink(place, target), time.unwrap_or(0), None))
    }

    /// Makes a further name of a file, in the place of whatever file or link has that name.
    pub fn make_link(&mut self, path: &str, source: &str) -> Result<EntryPath, EditError> {
        let missing = || EditError::Missing(source.to_owned());
        let from = self.lookup(source).ok_or_else(missing)?;
        let full = written(path)?;
        let place = self.place(None, &full)?;
        if self.nodes[&from].file.is_none() {
            let expected = "file";
            return Err(EditError::Kind {
                path: from,
                expected,
            });
        }
        let existing = self.nodes.get(&place).map(|node| &node.entry.kind);
        if existing == Some(&EntryKind::Directory) {
            return Err(EditError::Exists(place));
        }
        if place != from {
            let mut node = self.nodes[&from].clone();
            node.entry.path = place.clone();
            node.package = None;
            self.replace(place.clone(), node);
        }
        Ok(place)
    }

    /// Sets the mode of what a path leads to.
    pub fn set_mode(&mut self, path: &str, mode: u32) -> Result<(), EditError> {
        self.change(path, |entry| entry.mode = mode & 0o7777)
    }

    /// Sets the owner and group of what a path leads to.
    pub fn set_owner(&mut self, path: &str, uid: u32, gid: u32) -> Result<(), EditError> {
        self.change(path, |entry| (entry.uid, entry.gid) = (uid, gid))
    }

    /// Sets when what a path leads to was changed.
    pub fn set_time(&mut self, path: &str, time: u64) -> Result<(), EditError> {
        let missing = || EditError::Missing(path.to_owned());
        let place = self.lookup(path).ok_or_else(missing)?;
        if let Some(node) = self.nodes.get_mut(&place) {
            node.mtime = time;
        }
        Ok(())
    }

    fn change(&mut self, path: &str, change: impl Fn(&mut Entry)) -> Result<(), EditError> {
        let missing = || EditError::Missing(path.to_owned());
        let place = self.lookup(path).ok_or_else(missing)?;
        let number = self.nodes[&place].file;
        for (other, node) in &mut self.nodes {
            if *other == place || (number.is_some() && node.file == number) {
                change(&mut node.entry);
            }
        }
        Ok(())
    }

    /// The place of a path at which nothing is, in a directory that is there.
    fn vacant(&mut self, path: &str) -> Result<EntryPath, EditError> {
        let full = written(path)?;
        if let Some(parent) = full.parent()
            && self.lookup(parent.as_str()).is_none()
        {
            return Err(EditError::Missing(parent.to_string()));
        }
        let place = self.place(None, &full)?;
        if self.nodes.contains_key(&place) {
            return Err(EditError::Exists(place));
        }
        Ok(place)
    }

    fn add_new(&mut self, mut entry: Entry, mtime: u64, content: Option<C>) -> EntryPath {
        let place = entry.path.clone();
        let file = content.map(|content| self.add_file(&mut entry, content));
        let node = Node {
            entry,
            mtime,
            sha1: None,
            file,
            package: None,
            listed: None,
            implied: false,
        };
        self.nodes.insert(place.clone(), node);
        self.ways.forget();
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Root<&'static str> {
        let mut root = Root::new();
        root.make_directories("/usr/lib", 0o755).unwrap();
        root.make_symlink("/lib", "usr/./lib/../lib").unwrap();
        root.write_file("lib/a", 0o640, ("one", 3)).unwrap();
        root.make_symlink("/usr/absolute", "/lib/a").unwrap();
        root.make_symlink("/loop", "/loop").unwrap();
        root.make_symlink("/nowhere", "usr/nothing").unwrap();
        root
    }

    #[test]
    fn links_are_followed_inside_the_tree() {
        let mut root = tree();
        for (path, place) in [
            ("/usr/absolute", Some("usr/lib/a")),
            ("//lib/./a/", Some("usr/lib/a")),
            ("/lib", Some("usr/lib")),
            ("/loop", None),
            ("/nowhere", None),
            ("/", None),
            ("usr/../lib", None),
        ] {
            let found = root.lookup(path).map(|place| place.to_string());
            assert_eq!(found.as_deref(), place, "{path}");
        }
    }

    #[test]
    fn names_of_one_file_change_together() {
        let mut root = tree();
        root.make_link("/usr/b", "/usr/absolute").unwrap();
        root.set_mode("/usr/b", 0o4755).unwrap();
        root.set_owner("/lib/a", 7, 8).unwrap();
        root.write_file("/usr/b", 0, ("three", 5)).unwrap();
        root.set_time("/usr/b", 9).unwrap();
        for path in ["/usr/b", "/lib/a"] {
            let (entry, content) = root.look(path).unwrap();
            assert_eq!((entry.mode, entry.uid, entry.gid), (0o4755, 7, 8), "{path}");
            assert_eq!((entry.size(), content), (5, Some(&"three")), "{path}");
        }
        // A name that is put elsewhere leaves the others alone.
        root.write_file("/usr/c", 0o600, ("c", 1)).unwrap();
        root.make_link("/usr/b", "/usr/c").unwrap();
        assert_eq!(root.look("/lib/a").unwrap().1, Some(&"three"));
        let written: Vec<String> = root
            .into_entries()
            .map(|placed| format!("{} {:?}", placed.entry.path, placed.entry.kind))
            .filter(|line| line.starts_with("usr/b") || line.starts_with("usr/c"))
            .collect();
        assert_eq!(
            written,
            [
                "usr/b File { size: 1 }",
                "usr/c Hardlink { target: \"usr/b\" }"
            ]
        );
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let mut root = tree();
        let errors = [
            root.make_symlink("/lib/a", "x").err(),
            root.make_symlink("/absent/x", "x").err(),
            root.write_file("/lib", 0o644, ("", 0)).err(),
            root.write_file("/", 0o644, ("", 0)).err(),
            root.write_file("/loop", 0o644, ("", 0)).err(),
            root.make_directories("/lib/a/b", 0o755).err(),
            root.make_link("/x", "/absent").err(),
            root.make_link("/x", "/lib").err(),
            root.make_link("/usr/lib", "/lib/a").err(),
            root.set_mode("/absent", 0).err(),
            root.make_directories("/a/../b", 0o755).err(),
        ];
        let texts: Vec<String> = errors
            .into_iter()
            .map(|error| error.unwrap().to_string())
            .collect();
        assert_eq!(
            texts,
            [
                "usr/lib/a is there already",
                "there is no absent",
                "usr/lib is no file",
                "\"/\" is no path of something in the tree",
                "loop is there already",
                "usr/lib/a is no directory",
                "there is no /absent",
                "usr/lib is no file",
                "usr/lib is there already",
                "there is no /absent",
                "\"/a/../b\" is no path of something in the tree",
            ]
        );
    }
}
