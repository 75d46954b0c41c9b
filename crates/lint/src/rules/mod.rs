//! The linters, one row each.

mod binaries;
mod duplicate;
mod modes;
mod paths;
mod python;
mod tempdir;
mod tests_missing;
mod words;

use crate::{Details, Level, Package};
use bessemer_apk::EntryKind;
use bessemer_package::Node;
use std::io;

/// Where the SBOM is, which is in the package and none of its files.
const SBOM: &str = "var/lib/db/sbom/";

/// One linter.
#[derive(Debug)]
pub(crate) struct Linter {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) hint: &'static str,
    pub(crate) check: Check,
}

/// How a linter looks at a package.
#[derive(Debug)]
pub(crate) enum Check {
    /// Every path for itself.
    Paths {
        /// Whether the entry should not be there.
        wrong: fn(&str, &Node) -> bool,
        /// Ends of the names of packages that may have it.
        except: &'static [&'static str],
        /// `has N files …`.
        says: &'static str,
    },
    /// The package as a whole.
    Whole(fn(&Package<'_>) -> Option<Found>),
    /// The contents of its files.
    Contents(fn(&Package<'_>) -> io::Result<Option<Found>>),
}

/// What a linter found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) message: String,
    pub(crate) details: Option<Details>,
    /// Found by a rule that is stricter than melange's: it never fails a build that melange's
    /// would not.
    pub(crate) advisory: bool,
}

impl Found {
    fn new(message: String, details: Details) -> Self {
        Self {
            message,
            details: Some(details),
            advisory: false,
        }
    }
}

impl Check {
    pub(crate) fn run(&self, package: &Package<'_>) -> io::Result<Option<Found>> {
        match self {
            Self::Whole(check) => Ok(check(package)),
            Self::Contents(check) => check(package),
            Self::Paths {
                wrong,
                except,
                says,
            } => {
                if except.iter().any(|end| package.name.ends_with(end)) {
                    return Ok(None);
                }
                Ok(of_paths(package, says, |path, node| {
                    !is_directory(node) && wrong(path, node)
                }))
            }
        }
    }
}

/// The entries that are `wrong`, in one finding.
fn of_paths(
    package: &Package<'_>,
    says: &str,
    wrong: impl Fn(&str, &Node) -> bool,
) -> Option<Found> {
    let entries = package.tree.iter();
    let paths: Vec<String> = entries
        .filter(|(path, node)| wrong(path.as_str(), node))
        .map(|(path, _)| path.to_string())
        .collect();
    (!paths.is_empty()).then(|| {
        let message = counted(package.name, paths.len(), "file", "files", says);
        Found::new(message, Details::Paths { paths })
    })
}

/// `hello has 2 files below /dev`.
fn counted(package: &str, count: usize, one: &str, many: &str, says: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{package} has {count} {noun} {says}")
}

fn is_directory(node: &Node) -> bool {
    matches!(node.entry.kind, EntryKind::Directory)
}

/// Whether the entry has contents, under its first name or a further one.
fn is_file(node: &Node) -> bool {
    matches!(
        node.entry.kind,
        EntryKind::File { .. } | EntryKind::Hardlink { .. }
    )
}

/// The last component of a path.
fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// What follows the last dot of a file's name.
fn extension(path: &str) -> &str {
    file_name(path).rsplit_once('.').map_or("", |(_, end)| end)
}

const fn paths(
    name: &'static str,
    level: Level,
    wrong: fn(&str, &Node) -> bool,
    says: &'static str,
    hint: &'static str,
) -> Linter {
    except(name, level, &[], wrong, says, hint)
}

const fn except(
    name: &'static str,
    level: Level,
    except: &'static [&'static str],
    wrong: fn(&str, &Node) -> bool,
    says: &'static str,
    hint: &'static str,
) -> Linter {
    let check = Check::Paths {
        wrong,
        except,
        says,
    };
    Linter {
        name,
        level,
        hint,
        check,
    }
}

const fn whole(
    name: &'static str,
    level: Level,
    check: fn(&Package<'_>) -> Option<Found>,
    hint: &'static str,
) -> Linter {
    Linter {
        name,
        level,
        hint,
        check: Check::Whole(check),
    }
}

const fn contents(
    name: &'static str,
    level: Level,
    check: fn(&Package<'_>) -> io::Result<Option<Found>>,
    hint: &'static str,
) -> Linter {
    Linter {
        name,
        level,
        hint,
        check: Check::Contents(check),
    }
}

use Level::{Off, Require, Warn};

const COMPAT: &[&str] = &["-compat"];
const DEV: &[&str] = &["-dev"];
const DOC: &[&str] = &["-doc"];
const TO_COMPAT: &str = "move these files to a package whose name ends with -compat";
const TO_DOC: &str = "move documentation to a package whose name ends with -doc (split/manpages, split/infodir), or remove it";

/// Every linter, by name.
pub(crate) const LINTERS: &[Linter] = &[
    contents(
        "binaryarch",
        Warn,
        binaries::foreign,
        "remove programs for processors other than x86_64 and aarch64",
    ),
    paths(
        "cudaruntimelib",
        Warn,
        paths::cuda,
        "of the host's driver for CUDA",
        "the host brings these into a container; link and test against the stub libraries instead (nvidia-cuda-cudart-*, nvidia-cuda-nvml-dev-*)",
    ),
    paths(
        "dev",
        Require,
        |path, _| path.starts_with("dev/"),
        "below /dev",
        "let udev make device nodes, and remove everything below /dev",
    ),
    except(
        "dll",
        Warn,
        DEV,
        |path, _| extension(path) == "dll",
        "for Windows (.dll)",
        "remove the .dll files",
    ),
    except(
        "documentation",
        Off,
        DOC,
        paths::documentation,
        "of documentation",
        TO_DOC,
    ),
    contents(
        "duplicate",
        Warn,
        duplicate::check,
        "replace the copies with links to one of them",
    ),
    except(
        "dylib",
        Warn,
        DEV,
        |path, _| extension(path) == "dylib",
        "for macOS (.dylib)",
        "remove the .dylib files",
    ),
    whole(
        "empty",
        Off,
        paths::empty,
        "look whether the build should have left files here; a package that is meant to be empty needs no linter for it",
    ),
    whole(
        "infodir",
        Require,
        paths::infodir,
        "remove /usr/share/info/dir, which belongs to no single package (split/infodir does)",
    ),
    whole(
        "lddcheck",
        Warn,
        tests_missing::libraries,
        "use the pipeline test/tw/ldd-check in the package's test",
    ),
    paths(
        "libtool/la-files",
        Require,
        |path, _| extension(path) == "la",
        "of libtool (.la)",
        "remove the .la files in the recipe, or name this linter in `checks.disabled` if something reads them",
    ),
    except(
        "maninfo",
        Warn,
        DOC,
        paths::manual,
        "of manuals or info pages",
        TO_DOC,
    ),
    whole(
        "nonlinux",
        Warn,
        words::non_linux,
        "remove files for other operating systems",
    ),
    paths(
        "object",
        Warn,
        |path, _| extension(path) == "o",
        "of intermediate code (.o)",
        "remove the .o files; a build's leftovers have no place in a package",
    ),
    except(
        "opt",
        Warn,
        COMPAT,
        |path, _| path.starts_with("opt/"),
        "below /opt",
        TO_COMPAT,
    ),
    whole(
        "pkgconf",
        Warn,
        tests_missing::pkgconf,
        "use the pipeline test/pkgconf in the package's test",
    ),
    whole(
        "python/docs",
        Warn,
        python::docs,
        "remove the folder of documentation from site-packages",
    ),
    whole(
        "python/multiple",
        Warn,
        python::multiple,
        "give each Python package one of its own, and look whether `pip install` brought dependencies along",
    ),
    whole(
        "python/test",
        Warn,
        python::tests,
        "remove the folder of tests from site-packages",
    ),
    paths(
        "sbom",
        Warn,
        paths::sbom,
        "in /var/lib/db/sbom without the name of an SBOM",
        "remove them; SBOMs are added to packages after the build",
    ),
    whole(
        "setuidgid",
        Require,
        modes::special,
        "take the setuid, setgid and sticky bits away in the recipe, or name this linter in `checks.disabled` if the program needs them",
    ),
    except(
        "srv",
        Warn,
        COMPAT,
        |path, _| path.starts_with("srv/"),
        "below /srv",
        TO_COMPAT,
    ),
    except(
        "staticarchive",
        Warn,
        &["-dev", "-static"],
        |path, _| extension(path) == "a",
        "with static libraries (.a)",
        "move the .a files to a package whose name ends with -dev or -static (split/static), or remove them",
    ),
    contents(
        "strip",
        Warn,
        binaries::unstripped,
        "use the pipeline strip, or split/debug",
    ),
    whole(
        "tempdir",
        Require,
        tempdir::check,
        "remove these files; for a folder below /run ship a file in /usr/lib/tmpfiles.d",
    ),
    whole(
        "unsupportedarch",
        Warn,
        words::architectures,
        "remove files for processors other than x86_64 and aarch64",
    ),
    except(
        "usrlocal",
        Warn,
        COMPAT,
        |path, _| path.starts_with("usr/local/"),
        "below /usr/local",
        TO_COMPAT,
    ),
    whole(
        "usrmerge",
        Require,
        paths::usrmerge,
        "install programs into /usr/bin and libraries into /usr/lib; /bin, /sbin, /lib, /lib64 and /usr/sbin are links",
    ),
    paths(
        "varempty",
        Require,
        |path, _| path.starts_with("var/empty/"),
        "below /var/empty",
        "remove everything below /var/empty",
    ),
    whole(
        "worldwrite",
        Require,
        modes::world_writable,
        "take the write permission for others away in the recipe, or name this linter in `checks.disabled`",
    ),
];
