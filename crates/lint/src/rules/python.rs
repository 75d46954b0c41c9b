//! Linters of Python's `site-packages`.

use super::Found;
use crate::{Details, Package};
use std::collections::BTreeSet;

/// Ends of names that describe packages.
const METADATA: [&str; 3] = [".egg-info", ".dist-info", ".pth"];

pub(super) fn docs(package: &Package<'_>) -> Option<Found> {
    folder(package, &["doc", "docs"], "documentation")
}

pub(super) fn tests(package: &Package<'_>) -> Option<Found> {
    folder(package, &["test", "tests"], "tests")
}

/// What lies directly in `usr/lib/python3.*/site-packages`: directory and name.
fn modules<'a>(package: &Package<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let module = |path: &'a str| {
        let (site, rest) = path.split_once("/site-packages/")?;
        let version = site.strip_prefix("usr/lib/")?;
        (version.starts_with("python3.") && !version.contains('/'))
            .then(|| (site, rest.split('/').next().unwrap_or_default()))
    };
    let paths = package.tree.iter().map(|(path, _)| path.as_str());
    paths.filter_map(module).collect()
}

fn folder(package: &Package<'_>, names: &[&str], what: &str) -> Option<Found> {
    let modules = modules(package);
    let paths: Vec<String> = modules
        .iter()
        .filter(|(_, name)| names.contains(name))
        .map(|(site, name)| format!("{site}/site-packages/{name}"))
        .collect();
    (!paths.is_empty()).then(|| {
        let message = format!("{} has a folder of {what} in site-packages", package.name);
        Found::new(message, Details::Paths { paths })
    })
}

/// More than one package, each counted once however many files and versions of Python it has.
pub(super) fn multiple(package: &Package<'_>) -> Option<Found> {
    let mut names = BTreeSet::new();
    for (_, module) in modules(package) {
        let counts = !module.starts_with('_')
            && !["test", "tests", "doc", "docs"].contains(&module)
            && !METADATA.iter().any(|end| module.ends_with(end));
        let name = module.split('.').next().unwrap_or_default();
        if counts && !name.is_empty() {
            names.insert(name.to_owned());
        }
    }
    if names.len() < 2 {
        return None;
    }
    let packages: Vec<String> = names.into_iter().collect();
    let message = format!(
        "{} has {} Python packages: {}",
        package.name,
        packages.len(),
        packages.join(", ")
    );
    let count = packages.len();
    Some(Found::new(message, Details::Packages { count, packages }))
}
