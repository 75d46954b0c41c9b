//! Checkpoints, proofs and audits of a log that is made here, and of what is changed about it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bessemer_tlog::tile::{self, CHECKPOINT, Kind};
use bessemer_tlog::{
    AuditError, Checkpoint, Note, NoteKey, Proof, ProofError, Tree, audit, leaf_hash,
};
use std::collections::BTreeMap;
use std::io;

const ORIGIN: &str = "factory.example/log";

struct Log {
    secret: Ed25519KeyPair,
    entries: Vec<Vec<u8>>,
    tree: Tree,
}

impl Log {
    fn new(size: u64) -> Self {
        let entries: Vec<Vec<u8>> = (0..size)
            .map(|n| format!("entry {n}").into_bytes())
            .collect();
        let mut tree = Tree::default();
        for entry in &entries {
            tree.push(leaf_hash(entry));
        }
        Self {
            secret: Ed25519KeyPair::generate().unwrap(),
            entries,
            tree,
        }
    }

    fn key(&self) -> NoteKey {
        let public = self.secret.public_key().as_ref().try_into().unwrap();
        NoteKey::new(ORIGIN, public).unwrap()
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: self.tree.root(size).unwrap(),
        }
    }

    fn signed(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_text();
        let signature = self.secret.sign(text.as_bytes()).as_ref().to_vec();
        let signature = self.key().signed(signature);
        Note::new(text, vec![signature]).to_text()
    }

    fn proof(&self, index: usize, size: u64) -> Proof {
        Proof {
            entry: self.entries[index].clone(),
            index: index as u64,
            path: self.tree.inclusion(index as u64, size).unwrap(),
            checkpoint: self.signed(&self.checkpoint(size)),
        }
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let size = self.tree.size();
        let mut files = BTreeMap::new();
        for one in tile::added(0, size) {
            let from = usize::try_from(one.number * tile::WIDTH).unwrap();
            let bytes = match one.kind {
                Kind::Entries => {
                    let mut bundle = Vec::new();
                    for entry in &self.entries[from..][..usize::try_from(one.width).unwrap()] {
                        assert!(tile::push_entry(&mut bundle, entry));
                    }
                    bundle
                }
                Kind::Hashes(level) => {
                    tile::hashes(&self.tree, level, one.number, one.width).unwrap()
                }
            };
            files.insert(one.path(), bytes);
        }
        let checkpoint = self.signed(&self.checkpoint(size));
        files.insert(CHECKPOINT.to_owned(), checkpoint.into_bytes());
        files
    }
}

fn check(log: &Log, files: &BTreeMap<String, Vec<u8>>) -> Result<bessemer_tlog::Audit, AuditError> {
    let read = |path: &str| {
        let found = files.get(path).cloned();
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    audit(&log.key(), read, |_, _| Ok(()))
}

#[test]
fn a_proof_reads_back_and_holds() {
    let log = Log::new(300);
    for size in [1, 2, 255, 256, 257, 300] {
        let proof = log.proof(0, size);
        let text = proof.to_text();
        let again = Proof::parse(text.as_bytes()).unwrap();
        assert_eq!(again, proof);
        assert_eq!(again.check(&log.key()).unwrap(), log.checkpoint(size));
    }
    let two = [log.proof(3, 9).to_text(), log.proof(4, 9).to_text()];
    let file = two.concat();
    assert_eq!(
        Proof::split(file.as_bytes()),
        [two[0].as_bytes(), two[1].as_bytes()]
    );
    assert_eq!(Proof::split(b""), [b""; 0]);
}

#[test]
fn no_changed_byte_of_a_proof_passes() {
    let log = Log::new(40);
    let proof = log.proof(11, 40);
    let text = proof.to_text().into_bytes();
    for position in 0..text.len() {
        for bit in [1_u8, 2, 16, 128] {
            let mut changed = text.clone();
            changed[position] ^= bit;
            if let Ok(read) = Proof::parse(&changed) {
                assert!(read.check(&log.key()).is_err(), "{position}");
            }
        }
    }
    assert!(proof.check(&log.key()).is_ok(), "the control run");
}

#[test]
fn proofs_of_others_are_refused() {
    let (log, other) = (Log::new(40), Log::new(40));
    let proof = log.proof(11, 40);
    assert!(matches!(
        proof.check(&other.key()),
        Err(ProofError::Checkpoint(_))
    ));
    let moved = Proof {
        entry: log.entries[12].clone(),
        ..proof.clone()
    };
    assert!(matches!(
        moved.check(&log.key()),
        Err(ProofError::Inclusion(_))
    ));
    let older = Proof {
        checkpoint: log.signed(&log.checkpoint(39)),
        ..proof.clone()
    };
    assert!(older.check(&log.key()).is_err());
    // Another log of the same key: the name in the text must be the key's.
    let foreign = Checkpoint {
        origin: "factory.example/other".to_owned(),
        ..log.checkpoint(40)
    };
    let foreign = Proof {
        checkpoint: log.signed(&foreign),
        ..proof
    };
    let error = foreign.check(&log.key()).unwrap_err().to_string();
    assert!(error.contains("factory.example/other"), "{error}");
}

#[test]
fn a_log_is_what_its_checkpoint_says_or_refused() {
    for size in [1, 255, 256, 257, 600] {
        let log = Log::new(size);
        let files = log.files();
        let found = check(&log, &files).unwrap();
        assert_eq!(found.checkpoint, log.checkpoint(size));
        for old in [0, 1, size / 2, size] {
            found.continues(&log.checkpoint(old)).unwrap();
        }
        for path in files.keys() {
            let mut changed = files.clone();
            let bytes = changed.get_mut(path).unwrap();
            let last = bytes.len() - 3;
            bytes[last] ^= 1;
            assert!(check(&log, &changed).is_err(), "{path} of {size}");
            changed.remove(path);
            assert!(matches!(
                check(&log, &changed),
                Err(AuditError::Read { .. })
            ));
        }
    }
}

#[test]
fn a_log_that_forgot_or_rewrote_something_is_noticed() {
    let log = Log::new(300);
    let seen = log.checkpoint(290);
    let shorter = Log {
        entries: log.entries[..280].to_vec(),
        secret: Ed25519KeyPair::generate().unwrap(),
        tree: Log::new(280).tree,
    };
    let found = check(&shorter, &shorter.files()).unwrap();
    assert!(matches!(
        found.continues(&seen),
        Err(AuditError::Inconsistent { size: 290, .. })
    ));
    let mut rewritten = Log::new(0);
    for n in 0..300 {
        let entry = format!("entry {}", if n == 17 { 18 } else { n });
        rewritten.tree.push(leaf_hash(entry.as_bytes()));
        rewritten.entries.push(entry.into_bytes());
    }
    let found = check(&rewritten, &rewritten.files()).unwrap();
    assert!(found.continues(&seen).is_err());
    assert!(
        found.continues(&log.checkpoint(17)).is_ok(),
        "before that it is the same"
    );
}
