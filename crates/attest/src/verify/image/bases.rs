//! The bases of an image: what was found out about each, and about what is in them.

mod contents;
mod demand;

pub use contents::BaseContents;
pub use demand::{BaseDemand, BaseFault};

use super::super::{VerifyError, listed};
use super::open::Opened;
use super::provenance::level_of;
use crate::ResourceDescriptor;
use bessemer_digest::Digest;
use contents::Noted;
use serde::Serialize;

/// The role of a base among dependencies.
pub(crate) const BASE_ROLE: &str = "base-image";
/// Most names in a message.
const NAMED: usize = 10;

/// A base of an image, as the signer found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseReport {
    /// What it was published as, or what the image file calls it.
    pub name: String,
    /// Of which image it is the base, in apk's words.
    pub architecture: String,
    /// Digest of its manifest.
    pub digest: Digest,
    /// The SLSA Build level of its provenance's key; nothing if it was accepted although nothing vouches for it.
    pub level: Option<u8>,
    /// What is in it; nothing is known of one that nothing vouches for.
    pub contents: Option<BaseContents>,
}

/// The bases that provenance lists. One that does not say what was found out about it is no word of the
/// signer's.
pub(super) fn bases(
    one: &Opened<'_>,
    dependencies: &[ResourceDescriptor],
) -> Result<Vec<BaseReport>, VerifyError> {
    let mut bases = Vec::new();
    for dependency in dependencies {
        let note = |key: &str| dependency.annotations.get(key).map_or("", String::as_str);
        if note("role") != BASE_ROLE {
            continue;
        }
        let what = "what the verification of a base gave";
        let contents = match Noted::beside(dependency) {
            Some(Noted::Verified(contents)) => Some(contents),
            Some(Noted::Unverified) => None,
            None => return one.mismatch(what, "a verdict", note("verified")),
        };
        let Some(digest) = dependency.sha256() else {
            return one.mismatch("a base", "its digest", "none");
        };
        bases.push(BaseReport {
            name: dependency.name.clone().unwrap_or_default(),
            architecture: note("image").to_owned(),
            digest,
            level: match contents {
                Some(_) => Some(level_of(one, "the level of a base", note("level"))?),
                None => None,
            },
            contents,
        });
    }
    Ok(bases)
}

impl BaseReport {
    /// Whether it, or what it is built on, was accepted although nothing vouches for it.
    pub fn is_unverified(&self) -> bool {
        let contents = self.contents.as_ref();
        contents.is_none_or(|contents| contents.unverified_base)
    }

    /// The lowest level of a package in it: that of nothing where nothing is known.
    pub fn lowest_package_level(&self) -> Option<u8> {
        let contents = self.contents.as_ref();
        contents.map_or(Some(0), |contents| contents.lowest_level)
    }

    /// The base in a line.
    pub(super) fn line(&self) -> String {
        let Self {
            name,
            architecture,
            digest,
            ..
        } = self;
        let (Some(level), Some(contents)) = (self.level, &self.contents) else {
            return format!("  base        {name} {digest} of {architecture}, accepted unverified");
        };
        let mut parts = vec![format!(
            "  base        {name} {digest} of {architecture}, with verified provenance at level {level}"
        )];
        if contents.imported > 0 {
            parts.push(format!("{} imported packages in it", contents.imported));
        }
        if !contents.unverified.is_empty() {
            let names = listed(&contents.unverified, NAMED);
            parts.push(format!("accepted unverified in it: {names}"));
        }
        if let Some(below) = contents.lowest_base_level.filter(|below| *below < level) {
            parts.push(format!("on a base at level {below}"));
        }
        if contents.unverified_base {
            parts.push("built on what was accepted unverified".to_owned());
        }
        parts.join("; ")
    }
}
