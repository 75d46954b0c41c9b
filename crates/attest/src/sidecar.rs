//! The file beside an artifact, `<file>.intoto.jsonl`: one envelope a line.

use crate::{Envelope, EnvelopeError, Role, TrustRoot, TrustRootError};

/// The largest sidecar that is read, in bytes (64 MiB).
pub const SIDECAR_LIMIT: usize = 64 << 20;
/// The most envelopes that are read.
pub const ENVELOPE_COUNT_LIMIT: usize = 64;

/// The envelopes of one artifact, in the file's order. Nothing is verified yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    envelopes: Vec<Envelope>,
}

/// Why bytes are not a sidecar.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// Too many bytes.
    #[error("the sidecar has {0} bytes; at most {SIDECAR_LIMIT} are read")]
    TooLarge(usize),
    /// Too many lines.
    #[error("the sidecar has more than {ENVELOPE_COUNT_LIMIT} envelopes")]
    TooMany,
    /// One line is no envelope.
    #[error("line {line} of the sidecar is no envelope")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: EnvelopeError,
    },
}

impl Sidecar {
    /// A sidecar of these envelopes.
    pub fn new(envelopes: Vec<Envelope>) -> Self {
        Self { envelopes }
    }

    /// Reads a sidecar. Empty lines are skipped.
    pub fn parse(bytes: &[u8]) -> Result<Self, SidecarError> {
        if bytes.len() > SIDECAR_LIMIT {
            return Err(SidecarError::TooLarge(bytes.len()));
        }
        let mut envelopes = Vec::new();
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            if envelopes.len() == ENVELOPE_COUNT_LIMIT {
                return Err(SidecarError::TooMany);
            }
            let envelope = Envelope::parse(line).map_err(|source| SidecarError::Line {
                line: index + 1,
                source,
            })?;
            envelopes.push(envelope);
        }
        Ok(Self { envelopes })
    }

    /// The envelopes, in order.
    pub fn envelopes(&self) -> &[Envelope] {
        &self.envelopes
    }

    /// Adds an envelope at the end.
    pub fn push(&mut self, envelope: Envelope) {
        self.envelopes.push(envelope);
    }

    /// What is left without the envelopes that keys of `role` signed.
    pub fn without(&self, role: Role, root: &TrustRoot) -> Result<Self, TrustRootError> {
        let keys = root.statement_keys()?;
        let of_role = |envelope: &Envelope| {
            keys.iter()
                .any(|(public, key)| key.role == role && envelope.open(public).is_ok())
        };
        let envelopes = self.envelopes.iter().filter(|one| !of_role(one));
        Ok(Self::new(envelopes.cloned().collect()))
    }

    /// The file's bytes: each envelope with a line end.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        let mut bytes = Vec::new();
        for envelope in &self.envelopes {
            bytes.extend_from_slice(&envelope.to_line()?);
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::TestKey;
    use proptest::prelude::*;

    #[test]
    fn reads_back_what_it_writes() {
        let key = TestKey::generate();
        let mut sidecar = Sidecar::new(vec![Envelope::seal(b"1", &key).unwrap()]);
        sidecar.push(Envelope::seal(b"2", &key).unwrap());
        assert_eq!(
            Sidecar::parse(&sidecar.to_bytes().unwrap()).unwrap(),
            sidecar
        );
        assert!(Sidecar::parse(b"").unwrap().envelopes().is_empty());
    }

    #[test]
    fn names_the_bad_line_and_counts() {
        let line = Envelope::seal(b"1", &TestKey::generate())
            .unwrap()
            .to_line()
            .unwrap();
        let text = [&line[..], b"\n", &line, b"\nnonsense\n"].concat();
        let error = Sidecar::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), "line 3 of the sidecar is no envelope");
        let many = [&line[..], b"\n"].concat().repeat(ENVELOPE_COUNT_LIMIT + 1);
        assert!(matches!(Sidecar::parse(&many), Err(SidecarError::TooMany)));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Sidecar::parse(&bytes);
        }
    }
}
