//! The network record: what one guest asked for and was given (`bessemer.network/v1`).

use super::{Document, Network};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the network record's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.network/v1")]
    V1,
}

/// Everything that came into one guest through its proxy, in the order in which it was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRecord {
    /// Schema version.
    pub schema: NetworkSchema,
    /// What the guest could reach.
    pub mode: Network,
    /// What it asked for and was given.
    pub exchanges: Vec<NetworkExchange>,
    /// What it was refused.
    pub refusals: Vec<NetworkRefusal>,
}

impl Document for NetworkRecord {
    const NAME: &'static str = "network record";
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkExchange {
    /// The request's method.
    pub method: String,
    /// Its URL, without user name; values of its query that look like secrets are replaced.
    pub url: String,
    /// The range it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// What it sent: data can leave a guest that way, so it is counted and digested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<NetworkBody>,
    /// The answer's status.
    pub status: u16,
    /// The headers that the guest was given.
    pub headers: BTreeMap<String, String>,
    /// The answer's body, as delivered: not unpacked.
    pub body: NetworkBody,
    /// Whether the body came to its end.
    pub complete: bool,
    /// For an answer that the proxy made because no server gave one: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The git objects that the request names as wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
}

/// The bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkBody {
    /// Their digest.
    pub sha256: Digest,
    /// How many.
    pub size: u64,
}

/// A request that was refused. Nothing is signed for a build with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRefusal {
    /// What was asked for, as far as it is known.
    pub url: String,
    /// Why not.
    pub reason: String,
}
