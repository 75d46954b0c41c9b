//! Reading packages into a tree, each checked against what an index says of it.

use super::{Database, InstallError, InstalledPackage, Item, Root, System, SystemError};
use crate::package::{Control, ReadError, Reader, Summary};
use crate::{EntryKind, EntryPath, IndexEntry};
use std::io::{self, BufRead, Read};

/// Takes in the contents of files while packages are read, and says where they are.
pub trait Contents {
    /// Where a content is.
    type Place;

    /// Takes in exactly `size` bytes.
    fn keep(&mut self, content: &mut dyn Read, size: u64) -> io::Result<Self::Place>;
}

/// A tree that is being put together.
#[derive(Debug)]
pub struct Assembly<S: Contents> {
    root: Root<S::Place>,
    contents: S,
}

/// Why a package cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The index names it by something else than the SHA-1 of its control member.
    #[error("the index has no SHA-1 for {0}, so that nothing vouches for it")]
    Unverifiable(String),
    /// It is not the package that the index means.
    #[error(
        "{package} is not the package that the index names: its control member is {found}, not {expected}"
    )]
    Control {
        /// File name of the package.
        package: String,
        /// Hexadecimal SHA-1 in the index.
        expected: String,
        /// Hexadecimal SHA-1 of what was read.
        found: String,
    },
    /// It says of itself to be another package.
    #[error("{package} says that it is {found}")]
    Name {
        /// File name of the package.
        package: String,
        /// Name and version in its `.PKGINFO`.
        found: String,
    },
    /// It cannot be read, or is damaged.
    #[error("cannot read {package}")]
    Read {
        /// File name of the package.
        package: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A content cannot be read or not be kept.
    #[error("cannot take in {path} of {package}")]
    Keep {
        /// File name of the package.
        package: String,
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not fit what is there.
    #[error("cannot install {package}")]
    Install {
        /// File name of the package.
        package: String,
        /// Why.
        #[source]
        source: InstallError,
    },
}

impl<S: Contents> Assembly<S> {
    /// An empty tree; contents go to `contents`.
    pub fn new(contents: S) -> Self {
        Self {
            root: Root::new(),
            contents,
        }
    }

    /// Says what is installed below the tree, before packages are added ([`Root::put_on`]).
    pub fn put_on(&mut self, below: Database) {
        self.root.put_on(below);
    }

    /// Adds the next package in the order of installation: the one that `expected` means, by the
    /// SHA-1 of its control member, whose `datahash` in turn is checked against the data. `tag` is
    /// that of its repository. After an error the tree must not be used.
    pub fn add<R: BufRead>(
        &mut self,
        mut package: Reader<R>,
        expected: &IndexEntry,
        tag: Option<&str>,
    ) -> Result<Summary, AddError> {
        let name = expected.file_name();
        check_identity(&package.header().control, expected, &name)?;
        let read = |source| AddError::Read {
            package: name.clone(),
            source,
        };
        let record = InstalledPackage {
            repository_tag: tag.map(str::to_owned),
            ..InstalledPackage::from_package(&package.header().control, expected.size)
        };
        let number = self.root.add_package(record);
        while let Some(mut found) = package.next_entry().map_err(read)? {
            let entry = found.entry.clone();
            if is_kept_open(&entry.path, &entry.kind) {
                continue;
            }
            let content = match entry.kind {
                EntryKind::File { size } => {
                    let kept = self.contents.keep(&mut found, size);
                    Some(kept.map_err(|source| AddError::Keep {
                        package: name.clone(),
                        path: entry.path.clone(),
                        source,
                    })?)
                }
                _ => None,
            };
            let item = Item {
                mtime: found.mtime,
                sha1: found.sha1,
                content,
                entry,
            };
            let inserted = self.root.insert(number, item);
            inserted.map_err(|source| AddError::Install {
                package: name.clone(),
                source,
            })?;
        }
        let (_, summary) = package.finish().map_err(read)?;
        self.root.packages[number].entry.size = summary.file_size;
        Ok(summary)
    }

    /// Adds what a system has besides packages; gives the tree and the contents it refers to.
    pub fn finish(mut self, system: &System) -> Result<(Root<S::Place>, S), SystemError> {
        let contents = &mut self.contents;
        let keep = |mut bytes: &[u8]| {
            let size = bytes.len() as u64;
            contents.keep(&mut bytes, size)
        };
        self.root.add_system(system, keep)?;
        Ok((self.root, self.contents))
    }

    /// The tree and the contents as the packages alone make them.
    pub fn into_parts(self) -> (Root<S::Place>, S) {
        (self.root, self.contents)
    }
}

/// Checks that this is the control member that the index means.
fn check_identity(control: &Control, expected: &IndexEntry, name: &str) -> Result<(), AddError> {
    let package = name.to_owned();
    let Some(sha1) = expected.checksum else {
        return Err(AddError::Unverifiable(package));
    };
    if sha1 != control.sha1 {
        return Err(AddError::Control {
            package,
            expected: hex::encode(sha1),
            found: hex::encode(control.sha1),
        });
    }
    let info = &control.pkginfo;
    if info.name != expected.name || info.version != expected.version.as_str() {
        let found = format!("{}-{}", info.name, info.version);
        return Err(AddError::Name { package, found });
    }
    Ok(())
}

/// Files that only keep a directory from being empty; apk-tools does not install them
/// (`apk_db_install_archive_entry`).
fn is_kept_open(path: &EntryPath, kind: &EntryKind) -> bool {
    const PREFIX: &str = ".keep_";
    let name = path.file_name();
    *kind != EntryKind::Directory && name.len() > PREFIX.len() && name.starts_with(PREFIX)
}
