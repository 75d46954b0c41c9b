//! What walking a chain costs: envelopes for each second of processor time, and how many times that is of
//! the least that must be done, which is to decode each payload and check one signature of it and one of
//! its log's checkpoint.
//!
//! Each package was built with thirty others, has one envelope by one of six statement keys, and a proof
//! by a log. Prints one line of JSON; `cargo xtask bench verify` judges it.

#![allow(missing_docs, reason = "a benchmark")]
#![allow(clippy::unwrap_used, reason = "a benchmark ends by panicking")]
#![allow(clippy::print_stdout, reason = "its result")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use bessemer_attest::chain::{Artifact, Chain, Node, Pool, Verdict, Walk};
use bessemer_attest::derive::{apk_build_type, local_base};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify_whole};
use bessemer_attest::{
    Algorithm, BuilderKind, Envelope, LoggedSignature, PublicKey, Role, Sidecar, SignError, Signer,
    TrustRoot, TrustRootSchema, TrustedKey, ed25519_spki, encode_pem,
};
use bessemer_digest::Digest;
use bessemer_tlog::{Checkpoint, Note, NoteKey, Proof, Tree, leaf_hash};
use serde_json::{Value, json};

/// Packages that each was built with.
const WITH: usize = 30;

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn public(&self) -> PublicKey {
        PublicKey::from_point(self.0.public_key().as_ref()).unwrap()
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(SignError::new)?.as_ref().to_vec())
    }
}

/// A factory with its log, and what it made.
struct Factory {
    key: Key,
    root: TrustRoot,
    log: Ed25519KeyPair,
    origin: String,
}

impl Factory {
    fn new() -> Self {
        let key = Key::new();
        let base = local_base(&key.public().id());
        let (log, origin) = (
            Ed25519KeyPair::generate().unwrap(),
            format!("{}/log", base.trim_start_matches("https://")),
        );
        // The key of provenance is the last that is tried.
        let others = [
            Role::Test,
            Role::Sbom,
            Role::Gate,
            Role::Import,
            Role::Image,
        ];
        let others = others.map(|role| (role, Key::new()));
        let mut keys: Vec<TrustedKey> = others
            .iter()
            .map(|(role, key)| trusted(&base, *role, &key.public()))
            .collect();
        keys.push(trusted(&base, Role::Provenance, &key.public()));
        let spki = ed25519_spki(log.public_key().as_ref().try_into().unwrap());
        keys.push(TrustedKey {
            id: Digest::of(&spki).hex(),
            algorithm: Algorithm::Ed25519,
            public_key_pem: encode_pem("PUBLIC KEY", &spki),
            origin: Some(origin.clone()),
            builder_id: None,
            ..trusted(&base, Role::Log, &key.public())
        });
        let root = TrustRoot {
            schema: TrustRootSchema::V1,
            base,
            keys,
        };
        Self {
            root: TrustRoot::parse(&root.to_bytes().unwrap()).unwrap(),
            key,
            log,
            origin,
        }
    }

    /// The last of `count` packages, and what lies beside all of them.
    fn packages(&self, count: usize) -> (String, Vec<Sidecar>) {
        let mut made: Vec<(String, Digest)> = Vec::new();
        let mut envelopes = Vec::new();
        for number in 0..count {
            let name = format!("package-{number}-1-r0.apk");
            // Thirty of the packages before, so that the last reaches all of them.
            let with = made
                .iter()
                .rev()
                .step_by(1 + number / (4 * WITH))
                .take(WITH);
            let statement = statement(&self.root.base, &name, with);
            let envelope = Envelope::seal(statement.to_string().as_bytes(), &self.key).unwrap();
            made.push((name, envelope.digest().unwrap()));
            envelopes.push(envelope);
        }
        let last = made.last().unwrap().0.clone();
        (last, self.logged(envelopes))
    }

    fn logged(&self, envelopes: Vec<Envelope>) -> Vec<Sidecar> {
        let mut tree = Tree::default();
        let key = self.key.public().id().hex();
        let entries: Vec<Vec<u8>> = envelopes
            .iter()
            .map(|envelope| {
                let (time, digest) = (Timestamp::epoch(), envelope.digest().unwrap());
                let entry = LoggedSignature::new(time, Role::Provenance, key.clone(), digest);
                let entry = entry.to_bytes().unwrap();
                tree.push(leaf_hash(&entry));
                entry
            })
            .collect();
        let note = NoteKey::new(
            &self.origin,
            self.log.public_key().as_ref().try_into().unwrap(),
        );
        let note = note.unwrap();
        let proven = envelopes.into_iter().zip(entries).zip(1..);
        let proven = proven.map(|((envelope, entry), size)| {
            // As a signer proves: by the checkpoint of that moment, another one for each.
            let checkpoint = Checkpoint {
                origin: self.origin.clone(),
                size,
                root: tree.root(size).unwrap(),
            };
            let text = checkpoint.to_text();
            let signature = self.log.sign(text.as_bytes()).as_ref().to_vec();
            let proof = Proof {
                entry,
                index: size - 1,
                path: tree.inclusion(size - 1, size).unwrap(),
                checkpoint: Note::new(text, vec![note.signed(signature)]).to_text(),
            };
            let mut sidecar = Sidecar::default();
            sidecar.push_logged(envelope, proof);
            sidecar
        });
        proven.collect()
    }

    fn walk(&self, last: &str, pool: &Pool, sidecars: &[Sidecar]) -> Chain {
        let facts = ApkFacts {
            file: last.to_owned(),
            sha256: Digest::of(last),
            control_sha256: None,
            data_sha256: None,
        };
        let beside = sidecars.last().unwrap();
        let verified = verify_whole(&facts, beside, &self.root, &VerifyPolicy::default()).unwrap();
        let walk = Walk {
            pool,
            roots: std::slice::from_ref(&self.root),
            now: None,
            demand: &|_| Vec::new(),
        };
        walk.from(vec![Node::of_package(verified)])
    }
}

fn trusted(base: &str, role: Role, key: &PublicKey) -> TrustedKey {
    let id = match role {
        Role::Provenance => Some(BuilderKind::Local.id(base)),
        Role::Gate => Some(format!("{base}/gate/v1")),
        Role::Image => Some(format!("{base}/builders/image/v1")),
        _ => None,
    };
    TrustedKey {
        id: key.id().hex(),
        role,
        algorithm: Algorithm::EcdsaP256,
        public_key_pem: key.to_pem(),
        builder_id: id,
        level: u8::from(role == Role::Provenance),
        valid_from: Timestamp::epoch(),
        valid_until: None,
        from: 0,
        until: None,
        origin: None,
    }
}

fn statement<'a>(
    base: &str,
    name: &str,
    with: impl Iterator<Item = &'a (String, Digest)>,
) -> Value {
    let mut dependencies = vec![
        json!({"name": "a.yaml", "digest": {"sha256": Digest::of(name).hex()}, "annotations": {"role": "recipe"}}),
        json!({"uri": "https://example.test/a.tar.gz", "digest": {"sha256": Digest::of("a").hex()}, "annotations": {"role": "source"}}),
    ];
    dependencies.extend(with.map(|(name, attestation)| {
        json!({
            "name": name, "uri": format!("https://example.test/os/x86_64/{name}"),
            "digest": {"sha256": Digest::of(name).hex()},
            "annotations": {
                "role": "build-root", "package": name, "version": "1-r0", "architecture": "x86_64",
                "controlSha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "attestation": attestation,
            },
        })
    }));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": Digest::of(name).hex()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": apk_build_type(base),
                "externalParameters": {"configSource": {"path": "a.yaml"}, "architecture": "x86_64"},
                "internalParameters": {
                    "network": "none", "accelerator": "tcg", "machine": "microvm", "cpuBaseline": "Nehalem",
                    "isolation": {"jailProfile": "host", "applied": [], "missing": []},
                    "resources": {
                        "vcpus": 2, "memoryMib": 1024, "scratchMib": 4096, "outputMib": 1024,
                        "timeoutSeconds": 3600, "logBytes": 1024,
                    },
                    "sourceDateEpoch": 0,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": BuilderKind::Local.id(base)},
                "metadata": {
                    "invocationId": "0", "startedOn": "2026-11-23T10:00:00Z", "finishedOn": "2026-11-23T10:00:00Z",
                },
            },
        },
    })
}

/// Processor time of the whole process, of all its threads.
fn used() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of one run")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9;
    seconds
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = used();
    let result = work();
    (result, used() - before)
}

/// The least that must be done.
fn floor(factory: &Factory, sidecars: &[Sidecar]) {
    let key = factory.key.public();
    let log = factory.root.log_key().unwrap().unwrap();
    for sidecar in sidecars {
        let payload = sidecar.envelopes()[0].open(&key).unwrap();
        assert!(!payload.is_empty());
        let note = Note::parse(sidecar.proofs()[0].checkpoint.as_bytes()).unwrap();
        assert!(!note.open(&log).unwrap().is_empty());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let [_, count, rounds] = &arguments[..] else {
        panic!("usage: PACKAGES ROUNDS");
    };
    let (count, rounds): (usize, u32) = (count.parse().unwrap(), rounds.parse().unwrap());
    let factory = Factory::new();
    let (last, sidecars) = factory.packages(count);
    let (mut pool_seconds, mut walk_seconds, mut floor_seconds) = (vec![], vec![], vec![]);
    let mut reached = 0;
    for _ in 0..rounds {
        let (pool, seconds) = timed(|| {
            let mut pool = Pool::new();
            for sidecar in &sidecars {
                pool.add(sidecar.clone());
            }
            pool
        });
        pool_seconds.push(seconds);
        let (chain, seconds) = timed(|| factory.walk(&last, &pool, &sidecars));
        walk_seconds.push(seconds);
        let holds = |node: &&Node| matches!(node.verdict, Verdict::Package { .. });
        let artifacts: Vec<&Artifact> = chain
            .nodes
            .iter()
            .filter(holds)
            .map(|node| &node.artifact)
            .collect();
        assert_eq!(chain.gaps().count(), 0);
        reached = artifacts.len();
        let ((), seconds) = timed(|| floor(&factory, &sidecars));
        floor_seconds.push(seconds);
    }
    println!(
        "{{\"packages\":{count},\"reached\":{reached},\"pool_seconds\":{pool_seconds:?},\
         \"walk_seconds\":{walk_seconds:?},\"floor_seconds\":{floor_seconds:?}}}"
    );
}
