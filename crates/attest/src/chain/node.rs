//! One artifact of a chain, and what was found out about it.

use super::ends::End;
use crate::ResourceDescriptor;
use crate::verify::{BASE_ROLE, ImageReport, Origin, Report, Verified, VerifiedImage};
use bessemer_digest::Digest;
use serde::Serialize;
use std::path::Path;

/// The roles of dependencies that are packages, and followed.
const PACKAGE_ROLES: [&str; 4] = ["package", "build-root", "boot-package", "agent-package"];

/// An artifact as the provenance of what was made from it names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Artifact {
    /// File name of a package, or what an image is called.
    pub name: String,
    /// Digest of the file, manifest or index.
    pub sha256: Digest,
    /// Digest of the envelope that was verified for it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Digest>,
}

/// What was found out about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// A package that verifies: built by a factory, or imported.
    Package {
        /// What was proven.
        report: Box<Report>,
    },
    /// An image that verifies.
    Image {
        /// What was proven.
        report: Box<ImageReport>,
    },
    /// Nobody attests where it comes from, and what was made from it says so.
    Unattested,
    /// Its attestation is named and is not there.
    Missing,
    /// Its attestation is there and does not hold, or is not what is demanded.
    Refused {
        /// Why, in words.
        reason: String,
    },
    /// The chain has more artifacts than are followed.
    NotFollowed,
}

/// An artifact that another was made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Member {
    /// What it was used for: `annotations.role` of the dependency.
    pub role: String,
    /// Its number in the chain.
    pub node: usize,
}

impl Member {
    /// Whether it is an image that the other is built on.
    pub fn is_base(&self) -> bool {
        self.role == BASE_ROLE
    }
}

/// A package or base that is to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) role: String,
    pub(super) artifact: Artifact,
    pub(super) uri: Option<String>,
    /// Whether the dependency says which bytes it is; one that does not is a gap.
    pub(super) has_digest: bool,
}

/// One artifact of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Which.
    pub artifact: Artifact,
    /// What was found out.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The artifacts that it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// What else it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<End>,
    /// Where what was made from it got it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Packages and bases that it was made from, before the chain is walked further.
    #[serde(skip)]
    pub(super) inputs: Vec<Input>,
}

impl Input {
    /// Whether it is an image that others are built on.
    pub(super) fn is_base(&self) -> bool {
        self.role == BASE_ROLE
    }
}

fn is_package_file(name: &str) -> bool {
    let end = Path::new(name).extension();
    end.is_some_and(|end| end.eq_ignore_ascii_case("apk"))
}

impl Node {
    /// A package that verified.
    pub fn of_package(verified: Verified) -> Self {
        let Verified { report, provenance } = verified;
        let artifact = Artifact {
            name: report.file.clone(),
            sha256: report.sha256,
            attestation: report.evidence().first().copied(),
        };
        let ends = match &report.origin {
            Origin::Built(_) => Vec::new(),
            Origin::Imported(imported) => End::of_import(&imported.import),
        };
        let report = Box::new(report);
        let mut node = Self::new(artifact, Verdict::Package { report }, ends);
        if let Some(provenance) = provenance {
            node.made_from(provenance.build_definition.resolved_dependencies.iter());
        }
        node
    }

    /// An image, or an index of images, that verified. `name` is what it is called.
    pub fn of_image(name: String, verified: VerifiedImage) -> Self {
        let artifact = Artifact {
            name,
            sha256: verified.report.digest,
            attestation: Some(verified.attestation),
        };
        let report = Box::new(verified.report);
        let mut node = Self::new(artifact, Verdict::Image { report }, Vec::new());
        let dependencies = &verified.provenance.build_definition.resolved_dependencies;
        node.made_from(dependencies.iter().filter(|one| {
            // What only another image of the index has did not go into this one.
            let image = one.annotations.get("image");
            let own = verified.architecture.as_ref();
            image.is_none() || own.is_none() || image == own
        }));
        node
    }

    /// Whether it is missing, refused or not followed.
    pub fn is_gap(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Missing | Verdict::Refused { .. } | Verdict::NotFollowed
        )
    }

    /// One of which nothing more is known.
    pub(super) fn closed(artifact: Artifact, verdict: Verdict) -> Self {
        Self::new(artifact, verdict, Vec::new())
    }

    fn new(artifact: Artifact, verdict: Verdict, ends: Vec<End>) -> Self {
        Self {
            artifact,
            verdict,
            members: Vec::new(),
            ends,
            uri: None,
            inputs: Vec::new(),
        }
    }

    /// Takes in what provenance lists: packages and bases are to be followed, all else is an end.
    fn made_from<'a>(&mut self, dependencies: impl Iterator<Item = &'a ResourceDescriptor>) {
        for one in dependencies {
            let note = |key: &str| one.annotations.get(key).map_or("", String::as_str);
            let (role, sha256) = (note("role"), one.sha256());
            let name = one.name.clone().unwrap_or_default();
            // A role that this version does not know is followed all the same: what is attested or a package
            // is no end.
            let is_package = PACKAGE_ROLES.contains(&role)
                || role == BASE_ROLE
                || one.annotations.contains_key("attestation")
                || one.annotations.contains_key("package")
                || is_package_file(&name);
            if !is_package {
                self.ends.push(End::of(one));
                continue;
            }
            let named = one.annotations.get("attestation");
            let input = Input {
                role: role.to_owned(),
                artifact: Artifact {
                    name,
                    sha256: sha256.unwrap_or(Digest::from_bytes([0; 32])),
                    // What is no digest names nothing that could be there: a gap, not an end.
                    attestation: named.map(|text| text.parse().unwrap_or(Digest::of(text))),
                },
                uri: one.uri.clone(),
                has_digest: sha256.is_some(),
            };
            if let (None, Some(sha256)) = (named, sha256) {
                self.ends.push(End::unattested(&input, &sha256.hex()));
            }
            self.inputs.push(input);
        }
    }
}
