//! Proofs that signatures are logged: missing, of something else, and the drill of a stolen key.

use super::*;
use crate::documents::canonical_bytes;
use crate::{LoggedSignature, ed25519_spki, encode_pem};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bessemer_tlog::{Checkpoint, Note, NoteKey, Proof, Tree, leaf_hash};

/// A log as the signer keeps one.
pub(super) struct Log {
    secret: Ed25519KeyPair,
    origin: String,
    tree: Tree,
    entries: Vec<Vec<u8>>,
}

impl Log {
    pub(super) fn new(base: &str) -> Self {
        Self {
            secret: Ed25519KeyPair::generate().unwrap(),
            origin: format!("{}/log", base.trim_start_matches("https://")),
            tree: Tree::default(),
            entries: Vec::new(),
        }
    }

    fn public(&self) -> [u8; 32] {
        self.secret.public_key().as_ref().try_into().unwrap()
    }

    /// The key's entry in a trust root.
    pub(super) fn trusted(&self) -> TrustedKey {
        let spki = ed25519_spki(&self.public());
        TrustedKey {
            id: Digest::of(&spki).hex(),
            role: Role::Log,
            algorithm: Algorithm::Ed25519,
            public_key_pem: encode_pem("PUBLIC KEY", &spki),
            builder_id: None,
            level: 0,
            valid_from: Timestamp::epoch(),
            valid_until: None,
            from: 0,
            until: None,
            origin: Some(self.origin.clone()),
        }
    }

    pub(super) fn append(&mut self, entry: Vec<u8>) -> u64 {
        self.tree.push(leaf_hash(&entry));
        self.entries.push(entry);
        self.tree.size() - 1
    }

    pub(super) fn prove(&self, index: u64) -> Proof {
        let size = self.tree.size();
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            root: self.tree.root(size).unwrap(),
        };
        let text = checkpoint.to_text();
        let signature = self.secret.sign(text.as_bytes()).as_ref().to_vec();
        let key = NoteKey::new(&self.origin, self.public()).unwrap();
        Proof {
            entry: self.entries[usize::try_from(index).unwrap()].clone(),
            index,
            path: self.tree.inclusion(index, size).unwrap(),
            checkpoint: Note::new(text, vec![key.signed(signature)]).to_text(),
        }
    }
}

/// A factory with a log, and where the log has the statements of its package.
struct Logged {
    factory: Factory,
    log: Log,
    sidecar: Sidecar,
    entries: Vec<Vec<u8>>,
}

impl Logged {
    fn new() -> Self {
        let mut factory = Factory::new();
        let mut log = Log::new(&factory.root.base);
        factory.root.keys.push(log.trusted());
        log.append(b"something earlier".to_vec());
        let sidecar = factory.sidecar();
        let mut entries = Vec::new();
        for ((role, _), envelope) in factory.payloads.iter().zip(sidecar.envelopes()) {
            let entry = factory.entry(*role, envelope);
            log.append(entry.clone());
            entries.push(entry);
        }
        Self {
            factory,
            log,
            sidecar,
            entries,
        }
    }

    fn proofs(&self) -> Vec<Proof> {
        (1..=3).map(|index| self.log.prove(index)).collect()
    }

    fn with(&self, proofs: &[Proof]) -> Sidecar {
        let texts: String = proofs.iter().map(Proof::to_text).collect();
        self.sidecar.clone().with_proofs(texts.as_bytes()).unwrap()
    }

    fn refusal(&self, proofs: &[Proof]) -> String {
        let error = self.factory.verify(&self.with(proofs)).unwrap_err();
        let cause = std::error::Error::source(&error);
        cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    }
}

impl Factory {
    fn entry(&self, role: Role, envelope: &Envelope) -> Vec<u8> {
        let key = self.key(role).public().id().hex();
        let entry = LoggedSignature::new(Timestamp::epoch(), role, key, envelope.digest().unwrap());
        entry.to_bytes().unwrap()
    }

    fn trusted(&mut self, role: Role) -> &mut TrustedKey {
        let mut keys = self.root.keys.iter_mut();
        keys.find(|key| key.role == role).unwrap()
    }
}

#[test]
fn says_where_the_log_has_the_statements() {
    let logged = Logged::new();
    TrustRoot::parse(&logged.factory.root.to_bytes().unwrap()).unwrap();
    let report = logged
        .factory
        .verify(&logged.with(&logged.proofs()))
        .unwrap();
    let log = report.log.clone().unwrap();
    assert_eq!((log.indexes, log.size), (vec![1, 2, 3], 4));
    let mut reversed = logged.proofs();
    reversed.reverse();
    logged.factory.verify(&logged.with(&reversed)).unwrap();
}

#[test]
fn what_is_not_proven_to_be_logged_is_refused() {
    let logged = Logged::new();
    let proofs = logged.proofs();
    assert!(logged.refusal(&[]).contains("nothing beside it proves"));
    for left_out in 0..3 {
        let mut some = proofs.clone();
        some.remove(left_out);
        let found = logged.refusal(&some);
        assert!(
            found.starts_with(&format!("envelope {}", left_out + 1)),
            "{found}"
        );
    }
    // The control run: without a log in the trust root nobody asks for proofs.
    let mut factory = Factory::new();
    factory.root.keys.retain(|key| key.role != Role::Log);
    assert!(factory.verify(&factory.sidecar()).unwrap().log.is_none());
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let mut logged = Logged::new();
    let good = logged.proofs();
    // Of another signature over the very same payload, which was logged, too.
    let (role, payload) = logged.factory.payloads[0].clone();
    let again = Envelope::seal(&payload, logged.factory.key(role)).unwrap();
    let index = logged.log.append(logged.factory.entry(role, &again));
    let other = [logged.log.prove(index), good[1].clone(), good[2].clone()];
    assert!(logged.refusal(&other).contains("nothing beside it proves"));
    // Beside the right ones it does not disturb.
    let more = [&good[..], &[logged.log.prove(index)]].concat();
    logged.factory.verify(&logged.with(&more)).unwrap();
    // The right entry at another place, and another log's checkpoint.
    let mut moved = good.clone();
    moved[0].index = 2;
    assert!(logged.refusal(&moved).contains("its proof does not hold"));
    let forger = Log {
        origin: logged.log.origin.clone(),
        ..Log::new(&logged.factory.root.base)
    };
    let mut forged = forger;
    for entry in logged.entries.clone() {
        forged.append(entry);
    }
    let forged: Vec<Proof> = (0..3).map(|index| forged.prove(index)).collect();
    let found = logged.refusal(&forged);
    assert!(found.contains("no signature of"), "{found}");
    // An entry that names this envelope, but another key, or another role.
    let digest = logged.sidecar.envelopes()[0].digest().unwrap();
    for (key, role, message) in [
        ("0".repeat(64), Role::Provenance, "the key in the log"),
        (
            logged.factory.key(Role::Provenance).public().id().hex(),
            Role::Test,
            "the role in the log",
        ),
    ] {
        let entry = LoggedSignature::new(Timestamp::epoch(), role, key, digest);
        let index = logged.log.append(entry.to_bytes().unwrap());
        let proofs = [logged.log.prove(index), good[1].clone(), good[2].clone()];
        let found = logged.refusal(&proofs);
        assert!(found.contains(message), "{found}");
    }
    // An entry that is not in its one spelling says nothing.
    let mut entry: Value = serde_json::from_slice(&logged.entries[0]).unwrap();
    entry["more"] = Value::from(1);
    let index = logged.log.append(canonical_bytes(&entry).unwrap());
    let proofs = [logged.log.prove(index), good[1].clone(), good[2].clone()];
    assert!(logged.refusal(&proofs).contains("nothing beside it proves"));
}

#[test]
fn the_drill_of_a_stolen_key() {
    let mut logged = Logged::new();
    let before = logged.with(&logged.proofs());
    // The key is stolen at this point of the log.
    let stolen_at = logged.log.tree.size();
    let (role, payload) = logged.factory.payloads[0].clone();
    let forged = Envelope::seal(&payload, logged.factory.key(role)).unwrap();
    let mut envelopes = logged.sidecar.envelopes().to_vec();
    envelopes[0] = forged.clone();
    let index = logged.log.append(logged.factory.entry(role, &forged));
    assert!(index >= stolen_at);
    let rest: String = logged.proofs()[1..].iter().map(Proof::to_text).collect();
    let unlogged = Sidecar::new(envelopes)
        .with_proofs(rest.as_bytes())
        .unwrap();
    let late = logged.log.prove(index).to_text();
    let late = unlogged.clone().with_proofs(late.as_bytes()).unwrap();

    // The control run: while the key counts, what was logged passes, whoever had it logged.
    logged.factory.verify(&late).unwrap();
    logged.factory.trusted(Role::Provenance).until = Some(stolen_at);
    let error = logged.factory.verify(&late).unwrap_err();
    assert!(
        matches!(error, VerifyError::KeyWindow { number: 1, .. }),
        "{error}"
    );
    let error = logged.factory.verify(&unlogged).unwrap_err();
    assert!(
        matches!(error, VerifyError::NoProof { number: 1 }),
        "{error}"
    );
    // What was signed before is still good.
    logged.factory.verify(&before).unwrap();
    logged.factory.trusted(Role::Provenance).from = 2;
    assert!(matches!(
        logged.factory.verify(&before),
        Err(VerifyError::KeyWindow { index: 1, .. })
    ));
}

#[test]
fn a_gates_summary_goes_with_its_proof() {
    let logged = Logged::new();
    let without = logged
        .with(&logged.proofs())
        .without(Role::Test, &logged.factory.root)
        .unwrap();
    assert_eq!((without.envelopes().len(), without.proofs().len()), (2, 2));
    logged.factory.verify(&without).unwrap();
}

#[test]
fn a_log_key_must_be_what_it_says() {
    let logged = Logged::new();
    let root = &logged.factory.root;
    let refused = |change: &dyn Fn(&mut TrustRoot)| {
        let mut changed = root.clone();
        change(&mut changed);
        let error = TrustRoot::parse(&changed.to_bytes().unwrap()).unwrap_err();
        error.to_string()
    };
    let log = root.keys.len() - 1;
    for (message, found) in [
        (
            "must name the log",
            refused(&|root| root.keys[log].origin = None),
        ),
        (
            "must name the log",
            refused(&|root| root.keys[0].origin = Some("x".to_owned())),
        ),
        (
            "does not stand under the base",
            refused(&|root| root.keys[log].origin = Some("elsewhere/log".to_owned())),
        ),
        (
            "window in the log",
            refused(&|root| root.keys[log].until = Some(7)),
        ),
        (
            "counts until before",
            refused(&|root| (root.keys[0].from, root.keys[0].until) = (2, Some(1))),
        ),
        (
            "second log key",
            refused(&|root| root.keys.push(Log::new(&root.base).trusted())),
        ),
        (
            "algorithm that its role",
            refused(&|root| root.keys[log].algorithm = Algorithm::EcdsaP256),
        ),
    ] {
        assert!(found.contains(message), "{found} / {message}");
    }
}
