//! Packages before they are written: files and metadata, from Debian or from the list alone.

use crate::config::{Config, Kernel, Listed};
use crate::facts::{ImportFacts, source_name};
use crate::lists::Available;
use crate::run::BootstrapError;
use crate::selection::Selection;
use crate::{fetch, kernel, layout, version};
use bessemer_apk::PkgInfo;
use bessemer_package::{Tree, detect};
use std::collections::BTreeSet;
use std::path::Path;

/// The version of packages that only the list describes.
const LIST_VERSION: &str = "1-r0";

/// A package to be written.
pub(crate) struct Draft {
    pub(crate) info: PkgInfo,
    pub(crate) tree: Tree,
    pub(crate) facts: Option<ImportFacts>,
}

impl Draft {
    /// A Debian package with the list's additions.
    pub(crate) fn of_deb(
        name: &str,
        package: &Available,
        selection: &Selection,
        config: &Config,
        cache: &Path,
    ) -> Result<Self, BootstrapError> {
        let failed = |source| BootstrapError::Layout {
            package: name.to_owned(),
            source,
        };
        let mut tree = layout::convert(&fetch::open(package, cache)?, config).map_err(failed)?;
        let mut info = info_of_deb(name, package);
        info.depends
            .extend(selection.depends.get(name).into_iter().flatten().cloned());
        if let Some(listed) = config.listed(name) {
            layout::apply(&mut tree, listed).map_err(failed)?;
            add_listed(&mut info, listed);
        }
        Ok(Self {
            info,
            tree,
            facts: Some(ImportFacts::new(package, config)),
        })
    }

    /// A package that only the list describes.
    pub(crate) fn of_list(listed: &Listed) -> Result<Self, BootstrapError> {
        let mut info = PkgInfo {
            name: listed.name.clone(),
            version: LIST_VERSION.into(),
            origin: listed.name.clone(),
            description: listed.description.clone(),
            depends: listed.debs.clone(),
            ..PkgInfo::default()
        };
        add_listed(&mut info, listed);
        let mut tree = Tree::new();
        layout::apply(&mut tree, listed).map_err(|source| BootstrapError::Layout {
            package: listed.name.clone(),
            source,
        })?;
        Ok(Self {
            info,
            tree,
            facts: None,
        })
    }

    /// The kernel package.
    pub(crate) fn of_kernel(
        kernel: &Kernel,
        package: &Available,
        config: &Config,
        cache: &Path,
    ) -> Result<Self, BootstrapError> {
        let mut info = info_of_deb(&kernel.name, package);
        info.provides
            .push(format!("bessemer-kernel={}", info.version));
        let tree = kernel::package(&fetch::open(package, cache)?, kernel)?;
        Ok(Self {
            info,
            tree,
            facts: Some(ImportFacts::new(package, config)),
        })
    }
}

fn info_of_deb(name: &str, package: &Available) -> PkgInfo {
    let description = package
        .paragraph
        .get("Description")
        .lines()
        .next()
        .unwrap_or_default();
    PkgInfo {
        name: name.into(),
        version: version::to_apk(package.paragraph.get("Version")),
        origin: source_name(package),
        description: description.into(),
        url: package.paragraph.get("Homepage").into(),
        ..PkgInfo::default()
    }
}

fn add_listed(info: &mut PkgInfo, listed: &Listed) {
    info.depends.extend(listed.depends.iter().cloned());
    let version = info.version.clone();
    let named = |name: &String| {
        if name.contains(['=', '<', '>', '~']) {
            name.clone()
        } else {
            format!("{name}={version}")
        }
    };
    info.provides.extend(listed.provides.iter().map(named));
}

/// Adds what every draft's files show: shared objects and commands provided, shared objects needed
/// as far as another draft provides them. What else a Debian package needs, Debian has said.
pub(crate) fn detect_all(drafts: &mut [Draft]) -> Result<(), BootstrapError> {
    let trees: Vec<&Tree> = drafts.iter().map(|draft| &draft.tree).collect();
    let mut found = Vec::new();
    for draft in drafts.iter() {
        let (name, version) = (draft.info.name.as_str(), draft.info.version.as_str());
        let package = detect::Package {
            name,
            version,
            tree: &draft.tree,
            runtime: &[],
            options: detect::Options::default(),
        };
        found.push(detect::detect(&package, &trees)?);
    }
    let provided: BTreeSet<String> = found
        .iter()
        .flat_map(|detected| &detected.provides)
        .filter_map(|provide| Some(provide.split_once('=')?.0.to_owned()))
        .collect();
    for (draft, detected) in drafts.iter_mut().zip(found) {
        let is_object = |depend: &String| depend.starts_with("so:") && provided.contains(depend);
        draft
            .info
            .depends
            .extend(detected.depends.into_iter().filter(is_object));
        draft.info.provides.extend(detected.provides);
        draft.info.vendored = detected.vendored;
    }
    Ok(())
}
