//! Holding every envelope against its proof: that the log has this very signature, and that its key
//! counted where the log has it.

use super::open::Opened;
use super::report::LogReport;
use super::{Sidecar, VerifyError};
use crate::logged::LoggedSignature;
use crate::{TrustRoot, TrustRootError, TrustedKey};
use bessemer_digest::Digest;
use bessemer_tlog::{NoteKey, Proof};
use std::collections::BTreeMap;

/// The log of a trust root, and the proofs that lie beside envelopes. A proof of something else proves
/// nothing, and does not disturb: while a publisher replaces both files, one of them is newer.
pub(super) struct Log<'a> {
    key: NoteKey,
    /// By the envelope that they speak of. Several, because anybody can put a broken one beside.
    proofs: BTreeMap<Digest, Vec<(LoggedSignature, &'a Proof)>>,
}

/// Where the log has an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of the entry.
    pub(super) index: u64,
    /// The size that the checkpoint is of.
    pub(super) size: u64,
}

impl<'a> Log<'a> {
    /// Nothing when the trust root names no log.
    pub(super) fn read(
        sidecar: &'a Sidecar,
        root: &TrustRoot,
    ) -> Result<Option<Self>, TrustRootError> {
        let Some(key) = root.log_key()? else {
            return Ok(None);
        };
        let mut proofs: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
        for proof in sidecar.proofs() {
            if let Some(entry) = LoggedSignature::parse(&proof.entry) {
                let of_envelope = proofs.entry(entry.envelope).or_default();
                of_envelope.push((entry, proof));
            }
        }
        Ok(Some(Self { key, proofs }))
    }

    /// A report without places.
    pub(super) fn report(&self) -> LogReport {
        LogReport {
            origin: self.key.name().to_owned(),
            size: 0,
            indexes: Vec::new(),
        }
    }

    /// Where the log has this envelope, by the first proof that holds; what is wrong with the first one
    /// if none does.
    pub(super) fn place(&self, one: &Opened<'_>) -> Result<Place, VerifyError> {
        let number = one.number;
        let mut refused = None;
        for (entry, proof) in self.proofs.get(&one.digest).into_iter().flatten() {
            match self.held(one, entry, proof) {
                Ok(place) => return Ok(place),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or(VerifyError::NoProof { number }))
    }

    fn held(
        &self,
        one: &Opened<'_>,
        entry: &LoggedSignature,
        proof: &Proof,
    ) -> Result<Place, VerifyError> {
        let number = one.number;
        one.same("the key in the log", &one.key.id, &entry.key)?;
        let role = one.key.role.as_str();
        one.same("the role in the log", role, entry.role.as_str())?;
        let checkpoint = proof
            .check(&self.key)
            .map_err(|source| VerifyError::Proof { number, source })?;
        if !one.key.counts_at(proof.index) {
            return Err(VerifyError::KeyWindow {
                number,
                key: one.key.id.clone(),
                index: proof.index,
                window: window(one.key),
            });
        }
        Ok(Place {
            index: proof.index,
            size: checkpoint.size,
        })
    }
}

impl LogReport {
    /// Adds where an envelope is.
    pub(super) fn add(&mut self, place: Place) {
        self.size = self.size.max(place.size);
        self.indexes.push(place.index);
    }
}

/// Nothing when the trust root names no log. With one, each envelope needs a proof: what is missing is
/// never fine.
pub(super) fn all(
    opened: &[Opened<'_>],
    sidecar: &Sidecar,
    root: &TrustRoot,
) -> Result<Option<LogReport>, VerifyError> {
    let Some(log) = Log::read(sidecar, root)? else {
        return Ok(None);
    };
    let mut report = log.report();
    for one in opened {
        report.add(log.place(one)?);
    }
    Ok(Some(report))
}

fn window(key: &TrustedKey) -> String {
    match key.until {
        Some(until) => format!("from {} until before {until}", key.from),
        None => format!("from {} on", key.from),
    }
}
