//! Envelopes and proofs of many artifacts, found by what they speak of.

use crate::{Envelope, ResourceDescriptor, Sidecar};
use bessemer_digest::Digest;
use std::collections::{HashMap, HashSet};

/// What lies beside many artifacts, as it lay there. Nothing in it is verified: what is found here is
/// judged by whoever looks for it.
#[derive(Debug, Default)]
pub struct Pool {
    sidecars: Vec<Sidecar>,
    /// Numbers of sidecars by an envelope in them.
    by_envelope: HashMap<Digest, Vec<usize>>,
    /// Numbers of sidecars by a subject of one of their envelopes, as that envelope claims.
    by_subject: HashMap<Digest, Vec<usize>>,
    seen: HashSet<Digest>,
}

impl Pool {
    /// One without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what lies beside one artifact; what is there already is not added twice.
    pub fn add(&mut self, sidecar: Sidecar) {
        let envelopes: Vec<Digest> = sidecar
            .envelopes()
            .iter()
            .flat_map(Envelope::digest)
            .collect();
        let number = self.sidecars.len();
        if !self.seen.insert(fingerprint(&envelopes, &sidecar)) {
            return;
        }
        for envelope in envelopes {
            remember(&mut self.by_envelope, envelope, number);
        }
        for subject in subjects(&sidecar) {
            remember(&mut self.by_subject, subject, number);
        }
        self.sidecars.push(sidecar);
    }

    /// How many artifacts something lies beside.
    pub fn len(&self) -> usize {
        self.sidecars.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.sidecars.is_empty()
    }

    /// Everything, in the order in which it was added.
    pub fn sidecars(&self) -> &[Sidecar] {
        &self.sidecars
    }

    /// Those that have the envelope of this digest, in the order in which they were added.
    pub fn with_envelope(&self, envelope: &Digest) -> Vec<&Sidecar> {
        self.numbered(self.by_envelope.get(envelope))
    }

    /// Those in which an envelope claims to be about the artifact of this digest.
    pub fn about(&self, subject: &Digest) -> Vec<&Sidecar> {
        self.numbered(self.by_subject.get(subject))
    }

    fn numbered(&self, numbers: Option<&Vec<usize>>) -> Vec<&Sidecar> {
        let numbers = numbers.into_iter().flatten();
        numbers
            .filter_map(|&number| self.sidecars.get(number))
            .collect()
    }
}

/// What names a sidecar: its envelopes and its proofs.
fn fingerprint(envelopes: &[Digest], sidecar: &Sidecar) -> Digest {
    let mut text = String::new();
    for envelope in envelopes {
        text.push_str(&envelope.hex());
    }
    text.push_str(&Digest::of(sidecar.proofs_to_bytes()).hex());
    Digest::of(text)
}

/// The digests that the envelopes claim to be about, each once.
fn subjects(sidecar: &Sidecar) -> HashSet<Digest> {
    let envelopes = sidecar.envelopes().iter();
    envelopes
        .filter_map(Envelope::claimed)
        .flat_map(|statement| statement.subject)
        .filter_map(|subject: ResourceDescriptor| subject.sha256())
        .collect()
}

fn remember(map: &mut HashMap<Digest, Vec<usize>>, key: Digest, number: usize) {
    let numbers = map.entry(key).or_default();
    if numbers.last() != Some(&number) {
        numbers.push(number);
    }
}
