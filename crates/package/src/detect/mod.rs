//! What a package needs and provides, found by looking at its files.
//!
//! The rules are melange's dependency analysis (its `pkg/sca`), one file a kind. What is found comes
//! from hostile bytes: it is bounded and every name is checked before it can reach a PKGINFO line.
//! Dependencies on a version of a library (`so-ver:`), which melange finds only when an environment
//! variable asks for them, are not looked for; what a package provides always has its version.

mod commands;
mod golang;
mod kernel;
mod modules;
mod objects;
mod pkgconfig;
mod shebang;

use crate::tree::{Node, Tree, file_name, parent};
use bessemer_apk::EntryKind;
use std::collections::BTreeSet;
use std::io;

/// Most bytes of a loader configuration or pkg-config file that is read.
const TEXT_LIMIT: u64 = 1 << 20;
/// Most different names that one package may need, provide or contain; a large real one has a few
/// thousand.
const MOST_NAMES: usize = 1 << 17;

/// A package as far as detection looks at it.
#[derive(Debug)]
pub struct Package<'a> {
    /// Package name.
    pub name: &'a str,
    /// Full version, `<version>-r<epoch>`.
    pub version: &'a str,
    /// Its files.
    pub tree: &'a Tree,
    /// What its recipe says it needs. Where that names an interpreter (`python-3.12`, `ruby`,
    /// `perl`), none is added for the modules that are found.
    pub runtime: &'a [String],
    /// What its recipe does not want to be found.
    pub options: Options,
}

/// Switches of a recipe's `package.options`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `no-provides`: nothing found is provided.
    pub no_provides: bool,
    /// `no-depends`: nothing found is needed.
    pub no_depends: bool,
    /// `no-commands`: commands are neither provided nor needed.
    pub no_commands: bool,
}

/// What was found, in apk's notation (`so:libz.so.1`, `cmd:ls=9.1-r0`), sorted and unique.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Detected {
    /// What the package needs and does not itself contain.
    pub depends: Vec<String>,
    /// What the package provides.
    pub provides: Vec<String>,
    /// What it contains for itself only, such as shared objects outside the library directories.
    pub vendored: Vec<String>,
}

impl Detected {
    /// Joins what a recipe declares to what was found: sorted, unique, without what the package
    /// provides itself. A declared dependency on something vendored stays: somebody meant it.
    #[must_use]
    pub fn with_declared(mut self, runtime: &[String], provides: &[String]) -> Self {
        self.provides.extend(provides.iter().cloned());
        self.depends.extend(runtime.iter().cloned());
        for names in [&mut self.provides, &mut self.depends] {
            names.sort();
            names.dedup();
        }
        let own = names_of(&self.provides);
        self.depends.retain(|depend| !own.contains(depend.as_str()));
        self
    }
}

/// Why a package's files could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The archive below a tree cannot be read.
    #[error("cannot read a package's files")]
    Read(#[from] io::Error),
    /// No real package is like this.
    #[error("the files of package {0} name more than {MOST_NAMES} things it needs or provides")]
    TooMany(String),
    /// Looking into its compressed files would take too long.
    #[error("the compressed files of package {0} below boot or lib/modules hold too much")]
    TooLarge(String),
}

/// Looks at every file of `package`. `siblings` are the other packages of the same build: their
/// loader configuration counts, and links into their libraries are followed.
///
/// # Errors
/// When the archive below a tree cannot be read, or the package exceeds a limit. Malformed files
/// are not errors; they need and provide nothing.
pub fn detect(package: &Package<'_>, siblings: &[&Tree]) -> Result<Detected, DetectError> {
    let mut findings = Findings::default();
    let mut objects = objects::Objects::new(package, siblings)?;
    let mut modules = modules::Modules::new(package);
    let mut unpacked = kernel::Budget::default();
    for (path, node) in package.tree.iter() {
        let path = path.as_str();
        modules.look(path, node, &mut findings);
        match &node.entry.kind {
            EntryKind::Symlink { target } => objects.link(path, node, target, &mut findings)?,
            EntryKind::File { .. } | EntryKind::Hardlink { .. } => {
                commands::look(package, path, node, &mut findings);
                objects.file(path, node, &mut findings)?;
                pkgconfig::look(package, path, node, &mut findings)?;
                shebang::look(package, path, node, &mut findings)?;
                kernel::look(package, path, node, &mut unpacked, &mut findings)?;
            }
            _ => {}
        }
        if findings.len() > MOST_NAMES {
            return Err(DetectError::TooMany(package.name.to_owned()));
        }
    }
    modules.finish(&mut findings);
    Ok(findings.finish(package.options))
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    depends: BTreeSet<String>,
    provides: BTreeSet<String>,
    vendored: BTreeSet<String>,
}

impl Findings {
    fn len(&self) -> usize {
        self.depends.len() + self.provides.len() + self.vendored.len()
    }

    fn depend(&mut self, name: &str) {
        if is_name(name) {
            self.depends.insert(name.to_owned());
        }
    }

    /// `name=version`, or the name alone where there is no version.
    fn provide(&mut self, name: &str, version: Option<&str>) {
        if is_name(name) {
            self.provides.insert(with_version(name, version));
        }
    }

    fn contain(&mut self, name: &str, version: &str) {
        if is_name(name) {
            self.vendored.insert(with_version(name, Some(version)));
        }
    }

    /// Leaves out what is not wanted and what the package needs from itself.
    fn finish(mut self, options: Options) -> Detected {
        let is_command = |name: &String| name.starts_with("cmd:");
        if options.no_commands {
            self.provides.retain(|name| !is_command(name));
            self.depends.retain(|name| !is_command(name));
        }
        if options.no_provides {
            self.provides.clear();
        }
        if options.no_depends {
            self.depends.clear();
        }
        let mut own = names_of(&self.provides);
        own.extend(names_of(&self.vendored));
        let needed = |name: &String| !own.contains(name.as_str());
        Detected {
            depends: self
                .depends
                .iter()
                .filter(|name| needed(name))
                .cloned()
                .collect(),
            provides: self.provides.iter().cloned().collect(),
            vendored: self.vendored.iter().cloned().collect(),
        }
    }
}

fn with_version(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name}={version}"))
}

/// What stands before the first `=` of each.
fn names_of<'a>(provided: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    provided
        .into_iter()
        .map(|provided| provided.split('=').next().unwrap_or_default())
        .collect()
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, found)| found == extension)
}

/// Whether a name found in a stranger's file may stand in a PKGINFO line and be read back as one
/// constraint: printable ASCII, no space and none of the operators.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"=<>~!@".contains(&byte))
}

fn is_directory(node: &Node) -> bool {
    matches!(node.entry.kind, EntryKind::Directory)
}

#[cfg(test)]
mod tests;
