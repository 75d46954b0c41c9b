//! Summaries of rebuilds: beside the other statements of a package, or in a file of their own.

use super::logged::Log;
use super::open::{self, Opened};
use super::report::{Report, ReproducedRun, ReproductionReport};
use super::{ApkFacts, VerifyError, passed};
use crate::derive::{BUILDER, INVOCATION, ORIGINAL, REBUILD};
use crate::documents::Timestamp;
use crate::predicates::{REPRODUCED_PROPERTY, Summary, SummaryDigest};
use crate::{Role, Sidecar, TrustRoot};

/// Verifies a file of summaries of rebuilds, each under the first of `roots` that has its key, and that
/// it speaks of what `report` is of. Whatever else is in the file is refused: nobody but rebuilders puts
/// anything there. `now`: the verifier's clock.
pub fn reproductions(
    facts: &ApkFacts,
    sidecar: &Sidecar,
    roots: &[&TrustRoot],
    report: &Report,
    now: Option<&Timestamp>,
) -> Result<Vec<ReproductionReport>, VerifyError> {
    let mut found = Vec::new();
    'envelopes: for (index, envelope) in sidecar.envelopes().iter().enumerate() {
        let number = index + 1;
        for root in roots {
            let keys = open::Keys::new(sidecar, root)?;
            let Some(one) = open::one(number, envelope, &keys)? else {
                continue;
            };
            open::validity(&one, now)?;
            open::about(&one, facts, root)?;
            if one.key.role != Role::Rebuild {
                return Err(VerifyError::WrongRole {
                    number,
                    role: one.key.role.as_str(),
                    needed: Role::Rebuild.as_str(),
                });
            }
            if let Some(log) = Log::read(sidecar, root)? {
                log.place(&one)?;
            }
            found.push(reproduced(&one, report)?);
            continue 'envelopes;
        }
        return Err(VerifyError::UnknownKey { number });
    }
    Ok(found)
}

/// What a summary of a rebuild says of the package that `report` is of: that one of its two runs is the
/// one whose envelope was verified.
pub(super) fn reproduced(
    one: &Opened<'_>,
    report: &Report,
) -> Result<ReproductionReport, VerifyError> {
    let summary = passed(one, report)?;
    let number = one.number;
    let levels = &summary.verified_levels;
    if !levels.iter().any(|level| level == REPRODUCED_PROPERTY) {
        let what = "that the package was reproduced";
        return Err(VerifyError::Unsaid { number, what });
    }
    let original = evidence(&summary, ORIGINAL);
    let rebuild = evidence(&summary, REBUILD);
    let (Some(original), Some(rebuild)) = (original, rebuild) else {
        let what = "which two runs it compares";
        return Err(VerifyError::Unsaid { number, what });
    };
    let origin = report.evidence().first();
    if !origin.is_some_and(|origin| original.is(origin) || rebuild.is(origin)) {
        let what = "anything of the run that this package is of";
        return Err(VerifyError::Unsaid { number, what });
    }
    let run = |one: &SummaryDigest| {
        let said = |key: &str| one.annotations.get(key).cloned();
        Some(ReproducedRun {
            builder_id: said(BUILDER)?,
            invocation_id: said(INVOCATION)?,
        })
    };
    let (Some(first), Some(second)) = (run(original), run(rebuild)) else {
        let what = "whose runs it compares";
        return Err(VerifyError::Unsaid { number, what });
    };
    if first == second || original.digest == rebuild.digest {
        let what = "that there were two runs";
        return Err(VerifyError::Unsaid { number, what });
    }
    Ok(ReproductionReport {
        verifier_id: summary.verifier.id,
        time: summary.time_verified,
        resource_uri: summary.resource_uri,
        levels: summary.verified_levels,
        original: first,
        rebuild: second,
        key: one.key.id.clone(),
        attestation: one.digest,
    })
}

fn evidence<'a>(summary: &'a Summary, name: &str) -> Option<&'a SummaryDigest> {
    let mut list = summary.input_attestations.iter();
    list.find(|one| one.name.as_deref() == Some(name))
}
