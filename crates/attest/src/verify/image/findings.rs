//! What each attached envelope is found to be, and what follows from all of them.

use super::super::logged::{Log, Place};
use super::super::{LogReport, VerifyError};
use super::error::{found, named};
use super::open::{self, Opened};
use super::provenance::{Proven, about, provenance};
use super::sbom::Spellings;
use super::{
    ImageExpectations, ImageVerifyError, ImageVerifyPolicy, RefusedEnvelope, VerifiedImage,
};
use crate::documents::Timestamp;
use crate::{Role, Sidecar, TrustRoot, TrustRootError};
use bessemer_digest::Digest;
use std::collections::BTreeSet;

/// What is attached to one image, judged.
pub(super) struct Findings {
    attached: usize,
    /// Signed by keys that the trust root does not have.
    foreign: usize,
    refused: Vec<RefusedEnvelope>,
    provenances: Vec<Proven>,
    sboms: Vec<Spellings>,
    log: Option<LogReport>,
}

/// An envelope that holds.
enum Valid {
    Provenance(Box<Proven>),
    Sbom(Spellings),
}

/// What envelopes are held against.
struct Judge<'a> {
    digest: &'a Digest,
    root: &'a TrustRoot,
    now: Option<&'a Timestamp>,
    log: Option<Log<'a>>,
}

impl Findings {
    /// Judges each envelope alone.
    pub(super) fn of(
        digest: &Digest,
        attached: &Sidecar,
        root: &TrustRoot,
        now: Option<&Timestamp>,
    ) -> Result<Self, TrustRootError> {
        let keys = open::Keys::new(attached, root)?;
        let judge = Judge {
            digest,
            root,
            now,
            log: Log::read(attached, root)?,
        };
        let mut findings = Self::none(judge.log.as_ref().map(Log::report));
        let mut seen = BTreeSet::new();
        for (index, envelope) in attached.envelopes().iter().enumerate() {
            // The same one twice is one.
            if envelope.digest().is_ok_and(|digest| !seen.insert(digest)) {
                continue;
            }
            findings.attached += 1;
            let number = index + 1;
            match open::one(number, envelope, &keys) {
                Ok(None) => findings.foreign += 1,
                Ok(Some(one)) => match judge.valid(&one) {
                    Ok((place, valid)) => findings.add(place, valid),
                    Err(error) => findings.refuse(number, true, &error),
                },
                Err(error) => findings.refuse(number, false, &error),
            }
        }
        Ok(findings)
    }

    fn none(log: Option<LogReport>) -> Self {
        Self {
            attached: 0,
            foreign: 0,
            refused: Vec::new(),
            provenances: Vec::new(),
            sboms: Vec::new(),
            log,
        }
    }

    fn add(&mut self, place: Option<Place>, valid: Valid) {
        if let (Some(log), Some(place)) = (&mut self.log, place) {
            log.add(place);
        }
        match valid {
            Valid::Provenance(proven) => self.provenances.push(*proven),
            Valid::Sbom(spellings) => self.sboms.push(spellings),
        }
    }

    fn refuse(&mut self, number: usize, trusted_key: bool, error: &VerifyError) {
        let refused = RefusedEnvelope::new(number, trusted_key, error);
        self.refused.push(refused);
    }

    /// The report of the newest provenance of which all that is expected holds.
    pub(super) fn judged(
        self,
        policy: &ImageVerifyPolicy,
        expected: &ImageExpectations,
    ) -> Result<VerifiedImage, ImageVerifyError> {
        let count = self.provenances.len();
        let (mut suitable, mut unmet) = (Vec::new(), Vec::new());
        for proven in self.provenances {
            let reasons = expected.unmet(&proven.report, policy);
            if reasons.is_empty() {
                suitable.push(proven);
            } else {
                unmet.push((proven.order, reasons.join("; ")));
            }
        }
        let refused = self.refused.len();
        let met = suitable.len();
        let rank = |proven: &Proven| (Some(proven.attestation) == expected.prefer, proven.order);
        let Some(newest) = suitable.into_iter().max_by_key(rank) else {
            if count == 0 {
                let sboms = self.sboms.len();
                let text = found(self.attached, self.foreign, sboms, self.refused);
                return Err(ImageVerifyError::NoProvenance(text));
            }
            return Err(ImageVerifyError::Unexpected(differences(unmet)));
        };
        let mut report = newest.report;
        report.sbom = !self.sboms.is_empty();
        report.sbom_named = newest
            .sbom
            .is_some_and(|named| self.sboms.iter().any(|sbom| sbom.have(&named)));
        (report.provenances, report.suitable) = (count, met);
        (report.log, report.foreign) = (self.log, self.foreign);
        (report.refused_count, report.refused) = (refused, named(self.refused));
        Ok(VerifiedImage {
            report,
            provenance: newest.provenance,
            attestation: newest.attestation,
            architecture: newest.architecture,
        })
    }
}

/// Most provenances whose differences are said.
const DIFFERENCES: usize = 5;

/// What is wrong with each provenance, the newest first.
fn differences(mut unmet: Vec<(u64, String)>) -> String {
    unmet.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
    let count = unmet.len();
    let mut texts = unmet.into_iter().map(|(_, text)| text);
    if count == 1 {
        return texts.next().unwrap_or_default();
    }
    let mut parts = vec![format!("{count} provenances hold")];
    let texts = texts.take(DIFFERENCES).enumerate();
    parts.extend(texts.map(|(number, reasons)| format!("{}: {reasons}", number + 1)));
    if count > DIFFERENCES {
        parts.push(format!("and {} more", count - DIFFERENCES));
    }
    parts.join("; ")
}

impl Judge<'_> {
    /// All that one envelope must be for itself.
    fn valid(&self, one: &Opened<'_>) -> Result<(Option<Place>, Valid), VerifyError> {
        open::validity(one, self.now)?;
        about(one, self.digest)?;
        let place = self.log.as_ref().map(|log| log.place(one)).transpose()?;
        let valid = if one.key.role == Role::Image {
            // Without a log, what stands later was attached later.
            let order = place.map_or(one.number as u64, |place| place.index);
            Valid::Provenance(Box::new(provenance(self.digest, one, self.root, order)?))
        } else {
            Valid::Sbom(Spellings::of(one)?)
        };
        Ok((place, valid))
    }
}
