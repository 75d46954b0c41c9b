//! What is to be verified.

use crate::evidence::is_bundle;
use anyhow::{Context as _, Result};
use bessemer_registry::Reference;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What an image's reference begins with here, as skopeo has it: without it a package whose file is missing
/// would become a question to somebody's registry.
const REGISTRY: &str = "docker://";

/// A package, an image or a bundle.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A package or a bundle: its first bytes tell.
    File(PathBuf),
    /// An image in a registry.
    Image(Reference),
}

impl Target {
    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Image(_) => None,
        }
    }

    /// Whether it is an image, or a bundle, which may be of one.
    pub(crate) fn may_have_images(&self) -> bool {
        match self {
            Self::File(path) => is_bundle(path).unwrap_or(false),
            Self::Image(_) => true,
        }
    }

    /// What it is called in JSON.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::File(path) if path.extension().is_some_and(|end| end == "apk") => "package",
            Self::File(_) => "target",
            Self::Image(_) => "image",
        }
    }
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(reference) = text.strip_prefix(REGISTRY) else {
            return Ok(Self::File(text.into()));
        };
        let reference = reference.parse();
        Ok(Self::Image(
            reference.context("not the reference of an image")?,
        ))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Image(reference) => write!(formatter, "{REGISTRY}{reference}"),
        }
    }
}
