//! The documents, key by key.

use super::oci;
use bessemer_digest::Digest;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize)]
pub(super) struct ImageConfig {
    pub(super) architecture: &'static str,
    pub(super) author: &'static str,
    pub(super) created: String,
    pub(super) history: Vec<History>,
    pub(super) os: &'static str,
    pub(super) rootfs: RootFs,
    pub(super) config: Container,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct History {
    pub(super) author: &'static str,
    pub(super) created: String,
    pub(super) created_by: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct RootFs {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) diff_ids: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entrypoint: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) volumes: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) working_dir: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) stop_signal: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    pub(super) media_type: &'static str,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    pub(super) media_type: &'static str,
    pub(super) manifests: Vec<Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: &'static str,
    size: u64,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<&'static str, String>,
}

impl Descriptor {
    pub(super) fn new(media_type: &'static str, size: u64, digest: &Digest) -> Self {
        Self {
            media_type,
            size,
            digest: oci(digest),
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Platform {
    pub(super) architecture: &'static str,
    pub(super) os: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<&'static str>,
}
