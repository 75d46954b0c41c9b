//! Holding every envelope against its proof: that the log has this very signature, and that its key
//! counted where the log has it.

use super::open::Opened;
use super::report::LogReport;
use super::{Sidecar, VerifyError};
use crate::logged::LoggedSignature;
use crate::{TrustRoot, TrustedKey};

/// Nothing when the trust root names no log. With one, each envelope needs a proof: what is missing is
/// never fine. A proof of something else proves nothing, and does not disturb: while a publisher
/// replaces both files, one of them is newer.
pub(super) fn all(
    opened: &[Opened<'_>],
    sidecar: &Sidecar,
    root: &TrustRoot,
) -> Result<Option<LogReport>, VerifyError> {
    let Some(log) = root.log_key()? else {
        return Ok(None);
    };
    let entries: Vec<_> = sidecar
        .proofs()
        .iter()
        .map(|proof| (LoggedSignature::parse(&proof.entry), proof))
        .collect();
    let mut report = LogReport {
        origin: log.name().to_owned(),
        size: 0,
        indexes: Vec::new(),
    };
    for one in opened {
        let number = one.number;
        let found = entries.iter().find_map(|(entry, proof)| {
            let entry = entry.as_ref()?;
            (entry.envelope == one.digest).then_some((entry, proof))
        });
        let (entry, proof) = found.ok_or(VerifyError::NoProof { number })?;
        one.same("the key in the log", &one.key.id, &entry.key)?;
        let role = one.key.role.as_str();
        one.same("the role in the log", role, entry.role.as_str())?;
        let checkpoint = proof
            .check(&log)
            .map_err(|source| VerifyError::Proof { number, source })?;
        if !one.key.counts_at(proof.index) {
            return Err(VerifyError::KeyWindow {
                number,
                key: one.key.id.clone(),
                index: proof.index,
                window: window(one.key),
            });
        }
        report.size = report.size.max(checkpoint.size);
        report.indexes.push(proof.index);
    }
    Ok(Some(report))
}

fn window(key: &TrustedKey) -> String {
    match key.until {
        Some(until) => format!("from {} until before {until}", key.from),
        None => format!("from {} on", key.from),
    }
}
