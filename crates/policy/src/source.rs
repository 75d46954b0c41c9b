//! Source attestations: what somebody who watches repositories says of commits.
//!
//! Source: SLSA v1.2, Source track: a verification summary whose subject is a commit (`gitCommit`),
//! whose `resourceUri` is the repository (`git+https://…`) and whose `verifiedLevels` has a
//! `SLSA_SOURCE_LEVEL_n`; the refs that it was on are an annotation of the subject, `sourceRefs`.

mod evidence;
mod summary;

pub(crate) use evidence::Demand;
pub use evidence::SourceEvidence;

use bessemer_attest::{Envelope, EnvelopeError};
use serde_json::Value;

/// The most envelopes that are read.
pub const SOURCE_ENVELOPES_LIMIT: usize = 4_096;
/// The largest line that is read, in bytes (1 MiB).
const LINE_LIMIT: usize = 1 << 20;

/// Envelopes as strangers gave them, within limits. Nothing is verified yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceAttestations {
    envelopes: Vec<Envelope>,
}

/// Why bytes are no source attestations.
#[derive(Debug, thiserror::Error)]
pub enum SourceAttestationsError {
    /// Too many lines.
    #[error("there are more than {SOURCE_ENVELOPES_LIMIT} source attestations")]
    TooMany,
    /// A line is too long.
    #[error("line {line} has more than {LINE_LIMIT} bytes")]
    TooLong {
        /// Line number, from 1.
        line: usize,
    },
    /// A line is no envelope.
    #[error("line {line} is no envelope")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: EnvelopeError,
    },
}

impl SourceAttestations {
    /// Adds the envelopes of a file, one a line. Empty lines are skipped.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), SourceAttestationsError> {
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if line.len() > LINE_LIMIT {
                return Err(SourceAttestationsError::TooLong { line: number });
            }
            if self.envelopes.len() == SOURCE_ENVELOPES_LIMIT {
                return Err(SourceAttestationsError::TooMany);
            }
            let envelope = Envelope::parse(line);
            let envelope = envelope.map_err(|source| SourceAttestationsError::Line {
                line: number,
                source,
            })?;
            self.envelopes.push(envelope);
        }
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.envelopes.len()
    }
}

/// A list of texts, or one text, out of an annotation.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(values)) => {
            let texts = values.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
