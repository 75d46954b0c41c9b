//! The kernel package: an image, the modules a guest needs, and how to load them.

use crate::config::Kernel;
use bessemer_apk::{Entry, EntryPath, EntryPathError};
use bessemer_package::{Node, Tree};
use object::{Object as _, ObjectSection as _};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Most bytes of one module or of the list of built-in ones.
const MODULE_LIMIT: u64 = 64 << 20;
const SUFFIX: &str = ".ko";

/// Why no kernel package can be made.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The Debian package holds no `boot/vmlinuz-<release>`.
    #[error("the Debian package has no kernel image")]
    NoImage,
    /// A module of the list, or one it needs, is neither there nor built in.
    #[error("the kernel has no module `{0}`, and it is not built in")]
    NoModule(String),
    /// A module cannot be read or is malformed.
    #[error("cannot read the module `{name}`")]
    Module {
        /// The module.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A module's name is no file name.
    #[error("the kernel has a module with an impossible name")]
    Path(#[from] EntryPathError),
    /// The descriptor cannot be written.
    #[error("cannot write the kernel's descriptor")]
    Json(#[from] serde_json::Error),
}

/// `boot/kernel.json`: what the launcher must know, so that it assumes nothing about a kernel.
#[derive(Debug, Serialize)]
struct Descriptor<'a> {
    schema: &'static str,
    release: &'a str,
    /// File with the image, relative to `boot/`.
    image: &'static str,
    /// Whether devices are found through ACPI rather than on the command line.
    acpi: bool,
    /// Whether the kernel needs `tsc_early_khz` and `tsc=reliable` where no clock is emulated.
    tsc_parameters: bool,
    /// Further parameters.
    cmdline: [&'static str; 0],
    /// Modules relative to `boot/`, in the order to load them.
    modules: &'a [String],
}

/// The files of the kernel package, taken out of Debian's.
pub(crate) fn package(debian: &Tree, config: &Kernel) -> Result<Tree, KernelError> {
    let image = |node: &Node| node.entry.path.as_str().starts_with("boot/vmlinuz-");
    let image = debian.iter().map(|(_, node)| node).find(|node| image(node));
    let image = image.ok_or(KernelError::NoImage)?;
    let release = image
        .entry
        .path
        .as_str()
        .trim_start_matches("boot/vmlinuz-")
        .to_owned();
    let modules = Modules::find(debian, &release)?;
    let mut order = Vec::new();
    for name in &config.modules {
        modules.append(name, &mut order, &mut BTreeSet::new())?;
    }
    let mut tree = Tree::new();
    tree.insert(moved(image, "boot/vmlinuz")?);
    let mut files = Vec::new();
    for name in &order {
        let file = format!("modules/{name}{SUFFIX}");
        tree.insert(moved(modules.nodes[name], &format!("boot/{file}"))?);
        files.push(file);
    }
    let descriptor = Descriptor {
        schema: "bessemer.kernel/v1",
        release: &release,
        image: "vmlinuz",
        acpi: true,
        tsc_parameters: true,
        cmdline: [],
        modules: &files,
    };
    let mut json = serde_json::to_vec_pretty(&descriptor)?;
    json.push(b'\n');
    tree.insert_file(EntryPath::new("boot/kernel.json")?, 0o644, json);
    Ok(tree)
}

fn moved(node: &Node, path: &str) -> Result<Node, EntryPathError> {
    let mut node = node.clone();
    let path = EntryPath::new(path)?;
    node.entry = Entry {
        path,
        mode: 0o644,
        ..node.entry
    };
    Ok(node)
}

struct Modules<'a> {
    tree: &'a Tree,
    nodes: BTreeMap<String, &'a Node>,
    built_in: BTreeSet<String>,
}

impl<'a> Modules<'a> {
    fn find(tree: &'a Tree, release: &str) -> Result<Self, KernelError> {
        let list = tree.find(&format!("lib/modules/{release}/modules.builtin"));
        let list = list
            .map(|node| read(tree, node, "modules.builtin"))
            .transpose()?;
        let list = String::from_utf8_lossy(&list.unwrap_or_default()).into_owned();
        let modules = tree
            .iter()
            .filter_map(|(path, node)| Some((module(path.as_str())?, node)));
        Ok(Self {
            tree,
            nodes: modules.collect(),
            built_in: list.lines().filter_map(module).collect(),
        })
    }

    /// Appends `name` to `order`, after everything it depends on.
    fn append(
        &self,
        name: &str,
        order: &mut Vec<String>,
        above: &mut BTreeSet<String>,
    ) -> Result<(), KernelError> {
        let name = name.replace('-', "_");
        if self.built_in.contains(&name) || order.contains(&name) || !above.insert(name.clone()) {
            return Ok(());
        }
        let node = self
            .nodes
            .get(&name)
            .ok_or_else(|| KernelError::NoModule(name.clone()))?;
        for needed in depends(&read(self.tree, node, &name)?, &name)? {
            self.append(&needed, order, above)?;
        }
        order.push(name);
        Ok(())
    }
}

/// A module's name from its path; the kernel treats `-` and `_` alike.
fn module(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?.strip_suffix(SUFFIX)?;
    Some(name.replace('-', "_"))
}

fn read(tree: &Tree, node: &Node, name: &str) -> Result<Vec<u8>, KernelError> {
    let failed = |source| KernelError::Module {
        name: name.to_owned(),
        source,
    };
    let bytes = tree.read(node, MODULE_LIMIT).map_err(failed)?;
    bytes.ok_or_else(|| failed(io::Error::new(io::ErrorKind::FileTooLarge, "too large")))
}

/// The `depends=` line of a module's `.modinfo` section.
fn depends(bytes: &[u8], name: &str) -> Result<Vec<String>, KernelError> {
    let failed = |error: object::Error| KernelError::Module {
        name: name.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    };
    let file = object::File::parse(bytes).map_err(failed)?;
    let Some(section) = file.section_by_name(".modinfo") else {
        return Ok(Vec::new());
    };
    let information = section.data().map_err(failed)?;
    let line = information
        .split(|byte| *byte == 0)
        .find_map(|line| line.strip_prefix(b"depends="));
    let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    Ok(line
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(modules: &[&str]) -> Kernel {
        let modules = modules.iter().map(|&name| name.to_owned()).collect();
        Kernel {
            name: "k".into(),
            debs: BTreeMap::new(),
            modules,
        }
    }

    fn debian() -> Tree {
        let mut tree = Tree::new();
        let mut add = |path: &str, bytes: &[u8]| {
            tree.insert_file(EntryPath::new(path).unwrap(), 0o600, bytes.to_vec());
        };
        add("boot/vmlinuz-6.1-x", b"image");
        add(
            "lib/modules/6.1-x/modules.builtin",
            b"kernel/crypto/crc32c-generic.ko\n",
        );
        add("lib/modules/6.1-x/kernel/bad.ko", b"not ELF");
        tree
    }

    #[test]
    fn built_in_modules_are_skipped() {
        let tree = package(&debian(), &config(&["crc32c_generic"])).unwrap();
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["boot/kernel.json", "boot/vmlinuz"]);
        let json = tree
            .read(tree.find("boot/kernel.json").unwrap(), 4096)
            .unwrap()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["release"], "6.1-x");
        assert_eq!(json["modules"], serde_json::json!([]));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let result = |modules: &[&str]| package(&debian(), &config(modules)).unwrap_err();
        assert!(matches!(result(&["erofs"]), KernelError::NoModule(name) if name == "erofs"));
        assert!(matches!(result(&["bad"]), KernelError::Module { .. }));
        assert!(matches!(
            package(&Tree::new(), &config(&[])),
            Err(KernelError::NoImage)
        ));
    }
}
