//! What of a base's configuration is part of the new image's.

use super::documents::{Container, History};
use bessemer_digest::Digest;
use serde::Deserialize;

/// The configuration of a base.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BaseConfig {
    rootfs: RootFs,
    #[serde(default)]
    pub(super) history: Vec<History>,
    #[serde(default)]
    pub(super) config: Container,
}

#[derive(Debug, Clone, Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl BaseConfig {
    /// What its layers unpack to, the lowest first.
    pub(crate) fn diff_ids(&self) -> &[Digest] {
        &self.rootfs.diff_ids
    }

    /// Its containers' variables, apart.
    pub(super) fn environment(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let pairs = self.config.env.iter();
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        })
    }
}
