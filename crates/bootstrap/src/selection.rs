//! Which Debian packages are taken, and what they depend on.

use crate::apt::{self, AptError, Chosen};
use crate::config::Config;
use crate::lists::{self, Available};
use std::collections::{BTreeMap, BTreeSet};

/// The Debian packages to take, by name.
pub(crate) struct Selection {
    pub(crate) packages: BTreeMap<String, Available>,
    /// For each package the selected packages it depends on.
    pub(crate) depends: BTreeMap<String, BTreeSet<String>>,
    /// The package with the kernel.
    pub(crate) kernel: Option<Available>,
}

impl Selection {
    /// Asks apt for everything the list needs, then leaves out what is only reached through
    /// packages that the list omits.
    pub(crate) fn resolve(config: &Config, kernel: Option<&str>) -> Result<Self, AptError> {
        let roots = config.roots();
        let chosen = apt::closure(roots.iter().map(String::as_str).chain(kernel))?;
        let available = lists::look_up(&chosen)?;
        let all = chosen
            .into_iter()
            .map(|one: Chosen| one.name)
            .zip(available)
            .collect();
        let kernel = kernel.and_then(|name| kernel_of(&all, name));
        let depends = dependencies(&all, &config.list.omit);
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = roots.iter().collect();
        while let Some(name) = open.pop() {
            if all.contains_key(name) && reached.insert(name.clone()) {
                open.extend(depends.get(name).into_iter().flatten());
            }
        }
        let keep = |name: &String| reached.contains(name);
        Ok(Self {
            packages: all.into_iter().filter(|(name, _)| keep(name)).collect(),
            depends: depends.into_iter().filter(|(name, _)| keep(name)).collect(),
            kernel,
        })
    }
}

/// The package with the kernel that the package `name` stands for.
fn kernel_of(all: &BTreeMap<String, Available>, name: &str) -> Option<Available> {
    let depends = all.get(name)?.paragraph.relations("Depends");
    let image = depends
        .iter()
        .flatten()
        .find(|name| name.starts_with("linux-image-"));
    all.get(image?).cloned()
}

/// Every package's dependencies among `all` without `omit`: of alternatives the first that is there
/// by name, else the first that some package provides.
fn dependencies(
    all: &BTreeMap<String, Available>,
    omit: &BTreeSet<String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut providers: BTreeMap<String, &String> = BTreeMap::new();
    for (name, package) in all {
        for provided in package
            .paragraph
            .relations("Provides")
            .into_iter()
            .flatten()
        {
            providers.entry(provided).or_insert(name);
        }
    }
    let find = |group: &Vec<String>| -> Option<String> {
        let by_name = group.iter().find(|name| all.contains_key(*name));
        by_name
            .or_else(|| group.iter().find_map(|name| providers.get(name).copied()))
            .cloned()
    };
    let depends_of = |package: &Available| {
        let fields = ["Pre-Depends", "Depends"];
        let groups = fields
            .iter()
            .flat_map(|field| package.paragraph.relations(field));
        groups
            .filter_map(|group| find(&group))
            .filter(|name| !omit.contains(name))
            .collect()
    };
    all.iter()
        .map(|(name, package)| (name.clone(), depends_of(package)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Paragraph;
    use crate::lists::Release;
    use bessemer_digest::Digest;

    fn available(text: &str) -> (String, Available) {
        let paragraph = Paragraph::parse(text);
        let digest = Digest::of(text);
        let name = paragraph.get("Package").to_owned();
        let available = Available {
            paragraph,
            sha256: digest,
            packages_name: "main/Packages".into(),
            packages_sha256: digest,
            release: Release {
                sha256: digest,
                fields: Paragraph::default(),
            },
        };
        (name, available)
    }

    #[test]
    fn alternatives_resolve_to_what_is_there() {
        let all = BTreeMap::from([
            available("Package: a\nPre-Depends: gone | c\nDepends: awk, left-out, nowhere\n"),
            available("Package: c\n"),
            available("Package: left-out\n"),
            available("Package: mawk\nProvides: awk (= 1), x\n"),
        ]);
        let depends = dependencies(&all, &BTreeSet::from(["left-out".to_owned()]));
        assert_eq!(
            depends["a"],
            BTreeSet::from(["c".to_owned(), "mawk".to_owned()])
        );
    }

    #[test]
    fn the_kernel_is_what_the_meta_package_depends_on() {
        let all = BTreeMap::from([
            available("Package: linux-image-cloud-x\nDepends: linux-image-6.1-x (= 1)\n"),
            available("Package: linux-image-6.1-x\n"),
        ]);
        let kernel = kernel_of(&all, "linux-image-cloud-x").unwrap();
        assert_eq!(kernel.paragraph.get("Package"), "linux-image-6.1-x");
        assert!(kernel_of(&all, "linux-image-6.1-x").is_none());
    }
}
