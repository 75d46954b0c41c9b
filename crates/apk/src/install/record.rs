//! A package, as the tree remembers it.

use crate::index::names;
use crate::package::{Control, Script};
use crate::{Dependency, IndexEntry};
use std::collections::BTreeMap;

/// What the tree remembers of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// As in an index.
    pub entry: IndexEntry,
    /// Packages whose files it may take over.
    pub replaces: Vec<Dependency>,
    /// Decides when two packages replace each other.
    pub replaces_priority: u64,
    /// The tag of the repository it came from.
    pub repository_tag: Option<String>,
    /// What apk would run; kept, never run.
    pub scripts: BTreeMap<Script, Vec<u8>>,
    /// Directories whose change would run the trigger script.
    pub triggers: Vec<String>,
}

impl InstalledPackage {
    /// A package that says no more than an index does.
    pub const fn new(entry: IndexEntry) -> Self {
        Self {
            entry,
            replaces: Vec::new(),
            replaces_priority: 0,
            repository_tag: None,
            scripts: BTreeMap::new(),
            triggers: Vec::new(),
        }
    }

    /// From the control member of a package of `size` bytes.
    pub fn from_package(control: &Control, size: u64) -> Self {
        let info = &control.pkginfo;
        let script =
            |script: Script| Some((script, control.files.get(script.file_name())?.clone()));
        Self {
            replaces: names(&info.replaces).map(Dependency::from_index).collect(),
            replaces_priority: info.replaces_priority.unwrap_or(0),
            scripts: Script::ALL.into_iter().filter_map(script).collect(),
            triggers: info.triggers.clone(),
            ..Self::new(IndexEntry::from_package(control, size))
        }
    }
}
