//! What a package needs and provides, found by looking at its files.
//!
//! The rules are melange's dependency analysis (its `pkg/sca`), limited to shared objects,
//! commands, pkg-config files and interpreters. What is found comes from hostile bytes: it is
//! bounded and every name is checked before it can reach a PKGINFO line.

mod elf;
mod pkgconfig;
mod shebang;

use crate::tree::{Node, Tree, file_name, join_lexically, parent};
use bessemer_apk::EntryKind;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Directories whose shared objects the loader finds (not recursive).
const LIBRARY_DIRECTORIES: [&str; 4] = ["lib", "usr/lib", "lib64", "usr/lib64"];
/// Directories whose executables are commands (not recursive).
const COMMAND_DIRECTORIES: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];
/// Directories whose pkg-config files others find.
const PKGCONFIG_DIRECTORIES: [&str; 5] = [
    "usr/lib/pkgconfig",
    "usr/lib64/pkgconfig",
    "usr/share/pkgconfig",
    "usr/local/lib/pkgconfig",
    "usr/local/share/pkgconfig",
];
/// Most library directories that count; real systems have a handful.
const MOST_LIBRARY_DIRECTORIES: usize = 64;
/// Most bytes of a loader configuration or pkg-config file that is read.
const TEXT_LIMIT: u64 = 1 << 20;

/// A package as far as detection looks at it.
#[derive(Debug)]
pub struct Package<'a> {
    /// Package name.
    pub name: &'a str,
    /// Full version, `<version>-r<epoch>`.
    pub version: &'a str,
    /// Its files.
    pub tree: &'a Tree,
}

/// What was found, in apk's notation (`so:libz.so.1`, `cmd:ls=9.1-r0`), sorted and unique.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Detected {
    /// What the package needs and does not itself contain.
    pub depends: Vec<String>,
    /// What the package provides.
    pub provides: Vec<String>,
    /// What it contains for itself only: shared objects outside the library directories.
    pub vendored: Vec<String>,
}

/// Looks at every file of `package`. `siblings` are the other packages of the same build: their
/// loader configuration counts, and links into their libraries are followed.
///
/// # Errors
/// Only when the archive below a tree cannot be read. Malformed files are not errors; they need
/// and provide nothing.
pub fn detect(package: &Package<'_>, siblings: &[&Tree]) -> io::Result<Detected> {
    let mut finder = Finder {
        package,
        siblings,
        library_directories: library_directories(package.tree, siblings)?,
        linked: BTreeMap::new(),
        depends: BTreeSet::new(),
        provides: BTreeSet::new(),
        vendored: BTreeSet::new(),
    };
    for (path, node) in package.tree.iter() {
        finder.look(path.as_str(), node)?;
    }
    Ok(finder.finish())
}

struct Finder<'a> {
    package: &'a Package<'a>,
    siblings: &'a [&'a Tree],
    library_directories: BTreeSet<String>,
    /// What was found for the file names that links lead to.
    linked: BTreeMap<String, Option<String>>,
    depends: BTreeSet<String>,
    provides: BTreeSet<String>,
    vendored: BTreeSet<String>,
}

impl Finder<'_> {
    fn look(&mut self, path: &str, node: &Node) -> io::Result<()> {
        match &node.entry.kind {
            EntryKind::Symlink { target } if path.contains(".so") => {
                return self.linked_object(path, target);
            }
            EntryKind::File { .. } | EntryKind::Hardlink { .. } => {}
            _ => return Ok(()),
        }
        if node.entry.mode & 0o555 == 0o555 && COMMAND_DIRECTORIES.contains(&parent(path)) {
            self.provide(&format!("cmd:{}", file_name(path)), self.package.version);
        }
        self.shared_object(path, node)?;
        if has_extension(path, "pc") {
            self.pkgconfig(path, node)?;
        }
        if shebang::is_searched(path) {
            let command = shebang::command(self.package.tree.open(node)?)?;
            self.depends.extend(
                command
                    .filter(|name| is_name(name))
                    .map(|c| format!("cmd:{c}")),
            );
        }
        Ok(())
    }

    fn shared_object(&mut self, path: &str, node: &Node) -> io::Result<()> {
        let Some(object) = elf::Object::read(self.package.tree.open(node)?)? else {
            return Ok(());
        };
        if let Some(interpreter) = &object.interpreter {
            let name = file_name(interpreter);
            let name = if name.starts_with("ld-musl") {
                name.replacen("ld-", "libc.", 1)
            } else {
                name.into()
            };
            self.depend_on_object(&name);
        }
        for needed in object.needed.iter().filter(|name| name.contains(".so.")) {
            self.depend_on_object(needed);
        }
        let name = file_name(path);
        let is_library =
            object.interpreter.is_none() || name.contains(".so.") || has_extension(name, "so");
        if let Some(soname) = object.soname.filter(|soname| is_library && is_name(soname)) {
            let pair = [
                format!("so:{soname}={}", library_version(&soname)),
                format!("so-ver:{soname}={}", self.package.version),
            ];
            if self.library_directories.contains(parent(path)) {
                self.provides.extend(pair);
            } else {
                self.vendored.extend(pair);
            }
        }
        Ok(())
    }

    /// A link such as `libz.so` needs the library it leads to, which may be another package's.
    fn linked_object(&mut self, path: &str, target: &str) -> io::Result<()> {
        let own = join_lexically(parent(path), target);
        if own.is_some_and(|own| self.package.tree.find(&own).is_some()) {
            return Ok(());
        }
        let name = file_name(target);
        let soname = match self.linked.get(name) {
            Some(known) => known.clone(),
            None => self.soname_in_siblings(name)?,
        };
        self.linked.insert(name.to_owned(), soname.clone());
        if let Some(soname) = soname {
            self.depend_on_object(&soname);
        }
        Ok(())
    }

    /// The SONAME of the library with this file name in some sibling's library directories.
    fn soname_in_siblings(&self, name: &str) -> io::Result<Option<String>> {
        for tree in self.siblings {
            for directory in &self.library_directories {
                let node = tree.find(&format!("{directory}/{name}"));
                let Some(node) = node.and_then(|node| tree.resolve(node)) else {
                    continue;
                };
                let object = elf::Object::read(tree.open(node)?)?;
                if let Some(soname) = object.and_then(|object| object.soname) {
                    return Ok(Some(soname));
                }
            }
        }
        Ok(None)
    }

    fn pkgconfig(&mut self, path: &str, node: &Node) -> io::Result<()> {
        let Some(text) = self.package.tree.read(node, TEXT_LIMIT)? else {
            return Ok(());
        };
        let name = format!("pc:{}", file_name(path).trim_end_matches(".pc"));
        if PKGCONFIG_DIRECTORIES.contains(&parent(path)) {
            self.provide(&name, self.package.version);
            let required = pkgconfig::requirements(&String::from_utf8_lossy(&text));
            let required = required.into_iter().filter(|name| is_name(name));
            self.depends
                .extend(required.map(|name| format!("pc:{name}")));
        } else if is_name(&name) {
            self.vendored
                .insert(format!("{name}={}", self.package.version));
        }
        Ok(())
    }

    fn depend_on_object(&mut self, name: &str) {
        if is_name(name) {
            self.depends.insert(format!("so:{name}"));
        }
    }

    fn provide(&mut self, name: &str, version: &str) {
        if is_name(name) {
            self.provides.insert(format!("{name}={version}"));
        }
    }

    /// Takes away what the package needs from itself.
    fn finish(self) -> Detected {
        let name = |provided: &String| provided.split('=').next().unwrap_or_default().to_owned();
        let own: BTreeSet<String> = self
            .provides
            .iter()
            .chain(&self.vendored)
            .map(name)
            .collect();
        Detected {
            depends: self
                .depends
                .into_iter()
                .filter(|depend| !own.contains(depend))
                .collect(),
            provides: self.provides.into_iter().collect(),
            vendored: self.vendored.into_iter().collect(),
        }
    }
}

/// The fixed directories, and every absolute path in `etc/ld.so.conf.d/*.conf` of any package.
fn library_directories(tree: &Tree, siblings: &[&Tree]) -> io::Result<BTreeSet<String>> {
    let mut directories: BTreeSet<String> = LIBRARY_DIRECTORIES.map(str::to_owned).into();
    for tree in std::iter::once(&tree).chain(siblings) {
        for (path, node) in tree.iter() {
            let path = path.as_str();
            if parent(path) != "etc/ld.so.conf.d" || !has_extension(path, "conf") {
                continue;
            }
            let Some(text) = tree.read(node, TEXT_LIMIT)? else {
                continue;
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            let absolute = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix('/'));
            let room = MOST_LIBRARY_DIRECTORIES.saturating_sub(directories.len());
            let absolute = absolute.map(|path| path.trim_end_matches('/').to_owned());
            directories.extend(absolute.take(room));
        }
    }
    Ok(directories)
}

/// What follows the first `.so.` if that is digits and dots, else `0`.
fn library_version(soname: &str) -> &str {
    match soname.split_once(".so.") {
        Some((_, version))
            if version.starts_with(|first: char| first.is_ascii_digit())
                && version
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            version
        }
        _ => "0",
    }
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

#[cfg(test)]
mod tests;
