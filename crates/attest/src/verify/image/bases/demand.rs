//! What a consumer demands of bases. Flags and policies mean the same.

use super::super::{ImageExpectations, ImageVerifyPolicy};
use super::{BaseReport, NAMED};
use crate::verify::listed;
use std::collections::BTreeSet;

/// What is demanded of the bases of an image.
#[expect(missing_debug_implementations, reason = "holds a function")]
pub struct BaseDemand<'a> {
    /// Lowest level of a base itself.
    pub min_level: u8,
    /// Whether bases may be there of which nothing verified.
    pub accept_unverified_base: bool,
    /// Whether a package of this name may be in one although nothing vouches for it.
    pub accepts_package: &'a dyn Fn(&str) -> bool,
    /// Whether imported packages in them are refused.
    pub refuse_imports: bool,
    /// Lowest level of a package in them.
    pub min_package_level: u8,
}

/// What of a demand on bases does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseFault {
    /// The level of a base itself.
    Level,
    /// A base that nothing vouches for.
    Unverified,
    /// Packages in one that nothing vouches for.
    UnverifiedPackages,
    /// Imported packages in one.
    Imports,
    /// The level of a package in one.
    PackageLevel,
}

impl BaseDemand<'_> {
    /// What of it does not hold, each in words that can be shown.
    pub fn unmet(&self, bases: &[BaseReport]) -> Vec<(BaseFault, String)> {
        let (level, package_level) = (self.min_level, self.min_package_level);
        let of_level = |base: &BaseReport| {
            let below = base.contents.as_ref().and_then(|one| one.lowest_base_level);
            let found = base.level.unwrap_or(0).min(below.unwrap_or(3));
            (found < level).then(|| format!("{} ({found})", base.name))
        };
        let unverified = |base: &BaseReport| {
            let refused = base.is_unverified() && !self.accept_unverified_base;
            refused.then(|| base.name.clone())
        };
        let imports = |base: &BaseReport| {
            // Of what nothing vouches for, nobody knows.
            let imported = base.contents.as_ref().map(|one| one.imported);
            let count = imported.map_or_else(
                || "nobody knows how many".to_owned(),
                |count| count.to_string(),
            );
            let refused = self.refuse_imports && imported != Some(0);
            refused.then(|| format!("{} ({count})", base.name))
        };
        let of_packages = |base: &BaseReport| {
            let lowest = base.lowest_package_level()?;
            (lowest < package_level).then(|| format!("{} ({lowest})", base.name))
        };
        let each =
            |of: &dyn Fn(&BaseReport) -> Option<String>| bases.iter().filter_map(of).collect();
        let faults: [(BaseFault, String, BTreeSet<String>); 5] = [
            (
                BaseFault::Level,
                format!("a base is below SLSA Build level {level}"),
                each(&of_level),
            ),
            (
                BaseFault::Unverified,
                "it is built on what nothing vouches for, which was accepted unverified".to_owned(),
                each(&unverified),
            ),
            (
                BaseFault::UnverifiedPackages,
                "nothing vouches for packages in its base, which were accepted unverified"
                    .to_owned(),
                self.unknown(bases),
            ),
            (
                BaseFault::Imports,
                "packages in its base were imported from a distribution".to_owned(),
                each(&imports),
            ),
            (
                BaseFault::PackageLevel,
                format!("packages in its base are below SLSA Build level {package_level}"),
                each(&of_packages),
            ),
        ];
        let faults = faults.into_iter().filter(|(.., of)| !of.is_empty());
        let said = faults.map(|(fault, text, of)| {
            let of: Vec<String> = of.into_iter().collect();
            (fault, format!("{text}: {}", listed(&of, NAMED)))
        });
        said.collect()
    }

    /// Packages in bases that nothing vouches for and nobody accepted.
    fn unknown(&self, bases: &[BaseReport]) -> BTreeSet<String> {
        let all = bases.iter().filter_map(|base| base.contents.as_ref());
        let names = all.flat_map(|contents| &contents.unverified);
        let unknown = names.filter(|name| !(self.accepts_package)(name));
        unknown.cloned().collect()
    }
}

impl ImageExpectations {
    /// What of it, and of the lowest level of images, does not hold of the bases.
    pub(in super::super) fn unmet_of_bases(
        &self,
        bases: &[BaseReport],
        policy: &ImageVerifyPolicy,
    ) -> impl Iterator<Item = String> {
        let demand = BaseDemand {
            min_level: policy.min_level,
            accept_unverified_base: self.accept_unverified_base,
            accepts_package: &|_| self.accept_unverified,
            refuse_imports: self.refuse_imports,
            min_package_level: self.min_package_level,
        };
        let unmet = demand.unmet(bases).into_iter();
        unmet.map(|(_, text)| text)
    }
}
