//! How targets are found and judged.

use super::policy::Judge;
use super::reproduced::RebuilderArguments;
use super::summaries::SummaryArguments;
use super::{Beside, ExpectedArguments};
use crate::commands::image::registries::RegistryArguments;
use anyhow::{Result, bail};
use bessemer_attest::verify::{
    ApkFacts, ImageExpectations, ImageVerifyPolicy, Report, VerifyPolicy,
};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_build::worker::now;
use std::path::Path;

/// With what, and by which policy. As [`Looking::at`] makes it, it demands that what is found is proven, and nothing
/// more.
pub(crate) struct Looking<'a> {
    /// The keys to believe.
    pub(crate) root: &'a TrustRoot,
    /// What is demanded of packages. Level and clock count for images, too.
    pub(crate) policy: VerifyPolicy,
    /// The repository that a gate must have admitted packages to.
    pub(crate) resource_uri: Option<&'a str>,
    /// Where the attestations of the one package are, if not beside it.
    pub(crate) attestations: Option<&'a Path>,
    /// Where their proofs are.
    pub(crate) proofs: Option<&'a Path>,
    /// What a policy expects beyond that.
    pub(crate) judge: Option<&'a Judge>,
    /// Whether there is an image among what was named, so that demands on images have something to be of.
    pub(crate) has_images: bool,
    /// What images are expected to be; any that is proven will do without.
    pub(crate) expected: Option<&'a ExpectedArguments>,
    /// Whose summaries of rebuilds beside a package count; without it none is looked for.
    pub(super) rebuilders: Option<&'a RebuilderArguments>,
    /// Where summaries are written.
    pub(super) summaries: Option<&'a SummaryArguments>,
    /// How registries are reached.
    pub(crate) registries: &'a RegistryArguments,
}

impl<'a> Looking<'a> {
    /// Without demands.
    pub(crate) fn at(root: &'a TrustRoot, registries: &'a RegistryArguments) -> Result<Self> {
        Ok(Self {
            root,
            policy: VerifyPolicy {
                accept_imports: true,
                now: Some(now()?),
                ..VerifyPolicy::default()
            },
            resource_uri: None,
            attestations: None,
            proofs: None,
            judge: None,
            has_images: false,
            expected: None,
            rebuilders: None,
            summaries: None,
            registries,
        })
    }

    /// Where the attestations of a package are.
    pub(super) fn beside(&self, package: &Path) -> Beside {
        let usual = Beside::of(package);
        Beside {
            attestations: self
                .attestations
                .map_or(usual.attestations, Path::to_path_buf),
            proofs: self.proofs.map_or(usual.proofs, Path::to_path_buf),
        }
    }

    /// Takes in what lies beside a package of rebuilds, and writes summaries where that is asked for.
    pub(super) fn summaries(
        &self,
        package: &Path,
        facts: &ApkFacts,
        beside: &Sidecar,
        report: &mut Report,
    ) -> Result<()> {
        if let Some(rebuilders) = self.rebuilders {
            let now = self.policy.now.as_ref();
            rebuilders.add(package, facts, self.root, now, report)?;
        }
        if let Some(summaries) = self.summaries {
            summaries.write(&facts.file, beside, self.root)?;
        }
        Ok(())
    }

    /// An error where something is demanded that only images have.
    pub(super) fn not_of_images(&self, package: &Path) -> Result<()> {
        if self.has_images {
            return Ok(());
        }
        self.images_only(package)
    }

    /// The same where it is known that there is no image.
    pub(super) fn images_only(&self, package: &Path) -> Result<()> {
        if self.expected.is_some_and(ExpectedArguments::says_something) {
            bail!(
                "{} is a package: --name, --any-name, --accept-unverified, --accept-unverified-base, --refuse-imports and --min-package-level are for images",
                package.display()
            );
        }
        Ok(())
    }

    /// What is demanded of images.
    pub(super) fn of_images(&self, name: &str) -> (ImageVerifyPolicy, ImageExpectations) {
        let policy = ImageVerifyPolicy {
            min_level: self.policy.min_level,
            now: self.policy.now.clone(),
        };
        let expected = self.expected.map(|expected| expected.of(name));
        (policy, expected.unwrap_or_else(ImageExpectations::nothing))
    }
}
