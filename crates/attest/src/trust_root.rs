//! The trust root: which key may say what (`bessemer.trust-root/v1`).

use crate::derive::{image_builder_id, rebuild_id};
use crate::documents::{Timestamp, canonical_bytes};
use crate::public_key::ed25519_from_pem;
use crate::{BuilderKind, PublicKey, PublicKeyError, decode_pem};
use bessemer_digest::Digest;
use bessemer_tlog::NoteKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the base of every machine that nobody provisioned starts with; the first 32 hexadecimal
/// digits of its provenance key's id follow. `.invalid` never resolves (RFC 2606).
pub const LOCAL_BASE: &str = "https://local.bessemer.invalid/";

/// The highest SLSA Build level that can be claimed.
const HIGHEST_LEVEL: u8 = 3;
/// The highest level that the id of image builds can stand for: docs/builders/image has the reasons.
pub const IMAGE_LEVEL: u8 = 2;

/// The version of the trust root's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustRootSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.trust-root/v1")]
    V1,
}

/// What a key may sign. Each statement's type belongs to exactly one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// SLSA provenance.
    Provenance,
    /// Test results.
    Test,
    /// SPDX documents.
    Sbom,
    /// Verification summaries.
    Gate,
    /// Import attestations of a bootstrap.
    Import,
    /// SLSA provenance of images, and their signatures in cosign's form.
    Image,
    /// Verification summaries of packages that were built again with the same result.
    Rebuild,
    /// RSA signatures inside built apks and their indexes; no statements.
    Apk,
    /// RSA signatures inside imported apks and their indexes; no statements.
    #[serde(rename = "import-apk")]
    ImportApk,
    /// Checkpoints of the signer's log; no statements.
    Log,
}

impl Role {
    /// Whether keys of this role sign statements.
    pub const fn signs_statements(self) -> bool {
        !matches!(self, Self::Apk | Self::ImportApk | Self::Log)
    }

    /// How keys of this role sign.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Apk | Self::ImportApk => Algorithm::Rsa,
            Self::Log => Algorithm::Ed25519,
            _ => Algorithm::EcdsaP256,
        }
    }

    /// The word in the trust root.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Test => "test",
            Self::Sbom => "sbom",
            Self::Gate => "gate",
            Self::Import => "import",
            Self::Image => "image",
            Self::Rebuild => "rebuild",
            Self::Apk => "apk",
            Self::ImportApk => "import-apk",
            Self::Log => "log",
        }
    }
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA P-256 over SHA-256, ASN.1 DER.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256,
    /// RSA PKCS#1 v1.5 over SHA-256.
    #[serde(rename = "rsa-pkcs1v15-sha256")]
    Rsa,
    /// Ed25519 over the message itself (RFC 8032), as c2sp.org/signed-note has it.
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// A key and what it may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// SHA-256 of the key's SPKI, 64 lower-case hexadecimal digits.
    pub id: String,
    /// What it may sign.
    pub role: Role,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key, a `PUBLIC KEY` PEM block.
    pub public_key_pem: String,
    /// The one builder id (or, for gate and rebuild keys, verifier id) it may assert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder_id: Option<String>,
    /// The highest SLSA Build level that the id stands for; 0 for keys that build nothing.
    pub level: u8,
    /// First moment of use.
    pub valid_from: Timestamp,
    /// Last moment of use, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The first index of the log at which its signatures count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from: u64,
    /// The index of the log from which on its signatures count no more: replaced, or revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The name of the log that a log key signs for: a URL without its scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl TrustedKey {
    /// Whether a signature that stands at `index` of the log counts.
    pub fn counts_at(&self, index: u64) -> bool {
        index >= self.from && self.until.is_none_or(|until| index < until)
    }
}

/// Where verification starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// Schema version.
    pub schema: TrustRootSchema,
    /// The factory's URL, without a slash at its end.
    pub base: String,
    /// Every key.
    pub keys: Vec<TrustedKey>,
}

/// Why a trust root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustRootError {
    /// Not JSON of its shape.
    #[error("the trust root does not follow its schema")]
    Shape(#[from] serde_json::Error),
    /// The base is not `https://…` without a slash at its end.
    #[error("the trust root's base `{0}` is not an https URL without a slash at its end")]
    Base(String),
    /// One key is not what the document says it is.
    #[error("key `{id}` of the trust root {reason}")]
    Key {
        /// The id it has in the document.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// One key cannot be read.
    #[error("key `{id}` of the trust root cannot be read")]
    PublicKey {
        /// The id it has in the document.
        id: String,
        /// What is wrong with it.
        source: PublicKeyError,
    },
}

impl TrustRoot {
    /// Reads and checks a trust root. Any JSON layout is accepted, unknown keys are not.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustRootError> {
        let root: Self = serde_json::from_slice(bytes)?;
        root.check()?;
        Ok(root)
    }

    /// The document's bytes: canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, crate::documents::CanonicalError> {
        canonical_bytes(self)
    }

    /// A trust root of one provenance key: what `--key` and `--builder` say.
    pub fn of_provenance_key(
        public_key_pem: &str,
        builder_id: &str,
        level: u8,
    ) -> Result<Self, TrustRootError> {
        let error = |source| TrustRootError::PublicKey {
            id: "--key".to_owned(),
            source,
        };
        let key = PublicKey::from_pem(public_key_pem).map_err(error)?;
        let base = builder_id
            .split_once("/builders/")
            .map_or(builder_id, |(base, _)| base);
        let root = Self {
            schema: TrustRootSchema::V1,
            base: base.to_owned(),
            keys: vec![TrustedKey {
                id: key.id().hex(),
                role: Role::Provenance,
                algorithm: Algorithm::EcdsaP256,
                public_key_pem: key.to_pem(),
                builder_id: Some(builder_id.to_owned()),
                level,
                valid_from: Timestamp::epoch(),
                valid_until: None,
                from: 0,
                until: None,
                origin: None,
            }],
        };
        root.check()?;
        Ok(root)
    }

    /// Whether the base is that of a machine nobody provisioned.
    pub fn is_local(&self) -> bool {
        self.base.starts_with(LOCAL_BASE)
    }

    /// The keys that sign statements, ready for use.
    pub fn statement_keys(&self) -> Result<Vec<(PublicKey, &TrustedKey)>, TrustRootError> {
        self.keys
            .iter()
            .filter(|key| key.role.signs_statements())
            .map(|key| {
                let public = PublicKey::from_pem(&key.public_key_pem).map_err(|source| {
                    TrustRootError::PublicKey {
                        id: key.id.clone(),
                        source,
                    }
                })?;
                Ok((public, key))
            })
            .collect()
    }

    /// The key of the log in which every signature must stand, if there is a log.
    pub fn log_key(&self) -> Result<Option<NoteKey>, TrustRootError> {
        let Some(key) = self.keys.iter().find(|key| key.role == Role::Log) else {
            return Ok(None);
        };
        let public =
            ed25519_from_pem(&key.public_key_pem).map_err(|source| TrustRootError::PublicKey {
                id: key.id.clone(),
                source,
            })?;
        let origin = key.origin.as_deref().unwrap_or_default();
        match NoteKey::new(origin, public) {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(TrustRootError::Key {
                id: key.id.clone(),
                reason: "names a log that cannot be one",
            }),
        }
    }

    fn check(&self) -> Result<(), TrustRootError> {
        if !self.base.starts_with("https://") || self.base.ends_with('/') {
            return Err(TrustRootError::Base(self.base.clone()));
        }
        let mut seen = BTreeSet::new();
        for key in &self.keys {
            let reason = if seen.insert(&key.id) {
                self.objection(key)
            } else {
                Some("is listed twice; one key has one role")
            };
            if let Some(reason) = reason {
                return Err(TrustRootError::Key {
                    id: key.id.clone(),
                    reason,
                });
            }
        }
        self.whole()?;
        self.log_key()?;
        self.statement_keys().map(|_| ())
    }

    /// What must hold of all keys together.
    fn whole(&self) -> Result<(), TrustRootError> {
        let of_role = |role| self.keys.iter().filter(move |key| key.role == role);
        let error = |key: &TrustedKey, reason| TrustRootError::Key {
            id: key.id.clone(),
            reason,
        };
        if let Some(second) = of_role(Role::Log).nth(1) {
            return Err(error(second, "is a second log key; a log has one for life"));
        }
        let names_base = |key: &TrustedKey| self.base.ends_with(&format!("/{}", &key.id[..32]));
        if let Some(first) = of_role(Role::Provenance).next()
            && self.is_local()
            && !of_role(Role::Provenance).any(names_base)
        {
            let reason = "is not the key that the local base is named after";
            return Err(error(first, reason));
        }
        Ok(())
    }

    /// The kind of builder that a key speaks for, if it is one of Bessemer's.
    pub fn kind_of(&self, key: &TrustedKey) -> Option<BuilderKind> {
        BuilderKind::of_id(&self.base, key.builder_id.as_ref()?)
    }

    fn objection(&self, key: &TrustedKey) -> Option<&'static str> {
        let Ok(spki) = decode_pem("PUBLIC KEY", &key.public_key_pem) else {
            return Some("has no `PUBLIC KEY` block");
        };
        let below = |id: &String, base: &str| {
            id.strip_prefix(base)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let own = |id: &String| below(id, &self.base);
        let host = self.base.trim_start_matches("https://");
        let asserts = matches!(
            key.role,
            Role::Provenance | Role::Gate | Role::Image | Role::Rebuild
        );
        let builds = matches!(key.role, Role::Provenance | Role::Image);
        let is_image_id = key.builder_id.as_ref() == Some(&image_builder_id(&self.base));
        let is_rebuild_id = key.builder_id.as_ref() == Some(&rebuild_id(&self.base));
        if Digest::of(spki).hex() != key.id {
            Some("has another id than its key's SHA-256")
        } else if key.algorithm != key.role.algorithm() {
            Some("has an algorithm that its role does not use")
        } else if key.builder_id.is_some() != asserts {
            Some(
                "must name one builder or verifier id if it is a provenance, image, gate or rebuild key, else none",
            )
        } else if !key.builder_id.iter().all(own) {
            Some("asserts an id that does not stand under the base")
        } else if is_image_id != (key.role == Role::Image) {
            Some("must assert the id of image builds if it is an image key, else another")
        } else if is_rebuild_id != (key.role == Role::Rebuild) {
            Some("must assert the id of rebuilds if it is a rebuild key, else another")
        } else if key.level > HIGHEST_LEVEL || (key.level > 0 && !builds) {
            Some("claims a level it cannot have")
        } else if self.is_local() && key.level > 1 {
            Some("claims more than level 1 under a local base")
        } else if key.role == Role::Image && key.level > IMAGE_LEVEL {
            Some("claims a higher level than image builds have")
        } else if self
            .kind_of(key)
            .is_some_and(|kind| key.level > kind.highest_level())
        {
            Some("claims a higher level than its builder id stands for")
        } else if key.origin.is_some() != (key.role == Role::Log) {
            Some("must name the log it signs for if it is a log key, else none")
        } else if !key.origin.iter().all(|origin| below(origin, host)) {
            Some("signs for a log that does not stand under the base")
        } else if key.until.is_some_and(|until| until < key.from) {
            Some("counts until before it begins to")
        } else if key.role == Role::Log && (key.from, key.until) != (0, None) {
            Some("has a window in the log that it makes itself")
        } else {
            None
        }
    }
}
