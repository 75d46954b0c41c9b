//! Shared objects and what loads them.

use super::{DetectError, Findings, Package, TEXT_LIMIT, golang, has_extension};
use crate::elf;
use crate::tree::{ContentReader, Node, Tree, file_name, parent};
use bessemer_apk::{EntryKind, EntryPath};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Directories whose shared objects the loader finds (not recursive).
const LIBRARY_DIRECTORIES: [&str; 4] = ["lib", "usr/lib", "lib64", "usr/lib64"];
/// Most library directories that count; real systems have a handful.
const MOST_LIBRARY_DIRECTORIES: usize = 64;
/// Libraries of NVIDIA's driver: whoever runs a container brings them, and no package may.
const HOST_LIBRARIES: [&str; 27] = [
    "libEGL_nvidia.so.1",
    "libGLESv1_CM_nvidia.so.1",
    "libGLESv2_nvidia.so.1",
    "libGLX_nvidia.so.1",
    "libcuda.so.1",
    "libcudadebugger.so.1",
    "libnvcuvid.so.1",
    "libnvidia-allocator.so.1",
    "libnvidia-cfg.so.1",
    "libnvidia-eglcore.so.1",
    "libnvidia-encode.so.1",
    "libnvidia-fbc.so.1",
    "libnvidia-glcore.so.1",
    "libnvidia-glsi.so.1",
    "libnvidia-glvkspirv.so.1",
    "libnvidia-gpucomp.so.1",
    "libnvidia-ml.so.1",
    "libnvidia-ngx.so.1",
    "libnvidia-nvvm.so.1",
    "libnvidia-opencl.so.1",
    "libnvidia-opticalflow.so.1",
    "libnvidia-pkcs11-openssl3.so.1",
    "libnvidia-pkcs11.so.1",
    "libnvidia-ptxjitcompiler.so.1",
    "libnvidia-rtcore.so.1",
    "libnvidia-tls.so.1",
    "libnvoptix.so.1",
];

/// What a shared object is called, and whether it may also be run.
#[derive(Debug, Clone, Default)]
struct Library {
    soname: Option<String>,
    is_program: bool,
}

/// Finds shared objects in one package.
pub(super) struct Objects<'a> {
    package: &'a Package<'a>,
    siblings: &'a [&'a Tree],
    library_directories: BTreeSet<String>,
    /// What was found for the file names that links lead to.
    linked: BTreeMap<String, Option<String>>,
    /// The libraries that links of this package lead to.
    own: BTreeMap<EntryPath, Library>,
}

impl<'a> Objects<'a> {
    pub(super) fn new(package: &'a Package<'a>, siblings: &'a [&'a Tree]) -> io::Result<Self> {
        Ok(Self {
            package,
            siblings,
            library_directories: library_directories(package.tree, siblings)?,
            linked: BTreeMap::new(),
            own: BTreeMap::new(),
        })
    }

    /// Any file: whether it is executable does not matter.
    pub(super) fn file(
        &self,
        path: &str,
        node: &Node,
        findings: &mut Findings,
    ) -> Result<(), DetectError> {
        let open = || self.package.tree.open(node);
        let Some(object) = elf::Object::read(open()?)? else {
            return Ok(());
        };
        if let Some(interpreter) = &object.interpreter {
            let name = file_name(interpreter);
            // musl's loader is a link to its C library.
            let name = match name.strip_prefix("ld-musl") {
                Some(rest) => format!("so:libc.musl{rest}"),
                None => format!("so:{name}"),
            };
            findings.depend(&name);
        }
        for needed in object.needed.iter().filter(|name| name.contains(".so.")) {
            need(needed, findings);
        }
        let data = object.data;
        let library = Library {
            is_program: object.interpreter.is_some(),
            soname: object.soname,
        };
        self.offer(path, &library, findings);
        if golang::wants_openssl(open()?, data)? {
            findings.depend("openssl-config-fipshardened");
            findings.depend("so:libcrypto.so.3");
        }
        Ok(())
    }

    /// What lies in a library directory is provided, what lies elsewhere is for the package alone.
    /// A program has no name for the loader, unless its file is called like a library (libc and
    /// libcap may be run).
    fn offer(&self, path: &str, library: &Library, findings: &mut Findings) {
        let name = file_name(path);
        let is_library = !library.is_program || name.contains(".so.") || has_extension(name, "so");
        let Some(soname) = library.soname.as_deref().filter(|_| is_library) else {
            return;
        };
        if HOST_LIBRARIES.contains(&soname) {
            return;
        }
        let (plain, versioned) = (format!("so:{soname}"), format!("so-ver:{soname}"));
        let version = library_version(soname);
        if self.library_directories.contains(parent(path)) {
            findings.provide(&plain, Some(version));
            findings.provide(&versioned, Some(self.package.version));
        } else {
            findings.contain(&plain, version);
            findings.contain(&versioned, self.package.version);
        }
    }

    /// A link such as `libz.so` needs the library it leads to, which may be another package's. One
    /// that leads to a library of this package offers it where the link lies.
    pub(super) fn link(
        &mut self,
        path: &str,
        node: &Node,
        target: &str,
        findings: &mut Findings,
    ) -> io::Result<()> {
        if let Some(file) = self.package.tree.resolve(node)
            && matches!(file.entry.kind, EntryKind::File { .. })
        {
            let library = match self.own.get(&file.entry.path) {
                Some(known) => known.clone(),
                None => library(self.package.tree.open(file)?)?,
            };
            self.offer(path, &library, findings);
            self.own.insert(file.entry.path.clone(), library);
        }
        if !path.contains(".so") {
            return Ok(());
        }
        let name = file_name(target);
        let soname = match self.linked.get(name) {
            Some(known) => known.clone(),
            None => self.soname_in_siblings(name)?,
        };
        self.linked.insert(name.to_owned(), soname.clone());
        if let Some(soname) = soname {
            need(&soname, findings);
        }
        Ok(())
    }

    /// The SONAME of the library with this file name in the library directories of this package or
    /// some sibling's.
    fn soname_in_siblings(&self, name: &str) -> io::Result<Option<String>> {
        for tree in std::iter::once(&self.package.tree).chain(self.siblings) {
            for directory in &self.library_directories {
                let node = tree.find(&format!("{directory}/{name}"));
                if let Some(node) = node.and_then(|node| tree.resolve(node)) {
                    return Ok(library(tree.open(node)?)?.soname);
                }
            }
        }
        Ok(None)
    }
}

fn library(file: ContentReader) -> io::Result<Library> {
    let object = elf::Object::read(file)?.unwrap_or_default();
    Ok(Library {
        is_program: object.interpreter.is_some(),
        soname: object.soname,
    })
}

fn need(library: &str, findings: &mut Findings) {
    if !HOST_LIBRARIES.contains(&library) {
        findings.depend(&format!("so:{library}"));
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
