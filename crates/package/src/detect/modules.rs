//! Modules of interpreters, and manuals: what the places of files alone tell.

use super::{Findings, Package, is_directory};
use crate::tree::Node;

/// What a package's paths say about the interpreters its files are for.
pub(super) struct Modules<'a> {
    package: &'a Package<'a>,
    perl: Option<String>,
    python: Option<String>,
    ruby: Option<String>,
}

impl<'a> Modules<'a> {
    pub(super) const fn new(package: &'a Package<'a>) -> Self {
        Self {
            package,
            perl: None,
            python: None,
            ruby: None,
        }
    }

    pub(super) fn look(&mut self, path: &str, node: &Node, findings: &mut Findings) {
        let parts: Vec<&str> = path.split('/').collect();
        if self.perl.is_none() {
            self.perl = perl(&parts).map(str::to_owned);
        }
        if let Some(version) = python(&parts, is_directory(node)) {
            self.python = Some(version.to_owned());
        }
        if self.ruby.is_none() {
            self.ruby = ruby(&parts).map(str::to_owned);
        }
        if self.package.name.ends_with("-doc") {
            match parts[..] {
                ["usr", "share", "man", _] => findings.depend("man-db"),
                ["usr", "share", "info", _] => findings.depend("texinfo"),
                _ => {}
            }
        }
    }

    /// Names the interpreters, each unless the recipe names one.
    pub(super) fn finish(self, findings: &mut Findings) {
        let declared = |is: fn(&str) -> bool| self.package.runtime.iter().any(|name| is(name));
        if let Some(version) = self.perl
            && !declared(|name| name == "perl")
            && super::is_name(&version)
        {
            // The one constraint with an operator in it.
            findings.depends.insert(format!("perl~{version}"));
        }
        if let Some(version) = self.python
            && !declared(|name| name.starts_with("python"))
        {
            findings.depend(&format!("python-{version}-base"));
        }
        if let Some(version) = self.ruby
            && !declared(|name| name == "ruby" || name.starts_with("ruby-"))
        {
            findings.depend(&format!("ruby-{version}"));
        }
    }
}

/// The version in `[usr/]lib/perl5/vendor_perl`.
fn perl<'a>(parts: &[&'a str]) -> Option<&'a str> {
    let (["usr", "lib", perl, kind, ..] | ["lib", perl, kind, ..]) = parts else {
        return None;
    };
    let version = perl.strip_prefix("perl")?;
    (kind.ends_with("_perl") && starts_with_digit(version)).then_some(version)
}

/// The version in `…/python3.12/site-packages`, which must be a directory.
fn python<'a>(parts: &[&'a str], is_directory: bool) -> Option<&'a str> {
    let last = parts.len() - 1;
    let at = (1..parts.len()).rev().find(|at| {
        parts[*at] == "site-packages"
            && parts[at - 1].starts_with("python")
            && (*at < last || is_directory)
    })?;
    let version = parts[at - 1].strip_prefix("python")?;
    (!version.is_empty()).then_some(version)
}

/// `A.B` of `[usr/]lib/ruby/gems/A.B.C/gems`.
fn ruby<'a>(parts: &[&'a str]) -> Option<&'a str> {
    let (["usr", "lib", "ruby", "gems", version, "gems", ..]
    | ["lib", "ruby", "gems", version, "gems", ..]) = parts
    else {
        return None;
    };
    let numbers: Vec<&str> = version.splitn(3, '.').collect();
    let all = numbers.len() == 3 && numbers.iter().all(|number| starts_with_digit(number));
    all.then(|| version.rsplit_once('.').map(|(short, _)| short))?
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}
