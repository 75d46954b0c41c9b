//! Names of images.
//!
//! Source: the grammar in distribution's `reference/reference.go` and the rules of Docker's command
//! line for names without a registry; digests other than SHA-256 are refused.

#[cfg(test)]
mod tests;

use bessemer_digest::Digest;
use std::fmt;
use std::str::FromStr;

/// The registry of names that have none.
const DEFAULT_REGISTRY: &str = "docker.io";
/// An older name of the same.
const DEFAULT_REGISTRY_ALIAS: &str = "index.docker.io";
/// Where the default registry answers.
const DEFAULT_REGISTRY_HOST: &str = "registry-1.docker.io";
/// The folder of the default registry's names that have none.
const DEFAULT_FOLDER: &str = "library";
/// The tag of references that have neither tag nor digest.
const DEFAULT_TAG: &str = "latest";
/// Most bytes of registry and repository together.
const NAME_LIMIT: usize = 255;
/// Most bytes of a tag.
const TAG_LIMIT: usize = 128;

/// `[host[:port]/]name[:tag][@sha256:hex]`, with the registry filled in: what names an image, or a
/// repository of images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// A tag: up to 128 letters, digits, `_`, `.` and `-`, beginning with none of the last two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// The host is not a host name, an address, or one of them with a port.
    #[error("`{0}` is not a registry: HOST or HOST:PORT")]
    Registry(String),
    /// The name has characters that registries refuse, or nothing in it.
    #[error(
        "`{0}` is not a repository: lower-case letters and digits, with `.`, `_`, `__` or `-` between them, in folders"
    )]
    Repository(String),
    /// More than 255 bytes.
    #[error("registry and repository have more than {NAME_LIMIT} bytes")]
    Length,
    /// The tag has other characters, or too many.
    #[error("`{0}` is not a tag: up to {TAG_LIMIT} letters, digits, `_`, `.` and `-`")]
    Tag(String),
    /// The digest is not SHA-256.
    #[error("the digest of a reference is not valid")]
    Digest(#[source] bessemer_digest::ParseDigestError),
}

impl Reference {
    /// The registry as in the reference, `host` or `host:port`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host that answers for the registry, `host` or `host:port`.
    pub fn host(&self) -> &str {
        if self.registry == DEFAULT_REGISTRY {
            DEFAULT_REGISTRY_HOST
        } else {
            &self.registry
        }
    }

    /// The repository: folders and a name, divided by `/`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if there is one.
    pub const fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The tag; `latest` if there is neither tag nor digest.
    pub fn tag_or_default(&self) -> Option<Tag> {
        match (&self.tag, self.digest) {
            (None, None) => Some(Tag(DEFAULT_TAG.to_owned())),
            (tag, _) => tag.clone(),
        }
    }

    /// The digest, if there is one.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The manifest of this digest in the same repository.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// Registry and repository alone, as one text.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// cosign's tag for what it attaches to a manifest: `sha256-<hex>` and an ending.
    pub(crate) fn attached(digest: &Digest, ending: &str) -> Self {
        Self(format!("sha256-{}{ending}", digest.hex()))
    }
}

impl FromStr for Tag {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let right = (1..=TAG_LIMIT).contains(&text.len())
            && text.bytes().all(usable)
            && !text.starts_with(['.', '-']);
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseReferenceError::Tag(shortened(text)))
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(ParseReferenceError::Digest)?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (registry, rest) = split_registry(rest);
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        let registry = match registry {
            Some(DEFAULT_REGISTRY_ALIAS) | None => DEFAULT_REGISTRY,
            Some(registry) => registry,
        };
        if !is_registry(registry) {
            return Err(ParseReferenceError::Registry(shortened(registry)));
        }
        if !repository.split('/').all(is_component) {
            return Err(ParseReferenceError::Repository(shortened(repository)));
        }
        let repository = if registry == DEFAULT_REGISTRY && !repository.contains('/') {
            format!("{DEFAULT_FOLDER}/{repository}")
        } else {
            repository.to_owned()
        };
        if registry.len() + 1 + repository.len() > NAME_LIMIT {
            return Err(ParseReferenceError::Length);
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

/// What stands before the first `/` is a registry if it could not be a folder: Docker's rule.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else {
                return false;
            };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_label = |label: &str| {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(usable)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    // `parse` alone would take a sign and leading zeros.
    text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok()
}

/// One folder or name: letters and digits, with one separator between groups of them.
fn is_component(text: &str) -> bool {
    let mut separator = None::<usize>;
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            if let Some(start) = separator.take() {
                let between = &text[start..index];
                let right =
                    matches!(between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-');
                if !right {
                    return false;
                }
            }
        } else if b"._-".contains(byte) && index > 0 {
            separator.get_or_insert(index);
        } else {
            return false;
        }
    }
    !text.is_empty() && separator.is_none()
}

/// What of a text can stand in a message.
fn shortened(text: &str) -> String {
    let shown = text.chars().take(100);
    shown
        .map(|char| if char.is_control() { '?' } else { char })
        .collect()
}
