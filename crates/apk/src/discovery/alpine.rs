//! Alpine's keys, by release branch.

use super::{DiscoveryError, MAX_KEYS, is_file_name};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where Alpine publishes its releases.
pub const ALPINE_RELEASES: &str = "https://alpinelinux.org/releases.json";

/// Whose packages a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlpineBranch(String);

#[derive(Debug, Deserialize)]
struct Releases {
    #[serde(default)]
    release_branches: Vec<Branch>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    rel_branch: String,
    #[serde(default)]
    keys: BTreeMap<String, Vec<Key>>,
}

#[derive(Debug, Deserialize)]
struct Key {
    url: String,
    /// `2022-11-22` and times that begin so.
    #[serde(default)]
    deprecated_since: Option<String>,
}

impl AlpineBranch {
    /// Reads it off a repository's URL: `…/alpine/v3.20/main`, `…/alpine/edge/community`.
    pub fn of_repository(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        let [.., "alpine", branch, repository] = parts.as_slice() else {
            return None;
        };
        let usable = parts.len() > 3 && !branch.is_empty() && !repository.is_empty();
        usable.then(|| Self((*branch).to_owned()))
    }
}

impl std::fmt::Display for AlpineBranch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The keys of a branch in `releases.json`: file name and URL of each that was not deprecated on
/// `today`, a date as `2026-11-28`.
pub fn alpine_keys(
    releases: &[u8],
    branch: &AlpineBranch,
    architecture: &str,
    today: &str,
) -> Result<Vec<(String, String)>, DiscoveryError> {
    let releases: Releases =
        serde_json::from_slice(releases).map_err(|source| DiscoveryError::Json {
            what: "Alpine's list of releases",
            source,
        })?;
    let branches = releases.release_branches.into_iter();
    let mut found = branches.filter(|one| one.rel_branch == branch.0);
    let keys = found
        .next()
        .and_then(|mut one| one.keys.remove(architecture))
        .unwrap_or_default();
    if keys.len() > MAX_KEYS {
        return Err(DiscoveryError::TooMany);
    }
    let mut named = Vec::new();
    for key in keys {
        if key
            .deprecated_since
            .is_some_and(|date| date.as_str() <= today)
        {
            continue;
        }
        // Some are published with `%20` where the name has an `@`.
        let url = key.url.replace("%20", "@");
        let name = url
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .replace("%40", "@");
        if !is_file_name(&name) {
            return Err(DiscoveryError::Key(name));
        }
        named.push((name, url));
    }
    if named.is_empty() {
        return Err(DiscoveryError::NoKeys {
            branch: branch.0.clone(),
            architecture: architecture.to_owned(),
        });
    }
    Ok(named)
}
