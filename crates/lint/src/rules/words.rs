//! Linters that look for words in paths.

use super::{Found, counted, is_directory};
use crate::{Details, FoundArchitecture, NonLinux, Package};

/// Operating systems, and how paths name them.
const PLATFORMS: [(&str, &[&str]); 2] = [
    (
        "macos",
        &["darwin", "macos", "mac_os", "mac-os", "osx", "os_x", "os-x"],
    ),
    ("windows", &["windows", "win32", "win64"]),
];
/// How paths name what packages are for.
const SUPPORTED: [&str; 5] = ["aarch64", "arm64", "amd64", "x86_64", "x86-64"];
/// Other processors.
const OTHERS: [&str; 18] = [
    "i386", "i686", "x86_32", "x86-32", "ppc64", "ppc64le", "powerpc", "s390x", "s390", "mips",
    "mipsel", "mips64", "riscv", "riscv64", "sparc", "sparc64", "ia64", "m68k",
];

/// Every entry that is no directory: its path, and the same in small letters as directory and name.
fn files(package: &Package<'_>, mut each: impl FnMut(&str, &str, &str)) {
    for (path, node) in package.tree.iter() {
        if !is_directory(node) {
            let small = path.as_str().to_lowercase();
            let (directory, name) = small.rsplit_once('/').unwrap_or(("", &small));
            each(path.as_str(), directory, name);
        }
    }
}

pub(super) fn non_linux(package: &Package<'_>) -> Option<Found> {
    let mut references = Vec::new();
    files(package, |path, directory, name| {
        let named = |word: &&str| directory.contains(word) || name.contains(word);
        let platform = PLATFORMS.iter().find(|(_, words)| words.iter().any(named));
        references.extend(platform.map(|(platform, _)| NonLinux {
            path: path.to_owned(),
            platform,
        }));
    });
    let says = "whose paths name another operating system";
    (!references.is_empty()).then(|| {
        let message = counted(package.name, references.len(), "file", "files", says);
        Found::new(message, Details::NonLinux { references })
    })
}

pub(super) fn architectures(package: &Package<'_>) -> Option<Found> {
    let mut found = Vec::new();
    files(package, |path, directory, name| {
        let supported = SUPPORTED
            .iter()
            .any(|own| directory.contains(own) || name.contains(own));
        let arch = OTHERS.iter().find(|arch| {
            directory.contains(&format!("/{arch}")) || (!supported && names(name, arch))
        });
        found.extend(arch.map(|arch| FoundArchitecture {
            path: path.to_owned(),
            arch,
        }));
    });
    let says = "whose paths name another processor";
    (!found.is_empty()).then(|| {
        let message = counted(package.name, found.len(), "file", "files", says);
        Found::new(message, Details::Architectures { files: found })
    })
}

/// Whether the word stands in a file's name after `-`, `_` or `.`, and before the same, a dot or
/// the end.
fn names(name: &str, word: &str) -> bool {
    ['-', '_', '.'].iter().any(|sign| {
        let start = format!("{sign}{word}");
        name.ends_with(&start)
            || name.contains(&format!("{start}{sign}"))
            || name.contains(&format!("{start}."))
    })
}
