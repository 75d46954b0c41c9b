//! Linters: what a package should not have, found in its tree.
//!
//! The linters, their names and which of them must pass are melange's. [`Selection`] says which run
//! and which of those must pass, [`lint`] runs them over one [`Package`], and [`Report`] is what
//! they found, in the shape of melange's JSON.
//!
//! Invariants: a tree is a stranger's and is read where it lies, never unpacked; a linter reports
//! and changes nothing.

mod configuration;
mod finding;
mod rules;
mod selection;

pub use configuration::{Configuration, ConfigurationError};
pub use finding::{
    Binary, Details, Duplicate, FileMode, Finding, FoundArchitecture, NonLinux, Report,
};
pub use selection::{Selection, UnknownLinter};

use bessemer_package::Tree;
use rules::{LINTERS, Linter};
use std::io;

/// Whether a package that a linter finds fault with may be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It may not.
    Require,
    /// It may, with a warning.
    Warn,
    /// The linter does not run unless it is asked for.
    Off,
}

/// A package as far as linters look at it.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// Package name.
    pub name: &'a str,
    /// Its files.
    pub tree: &'a Tree,
    /// Its recipe, as far as linters ask for it; `None` when the package has none.
    pub configuration: Option<&'a Configuration>,
}

/// One linter, for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Its name: `libtool/la-files`.
    pub name: &'static str,
    /// What happens when nobody chooses.
    pub level: Level,
    /// What to do about its findings.
    pub hint: &'static str,
}

/// Every linter, by name.
pub fn linters() -> impl Iterator<Item = Description> {
    LINTERS.iter().map(|linter| Description {
        name: linter.name,
        level: linter.level,
        hint: linter.hint,
    })
}

/// Runs the selected linters over a package.
///
/// # Errors
/// When the archive below the tree cannot be read.
pub fn lint(package: &Package<'_>, version: &str, selection: &Selection) -> io::Result<Report> {
    let mut report = Report::new(package.name, version);
    for linter in LINTERS {
        let level = selection.level(linter.name);
        if level == Level::Off {
            continue;
        }
        if let Some(found) = linter.check.run(package)? {
            // What melange does not find, it does not fail a build for.
            let required = level == Level::Require && !found.advisory;
            report.add(finding(linter, found), required);
        }
    }
    Ok(report)
}

fn finding(linter: &Linter, found: rules::Found) -> Finding {
    Finding {
        linter: linter.name,
        message: found.message,
        explain: linter.hint,
        details: found.details,
    }
}

#[cfg(test)]
mod tests;
