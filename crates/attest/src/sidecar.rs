//! The files beside an artifact: `<file>.intoto.jsonl` with one envelope a line, and
//! `<file>.tlog-proof` with the proofs that these envelopes stand in the signer's log.
//!
//! Two files, so that each is of one standard form: a line of the first is an envelope that any DSSE
//! reader takes, and the second is proofs as in c2sp.org/tlog-proof, one after the other.

use crate::logged::LoggedSignature;
use crate::{Envelope, EnvelopeError, Role, TrustRoot, TrustRootError};
use bessemer_digest::Digest;
use bessemer_tlog::{Proof, ProofError};

/// The largest sidecar that is read, in bytes (64 MiB).
pub const SIDECAR_LIMIT: usize = 64 << 20;
/// The most envelopes that are read.
pub const ENVELOPE_COUNT_LIMIT: usize = 64;

/// The largest file of proofs that is read, in bytes (8 MiB).
pub const PROOFS_LIMIT: usize = 8 << 20;

/// The envelopes of one artifact and the proofs that they are logged, in the files' order. Nothing is
/// verified yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    envelopes: Vec<Envelope>,
    proofs: Vec<Proof>,
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
    /// Too many bytes of proofs.
    #[error("the file of proofs has {0} bytes; at most {PROOFS_LIMIT} are read")]
    ProofsTooLarge(usize),
    /// One proof is none.
    #[error("proof {number} beside the envelopes is refused")]
    Proof {
        /// Its number in the file, from 1.
        number: usize,
        /// What is wrong with it.
        source: ProofError,
    },
}

impl Sidecar {
    /// A sidecar of these envelopes.
    pub fn new(envelopes: Vec<Envelope>) -> Self {
        Self {
            envelopes,
            proofs: Vec::new(),
        }
    }

    /// Reads a sidecar without proofs. Empty lines are skipped.
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
        Ok(Self::new(envelopes))
    }

    /// The same with the proofs of a file.
    pub fn with_proofs(mut self, bytes: &[u8]) -> Result<Self, SidecarError> {
        if bytes.len() > PROOFS_LIMIT {
            return Err(SidecarError::ProofsTooLarge(bytes.len()));
        }
        let parts = Proof::split(bytes);
        if parts.len() > ENVELOPE_COUNT_LIMIT {
            return Err(SidecarError::TooMany);
        }
        for (index, part) in parts.into_iter().enumerate() {
            let proof = Proof::parse(part).map_err(|source| SidecarError::Proof {
                number: index + 1,
                source,
            })?;
            self.proofs.push(proof);
        }
        Ok(self)
    }

    /// The proofs, in order.
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// The envelopes, in order.
    pub fn envelopes(&self) -> &[Envelope] {
        &self.envelopes
    }

    /// Adds an envelope at the end.
    pub fn push(&mut self, envelope: Envelope) {
        self.envelopes.push(envelope);
    }

    /// Adds an envelope and the proof that it is logged.
    pub fn push_logged(&mut self, envelope: Envelope, proof: Proof) {
        self.envelopes.push(envelope);
        self.proofs.push(proof);
    }

    /// Adds a proof, of whatever envelope.
    pub fn push_proof(&mut self, proof: Proof) {
        self.proofs.push(proof);
    }

    /// Adds what another has: each envelope that is not there yet, and every proof.
    pub fn add(&mut self, other: &Self) -> Result<(), SidecarError> {
        for envelope in &other.envelopes {
            if !self.envelopes.contains(envelope) {
                self.envelopes.push(envelope.clone());
            }
        }
        self.proofs.extend(other.proofs.iter().cloned());
        Self::within_limits(self.envelopes.len(), self.proofs.len())
    }

    /// Whether as many envelopes and proofs are read of one artifact.
    pub(crate) fn within_limits(envelopes: usize, proofs: usize) -> Result<(), SidecarError> {
        if envelopes.max(proofs) > ENVELOPE_COUNT_LIMIT {
            return Err(SidecarError::TooMany);
        }
        Ok(())
    }

    /// The envelopes that a key of one of these trust roots signed, with their proofs: what strangers added
    /// or made of them is left out.
    pub fn signed_by(&self, roots: &[&TrustRoot]) -> Result<Self, TrustRootError> {
        let mut keys = Vec::new();
        for root in roots {
            keys.extend(root.statement_keys()?);
        }
        let known = |envelope: &&Envelope| {
            envelope.is_plain() && keys.iter().any(|(public, _)| envelope.open(public).is_ok())
        };
        let envelopes: Vec<Envelope> = self.envelopes.iter().filter(known).cloned().collect();
        let proofs = self.proofs_of(&envelopes).cloned().collect();
        Ok(Self { envelopes, proofs })
    }

    /// The proofs that speak of some of these envelopes.
    fn proofs_of(&self, envelopes: &[Envelope]) -> impl Iterator<Item = &Proof> {
        let digests: Vec<Digest> = envelopes.iter().flat_map(Envelope::digest).collect();
        self.proofs.iter().filter(move |proof| {
            LoggedSignature::parse(&proof.entry)
                .is_some_and(|entry| digests.contains(&entry.envelope))
        })
    }

    /// The envelope of this digest, and others that say something else, as many as one file of them may have:
    /// one image that was published often has many.
    pub fn around(&self, attestation: &Digest) -> Result<Self, EnvelopeError> {
        let mut kept: Vec<Envelope> = Vec::new();
        let mut others = Vec::new();
        for envelope in &self.envelopes {
            if envelope.digest()? == *attestation {
                kept.push(envelope.clone());
            } else {
                others.push(envelope);
            }
        }
        for envelope in others {
            if kept.len() < ENVELOPE_COUNT_LIMIT
                && !kept.iter().any(|one| one.says_the_same(envelope))
            {
                kept.push(envelope.clone());
            }
        }
        let proofs = self.proofs_of(&kept).take(ENVELOPE_COUNT_LIMIT);
        Ok(Self {
            proofs: proofs.cloned().collect(),
            envelopes: kept,
        })
    }

    /// What is left without the envelopes that keys of `role` signed.
    pub fn without(&self, role: Role, root: &TrustRoot) -> Result<Self, TrustRootError> {
        let keys = root.statement_keys()?;
        let of_role = |envelope: &Envelope| {
            keys.iter()
                .any(|(public, key)| key.role == role && envelope.open(public).is_ok())
        };
        let (gone, envelopes): (Vec<_>, Vec<_>) = self.envelopes.iter().cloned().partition(of_role);
        let gone: Vec<Digest> = gone.iter().flat_map(Envelope::digest).collect();
        let of_gone = |proof: &&Proof| {
            LoggedSignature::parse(&proof.entry).is_some_and(|entry| gone.contains(&entry.envelope))
        };
        let proofs = self.proofs.iter().filter(|proof| !of_gone(proof));
        Ok(Self {
            envelopes,
            proofs: proofs.cloned().collect(),
        })
    }

    /// The bytes of the file of proofs: one after the other.
    pub fn proofs_to_bytes(&self) -> Vec<u8> {
        let texts = self.proofs.iter().map(Proof::to_text);
        texts.collect::<String>().into_bytes()
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
    fn what_is_added_is_there_once() {
        let key = TestKey::generate();
        let seal = |text: &str| Envelope::seal(text.as_bytes(), &key).unwrap();
        let mut sidecar = Sidecar::new(vec![seal("1")]);
        let other = Sidecar::new(vec![sidecar.envelopes()[0].clone(), seal("2")]);
        sidecar.add(&other).unwrap();
        sidecar.add(&other).unwrap();
        assert_eq!(sidecar.envelopes(), other.envelopes());
        let many = Sidecar::new((0..63).map(|number| seal(&number.to_string())).collect());
        assert!(matches!(sidecar.add(&many), Err(SidecarError::TooMany)));
    }

    /// Anybody can make many envelopes of one: by the key's name, and by the other signature that a curve allows.
    #[test]
    fn what_is_made_of_an_envelope_takes_no_room() {
        let key = TestKey::generate();
        let seal = |text: &str| Envelope::seal(text.as_bytes(), &key).unwrap();
        let (own, test) = (seal("provenance"), seal("test"));
        // ECDSA: each signature is another one.
        let many = (0..ENVELOPE_COUNT_LIMIT).map(|_| seal("provenance"));
        let mut all = Sidecar::new(many.collect());
        all.push(test.clone());
        all.push(own.clone());
        let kept = all.around(&own.digest().unwrap()).unwrap();
        assert_eq!(kept.envelopes(), [own.clone(), test]);
        let named = String::from_utf8(own.to_line().unwrap()).unwrap();
        let named = named.replace(r#""keyid":"""#, r#""keyid":"1""#);
        let named = Envelope::parse(named.as_bytes()).unwrap();
        assert!(own.is_plain() && !named.is_plain());
        assert!(named.open(&key.public()).is_ok());
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
