//! What a chain ends in: inputs that are known by digest and have no provenance of their own.

use super::node::Input;
use crate::ResourceDescriptor;
use crate::predicates::Import;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What kind of input it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// The commit of a repository that a recipe is in.
    RecipeCommit,
    /// A recipe, an image file, or what belongs to one.
    RecipeFile,
    /// A pipeline.
    Pipeline,
    /// An archive or file that a recipe fetches.
    SourceArchive,
    /// A commit that a recipe checks out.
    SourceCommit,
    /// What was answered to a guest that had a network.
    NetworkAnswer,
    /// A key that an index was checked with.
    RepositoryKey,
    /// A signed index that packages were chosen from.
    Index,
    /// A kernel, initramfs or agent, as measured.
    BootFile,
    /// A package of which nobody attests where it comes from.
    UnattestedPackage,
    /// A base image of which nobody attests where it comes from.
    UnattestedBase,
    /// An index of base images, or a list of what is installed in one.
    BaseDocument,
    /// An archive of a distribution that a package was repacked from.
    DistributionArchive,
    /// The signed release that names such archives.
    DistributionRelease,
    /// The list that says what is repacked, and under which names.
    PackageList,
    /// Something that this version has no word for.
    Other,
}

impl EndKind {
    /// Each, in the order in which they are listed.
    pub const ALL: [Self; 16] = [
        Self::RecipeCommit,
        Self::RecipeFile,
        Self::Pipeline,
        Self::SourceArchive,
        Self::SourceCommit,
        Self::NetworkAnswer,
        Self::RepositoryKey,
        Self::Index,
        Self::BootFile,
        Self::UnattestedPackage,
        Self::UnattestedBase,
        Self::BaseDocument,
        Self::DistributionArchive,
        Self::DistributionRelease,
        Self::PackageList,
        Self::Other,
    ];

    /// What one and what several are called.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::RecipeCommit => ("commit of recipes", "commits of recipes"),
            Self::RecipeFile => ("recipe or image file", "recipes and image files"),
            Self::Pipeline => ("pipeline", "pipelines"),
            Self::SourceArchive => ("source archive", "source archives"),
            Self::SourceCommit => ("source commit", "source commits"),
            Self::NetworkAnswer => ("network answer", "network answers"),
            Self::RepositoryKey => ("repository key", "repository keys"),
            Self::Index => ("signed index", "signed indexes"),
            Self::BootFile => ("file that booted", "files that booted"),
            Self::UnattestedPackage => (
                "package without attestation",
                "packages without attestation",
            ),
            Self::UnattestedBase => (
                "base image without attestation",
                "base images without attestation",
            ),
            Self::BaseDocument => ("document of a base image", "documents of base images"),
            Self::DistributionArchive => ("distribution archive", "distribution archives"),
            Self::DistributionRelease => ("distribution release", "distribution releases"),
            Self::PackageList => ("package list", "package lists"),
            Self::Other => ("other input", "other inputs"),
        }
    }

    /// Why the chain ends there, in one clause.
    pub const fn why(self) -> &'static str {
        match self {
            Self::RecipeCommit => {
                "a commit names its whole tree; who may change the repository is for its host to attest"
            }
            Self::RecipeFile => "written by people; known by digest",
            Self::Pipeline => "part of Bessemer or of the recipes; known by digest",
            Self::SourceArchive => {
                "made upstream, which attests nothing that is followed here; known by digest"
            }
            Self::SourceCommit => "made upstream; a commit names its whole tree",
            Self::NetworkAnswer => "given by a server during the build; recorded by digest",
            Self::RepositoryKey => "trusted by the operator of the build",
            Self::Index => "signed by a repository key; names the packages",
            Self::BootFile => {
                "out of a package that is followed, or of a distribution's; measured before each start"
            }
            Self::UnattestedPackage => {
                "nothing beyond the repository's own signature vouches for it"
            }
            Self::UnattestedBase => {
                "nothing vouches for what is in its layers, which are part of the image"
            }
            Self::BaseDocument => {
                "names base images, or says what is installed in one; known by digest"
            }
            Self::DistributionArchive => {
                "bootstrap seed: how the distribution built it is not known here"
            }
            Self::DistributionRelease => {
                "bootstrap seed: signed by the distribution, as apt verified"
            }
            Self::PackageList => "bootstrap seed: written by people; known by digest",
            Self::Other => "known by digest",
        }
    }

    /// What a dependency of this role is, if it is no package.
    fn of(descriptor: &ResourceDescriptor) -> Self {
        let role = descriptor
            .annotations
            .get("role")
            .map_or("", String::as_str);
        match role {
            "recipe-repository" => Self::RecipeCommit,
            "recipe" | "environment-file" | "image-file" | "included-file" | "lock" => {
                Self::RecipeFile
            }
            "pipeline" => Self::Pipeline,
            "source" if descriptor.digest.contains_key("gitCommit") => Self::SourceCommit,
            "source" => Self::SourceArchive,
            "network" | "network-git" => Self::NetworkAnswer,
            "repository-key" => Self::RepositoryKey,
            "index" => Self::Index,
            "boot" => Self::BootFile,
            "base-index" | "base-packages" => Self::BaseDocument,
            _ => Self::Other,
        }
    }
}

/// An input without provenance of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// What kind.
    pub kind: EndKind,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Algorithm to hexadecimal digits.
    pub digest: BTreeMap<String, String>,
}

impl End {
    /// A dependency that is no package.
    pub(super) fn of(descriptor: &ResourceDescriptor) -> Self {
        Self {
            kind: EndKind::of(descriptor),
            name: descriptor.name.clone(),
            uri: descriptor.uri.clone(),
            digest: descriptor.digest.clone(),
        }
    }

    /// A package or base of which nothing is attested.
    pub(super) fn unattested(input: &Input, sha256: &str) -> Self {
        Self {
            kind: if input.is_base() {
                EndKind::UnattestedBase
            } else {
                EndKind::UnattestedPackage
            },
            name: Some(input.artifact.name.clone()),
            uri: input.uri.clone(),
            digest: BTreeMap::from([("sha256".to_owned(), sha256.to_owned())]),
        }
    }

    /// What an imported package was repacked from.
    pub(super) fn of_import(import: &Import) -> Vec<Self> {
        let end = |kind, name: String, digest: String| Self {
            kind,
            name: Some(name),
            uri: None,
            digest: BTreeMap::from([("sha256".to_owned(), digest)]),
        };
        let mut ends: Vec<Self> = import
            .debs
            .iter()
            .map(|deb| {
                let name = format!("{}_{}_{}.deb", deb.name, deb.version, deb.architecture);
                end(EndKind::DistributionArchive, name, deb.sha256.hex())
            })
            .collect();
        ends.extend(import.release.iter().map(|release| {
            let (name, digest) = (release.suite.clone(), release.sha256.hex());
            end(EndKind::DistributionRelease, name, digest)
        }));
        let list = import.list.hex();
        ends.push(end(EndKind::PackageList, "package list".to_owned(), list));
        ends
    }
}

/// How many different inputs of one kind a chain ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndCount {
    /// Of which kind.
    pub kind: EndKind,
    /// How many.
    pub count: usize,
}

/// Counts what is different; kinds that do not occur are left out.
pub(super) fn count<'a>(ends: impl Iterator<Item = &'a End>) -> Vec<EndCount> {
    let mut different: BTreeMap<EndKind, BTreeSet<_>> = BTreeMap::new();
    for end in ends {
        // The same bytes under two names are one input; without a digest the name must do.
        let name = end.digest.is_empty().then_some((&end.name, &end.uri));
        different
            .entry(end.kind)
            .or_default()
            .insert((&end.digest, name));
    }
    let counts = different.into_iter();
    counts
        .map(|(kind, ends)| EndCount {
            kind,
            count: ends.len(),
        })
        .collect()
}
