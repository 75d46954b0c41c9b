//! Linters that look into ELF files.

use super::{Found, SBOM, counted, extension, is_file};
use crate::{Binary, Details, Package};
use bessemer_package::Node;
use bessemer_package::elf::{self, Object};
use std::io;

/// Where separated debug information belongs.
const SEPARATED: &str = "usr/lib/debug/";
/// ELF's numbers of machines that packages are for, then others that have a name.
const SUPPORTED: [u16; 2] = [62, 183];
const OTHERS: [(u16, &str); 6] = [
    (3, "i386"),
    (8, "mips"),
    (21, "ppc64"),
    (22, "s390"),
    (40, "arm"),
    (243, "riscv"),
];

/// Programs and libraries: what may be executed or is called like a library.
fn binaries<'a>(package: &Package<'a>) -> impl Iterator<Item = (&'a str, &'a Node)> {
    let entries = package
        .tree
        .iter()
        .map(|(path, node)| (path.as_str(), node));
    entries.filter(|(path, node)| {
        let library = ["a", "so", "dylib"].contains(&extension(path)) || path.contains(".so.");
        is_file(node) && !path.starts_with(SBOM) && (node.entry.mode & 0o111 != 0 || library)
    })
}

pub(super) fn foreign(package: &Package<'_>) -> io::Result<Option<Found>> {
    let mut found = Vec::new();
    for (path, node) in binaries(package) {
        let object = Object::read(package.tree.open(node)?)?;
        let Some(machine) = object.map(|object| object.machine) else {
            continue;
        };
        if SUPPORTED.contains(&machine) {
            continue;
        }
        let named = OTHERS.iter().find(|(number, _)| *number == machine);
        found.push(Binary {
            path: path.to_owned(),
            arch: named.map_or_else(
                || format!("unknown ({machine})"),
                |(_, name)| (*name).to_owned(),
            ),
        });
    }
    let says = "for another processor";
    Ok((!found.is_empty()).then(|| {
        let message = counted(package.name, found.len(), "program", "programs", says);
        Found::new(message, Details::Foreign { binaries: found })
    }))
}

pub(super) fn unstripped(package: &Package<'_>) -> io::Result<Option<Found>> {
    let mut found = Vec::new();
    for (path, node) in binaries(package) {
        if path.starts_with(SEPARATED) {
            continue;
        }
        let names = elf::section_names(package.tree.open(node)?)?;
        if names.iter().any(|name| is_debug(name)) {
            found.push(path.to_owned());
        }
    }
    let says = "with debug information";
    Ok((!found.is_empty()).then(|| {
        let message = counted(package.name, found.len(), "program", "programs", says);
        Found::new(message, Details::Binaries { binaries: found })
    }))
}

/// Debuggers' scripts are loaded with the program and stay when it is stripped.
fn is_debug(section: &str) -> bool {
    let rest = section
        .strip_prefix(".debug")
        .or_else(|| section.strip_prefix(".zdebug"));
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('_') && rest != "_gdb_scripts"))
}
