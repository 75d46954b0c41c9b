//! What an image is expected to be. A genuine image under another's name is genuine still.

use super::super::listed;
use super::{ImageReport, ImageVerifyPolicy};
use bessemer_digest::Digest;

/// Most names in a message.
const NAMED: usize = 10;

/// What is expected of an image. The default is strict where nothing needs to be known; only the name
/// must be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageExpectations {
    /// Registry and repository: one of these must be among the names that the image was published
    /// under. Nothing expects no name.
    pub names: Option<Vec<String>>,
    /// Whether packages may be there of which nothing verified.
    pub accept_unverified: bool,
    /// Whether it may be built on a base of which nothing verified.
    pub accept_unverified_base: bool,
    /// Whether packages that were imported from a distribution are refused.
    pub refuse_imports: bool,
    /// The digest of the envelope that is preferred where several provenances are suitable: an image that did
    /// not change between two indexes has those of both.
    pub prefer: Option<Digest>,
    /// The level that each package's provenance must have. Imports and unverified packages have none,
    /// which is 0, whoever accepted them.
    pub min_package_level: u8,
}

impl ImageExpectations {
    /// None at all.
    pub const fn nothing() -> Self {
        Self {
            names: None,
            accept_unverified: true,
            accept_unverified_base: true,
            refuse_imports: false,
            prefer: None,
            min_package_level: 0,
        }
    }

    /// What of it does not hold, in words; nothing if all does.
    pub(super) fn unmet(&self, report: &ImageReport, policy: &ImageVerifyPolicy) -> Vec<String> {
        let mut unmet = Vec::new();
        let (found, wanted) = (report.level, policy.min_level);
        if found < wanted {
            unmet.push(format!(
                "the builder stands for SLSA Build level {found}, but level {wanted} is demanded: the trust root gives this builder no more"
            ));
        }
        if let Some(names) = &self.names
            && !report.names.iter().any(|name| names.contains(name))
        {
            unmet.push(format!(
                "it was published as {}, not as {}",
                listed(&report.names, NAMED),
                listed(names, NAMED)
            ));
        }
        unmet.extend(self.unmet_of_packages(report));
        unmet.extend(self.unmet_of_bases(&report.bases, policy));
        unmet
    }

    fn unmet_of_packages(&self, report: &ImageReport) -> Vec<String> {
        let packages = &report.packages;
        let mut unmet = Vec::new();
        if !self.accept_unverified && !packages.unverified.is_empty() {
            unmet.push(format!(
                "nothing vouches for packages in it, which were accepted unverified: {}",
                listed(&packages.unverified, NAMED)
            ));
        }
        if self.refuse_imports && packages.imported > 0 {
            unmet.push(format!(
                "{} of its packages were imported from a distribution",
                packages.imported
            ));
        }
        let wanted = self.min_package_level;
        let low = packages.below(wanted).into_iter();
        let low: Vec<String> = low
            .map(|(name, level)| format!("{name} ({level})"))
            .collect();
        if !low.is_empty() {
            unmet.push(format!(
                "packages in it are below SLSA Build level {wanted}: {}",
                listed(&low, NAMED)
            ));
        }
        unmet
    }
}
