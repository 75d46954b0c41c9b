//! Opening envelopes: signature, validity, role and subject, before any predicate is read.

use super::unambiguous::Unambiguous;
use super::words::shown;
use super::{ApkFacts, VerifyError, VerifyPolicy};
use crate::derive::import_type;
use crate::documents::Timestamp;
use crate::predicates::{PROVENANCE_TYPE, SPDX_TYPE, SUMMARY_TYPE, TEST_RESULT_TYPE};
use crate::{
    Envelope, EnvelopeError, LoggedSignature, PublicKey, Role, STATEMENT_TYPE, Sidecar, Statement,
    TrustRoot, TrustRootError, TrustedKey,
};
use bessemer_digest::Digest;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;

/// A verified payload that is about the package, signed by a key of the right role.
pub(super) struct Opened<'a> {
    pub(super) number: usize,
    pub(super) key: &'a TrustedKey,
    pub(super) payload: Vec<u8>,
    pub(super) digest: Digest,
}

impl Opened<'_> {
    /// The predicate, read from the verified bytes.
    pub(super) fn predicate<T: DeserializeOwned>(
        &self,
        what: &'static str,
    ) -> Result<T, VerifyError> {
        Ok(self.statement(what)?.predicate)
    }

    /// The statement, read from the verified bytes.
    pub(super) fn statement<T: DeserializeOwned>(
        &self,
        what: &'static str,
    ) -> Result<Statement<T>, VerifyError> {
        serde_json::from_slice(&self.payload).map_err(|source| VerifyError::Shape {
            number: self.number,
            what,
            source,
        })
    }

    pub(super) fn mismatch<T>(
        &self,
        what: &'static str,
        expected: &str,
        found: &str,
    ) -> Result<T, VerifyError> {
        let (expected, found) = (shown(expected), shown(found));
        Err(VerifyError::Mismatch {
            number: self.number,
            what,
            expected,
            found,
        })
    }

    pub(super) fn same(
        &self,
        what: &'static str,
        expected: &str,
        found: &str,
    ) -> Result<(), VerifyError> {
        if expected == found {
            Ok(())
        } else {
            self.mismatch(what, expected, found)
        }
    }
}

/// Opens every envelope; the number beside is of those passed over.
pub(super) fn all<'a>(
    facts: &ApkFacts,
    sidecar: &Sidecar,
    root: &'a TrustRoot,
    policy: &VerifyPolicy,
) -> Result<(Vec<Opened<'a>>, usize), VerifyError> {
    let keys = Keys::new(sidecar, root)?;
    let (mut opened, mut unverified) = (Vec::new(), 0);
    for (index, envelope) in sidecar.envelopes().iter().enumerate() {
        let number = index + 1;
        match one(number, envelope, &keys)? {
            Some(one) => {
                validity(&one, policy.now.as_ref())?;
                about(&one, facts, root)?;
                opened.push(one);
            }
            None if policy.provenance_only => unverified += 1,
            None => return Err(VerifyError::UnknownKey { number }),
        }
    }
    Ok((opened, unverified))
}

/// The keys of a trust root, and which of them to try first: the entry of the log that lies beside an
/// envelope names one. That is no more than a hint; every key is tried.
pub(super) struct Keys<'a> {
    keys: Vec<(PublicKey, &'a TrustedKey)>,
    named: BTreeMap<Digest, String>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(sidecar: &Sidecar, root: &'a TrustRoot) -> Result<Self, TrustRootError> {
        let entries = sidecar.proofs().iter();
        let entries = entries.filter_map(|proof| LoggedSignature::parse(&proof.entry));
        Ok(Self {
            keys: root.statement_keys()?,
            named: entries.map(|entry| (entry.envelope, entry.key)).collect(),
        })
    }

    /// All of them, the one that is named for this envelope first.
    fn of(&self, envelope: &Digest) -> impl Iterator<Item = &(PublicKey, &'a TrustedKey)> {
        let named = self.named.get(envelope);
        let is_named = move |key: &TrustedKey| named.is_some_and(|named| *named == key.id);
        let first = self.keys.iter().filter(move |(_, key)| is_named(key));
        first.chain(self.keys.iter().filter(move |(_, key)| !is_named(key)))
    }
}

/// Opens an envelope; nothing if none of the keys signed it. Whether its key is valid is not asked.
pub(super) fn one<'a>(
    number: usize,
    envelope: &Envelope,
    keys: &Keys<'a>,
) -> Result<Option<Opened<'a>>, VerifyError> {
    let digest = envelope
        .digest()
        .map_err(|source| VerifyError::Envelope { number, source })?;
    let Some((key, payload)) = signed_by(number, envelope, keys.of(&digest))? else {
        return Ok(None);
    };
    Ok(Some(Opened {
        number,
        key,
        payload,
        digest,
    }))
}

/// Removes and returns the one statement of `role`.
pub(super) fn take<'a>(
    opened: &mut Vec<Opened<'a>>,
    role: Role,
) -> Result<Option<Opened<'a>>, VerifyError> {
    let Some(position) = opened.iter().position(|one| one.key.role == role) else {
        return Ok(None);
    };
    let one = opened.remove(position);
    if opened.iter().any(|other| other.key.role == role) {
        return Err(VerifyError::Twice(role.as_str()));
    }
    Ok(Some(one))
}

/// Removes and returns every statement of `role`.
pub(super) fn take_all<'a>(opened: &mut Vec<Opened<'a>>, role: Role) -> Vec<Opened<'a>> {
    let (taken, left) = opened.drain(..).partition(|one| one.key.role == role);
    *opened = left;
    taken
}

fn signed_by<'k, 'a: 'k>(
    number: usize,
    envelope: &Envelope,
    keys: impl Iterator<Item = &'k (PublicKey, &'a TrustedKey)>,
) -> Result<Option<(&'a TrustedKey, Vec<u8>)>, VerifyError> {
    for (public, key) in keys {
        match envelope.open(public) {
            Ok(payload) => return Ok(Some((key, payload))),
            Err(EnvelopeError::Signature) => {}
            Err(source) => return Err(VerifyError::Envelope { number, source }),
        }
    }
    Ok(None)
}

pub(super) fn validity(one: &Opened<'_>, now: Option<&Timestamp>) -> Result<(), VerifyError> {
    let Some(now) = now else {
        return Ok(());
    };
    let key = one.key;
    if *now >= key.valid_from && key.valid_until.as_ref().is_none_or(|until| now <= until) {
        return Ok(());
    }
    Err(VerifyError::KeyValidity {
        number: one.number,
        key: key.id.clone(),
        from: key.valid_from.to_string(),
        until: key
            .valid_until
            .as_ref()
            .map_or_else(|| "further notice".to_owned(), ToString::to_string),
    })
}

/// Whether everybody who reads a statement reads the same.
pub(super) fn unambiguous(one: &Opened<'_>) -> Result<(), VerifyError> {
    let read = serde_json::from_slice::<Unambiguous>(&one.payload);
    read.map(|_| ()).map_err(|source| VerifyError::Shape {
        number: one.number,
        what: "statement",
        source,
    })
}

/// Whether a statement is of the kind that its key may sign, and about the package.
pub(super) fn about(
    one: &Opened<'_>,
    facts: &ApkFacts,
    root: &TrustRoot,
) -> Result<(), VerifyError> {
    unambiguous(one)?;
    let statement: Statement<IgnoredAny> = one.statement("statement")?;
    one.same("the statement's type", STATEMENT_TYPE, &statement.kind)?;
    let needed = match statement.predicate_type.as_str() {
        PROVENANCE_TYPE => Role::Provenance,
        TEST_RESULT_TYPE => Role::Test,
        SPDX_TYPE => Role::Sbom,
        // Two roles may sign these, and each asserts a verifier id of its own.
        SUMMARY_TYPE if one.key.role == Role::Rebuild => Role::Rebuild,
        SUMMARY_TYPE => Role::Gate,
        other if other == import_type(&root.base) => Role::Import,
        other => {
            let found = other.chars().take(200).collect();
            return Err(VerifyError::PredicateType {
                number: one.number,
                found,
            });
        }
    };
    if needed != one.key.role {
        return Err(VerifyError::WrongRole {
            number: one.number,
            role: one.key.role.as_str(),
            needed: needed.as_str(),
        });
    }
    let hex = facts.sha256.hex();
    let mut named = None;
    for subject in &statement.subject {
        if subject.digest.get("sha256") == Some(&hex) {
            if subject.name.as_deref() == Some(facts.file.as_str()) {
                return Ok(());
            }
            named.clone_from(&subject.name);
        }
    }
    let (number, file, sha256) = (one.number, shown(&facts.file), facts.sha256);
    Err(match named {
        None => VerifyError::Subject {
            number,
            file,
            sha256,
        },
        Some(name) => VerifyError::FileName {
            number,
            file,
            named: shown(&name),
        },
    })
}
