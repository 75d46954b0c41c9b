//! Reports, made as a verifier makes them: documents, statements, envelopes, verification.

use crate::test_documents::{Run, issuer, run};
use crate::test_images::{ImageRun, based_run, image_run};
use crate::test_keys::TestKey;
use bessemer_attest::derive::{
    BaseVerdict, Derivation, GatePolicy, ImageDerivation, SummaryRequest, gate_id,
    image_builder_id, import_statement, local_base, summary_statement,
};
use bessemer_attest::documents::{Timestamp, canonical_bytes};
use bessemer_attest::predicates::Import;
use bessemer_attest::verify::{
    ApkFacts, BaseContents, ImageReport, ImageVerifyPolicy, Report, VerifyPolicy, verify,
    verify_image,
};
use bessemer_attest::{Algorithm, Envelope, Role, Sidecar, TrustRoot, TrustRootSchema, TrustedKey};
use bessemer_digest::Digest;
use bessemer_policy::{Policy, SourceEvidence, Subject, check};
use bessemer_yaml::SourceFile;
use serde_json::value::RawValue;
use std::sync::OnceLock;

const ROLES: [Role; 6] = [
    Role::Provenance,
    Role::Test,
    Role::Sbom,
    Role::Gate,
    Role::Import,
    Role::Image,
];

/// One for all tests: keys of every role.
pub(crate) struct Factory {
    keys: [TestKey; 6],
    pub(crate) root: TrustRoot,
}

pub(crate) fn factory() -> &'static Factory {
    static FACTORY: OnceLock<Factory> = OnceLock::new();
    FACTORY.get_or_init(|| {
        let keys = ROLES.map(|_| TestKey::generate());
        let base = local_base(&keys[0].public().id());
        let trusted = ROLES.iter().zip(&keys).map(|(role, key)| TrustedKey {
            id: key.public().id().hex(),
            role: *role,
            algorithm: Algorithm::EcdsaP256,
            public_key_pem: key.public().to_pem(),
            builder_id: match role {
                Role::Provenance => Some(issuer(&base).builder_id()),
                Role::Gate => Some(gate_id(&base)),
                Role::Image => Some(image_builder_id(&base)),
                _ => None,
            },
            level: u8::from(matches!(role, Role::Provenance | Role::Image)),
            valid_from: Timestamp::epoch(),
            valid_until: None,
            from: 0,
            until: None,
            origin: None,
        });
        let keys_of_root = trusted.collect();
        let schema = TrustRootSchema::V1;
        let root = TrustRoot {
            schema,
            keys: keys_of_root,
            base,
        };
        let root = TrustRoot::parse(&root.to_bytes().unwrap()).unwrap();
        Factory { keys, root }
    })
}

impl Factory {
    fn key(&self, role: Role) -> &TestKey {
        let index = ROLES.iter().position(|one| *one == role).unwrap();
        &self.keys[index]
    }

    fn seal(&self, role: Role, payload: &[u8]) -> Envelope {
        Envelope::seal(payload, self.key(role)).unwrap()
    }

    /// `hello` with all that a sidecar can have but the gate's word, built otherwise by `change`.
    pub(crate) fn package(&self, change: impl FnOnce(&mut Run)) -> Report {
        self.parts(change, &[Role::Provenance, Role::Test, Role::Sbom], None)
    }

    /// The same with these statements, and admitted to a repository.
    pub(crate) fn parts(
        &self,
        change: impl FnOnce(&mut Run),
        parts: &[Role],
        admitted: Option<&str>,
    ) -> Report {
        let mut run = run();
        change(&mut run);
        run.reseal();
        let issuer = issuer(&self.root.base);
        let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
        let sbom = RawValue::from_string("{}".to_owned()).unwrap();
        let envelopes = parts.iter().map(|role| {
            let payload = match role {
                Role::Provenance => canonical_bytes(&derivation.provenance().unwrap()),
                Role::Test => canonical_bytes(&derivation.test_result(0).unwrap()),
                _ => canonical_bytes(&derivation.sbom(0, &sbom).unwrap()),
            };
            self.seal(*role, &payload.unwrap())
        });
        let sidecar = Sidecar::new(envelopes.collect());
        let output = &run.record.outputs[0];
        let facts = ApkFacts {
            file: output.file.clone(),
            sha256: output.sha256,
            control_sha256: None,
            data_sha256: None,
        };
        self.admitted(&facts, sidecar, admitted)
    }

    /// A package of a distribution.
    pub(crate) fn import(&self) -> Report {
        let import = Import {
            list: Digest::of("list"),
            debs: Vec::new(),
            release: None,
        };
        let facts = ApkFacts {
            file: "libc-6.1-r0.apk".to_owned(),
            sha256: Digest::of("libc"),
            control_sha256: None,
            data_sha256: None,
        };
        let base = &self.root.base;
        let statement = import_statement(base, &facts.file, &facts.sha256, &import).unwrap();
        let envelope = self.seal(Role::Import, &canonical_bytes(&statement).unwrap());
        self.admitted(&facts, Sidecar::new(vec![envelope]), None)
    }

    fn admitted(&self, facts: &ApkFacts, mut sidecar: Sidecar, to: Option<&str>) -> Report {
        let policy = VerifyPolicy {
            accept_imports: true,
            ..VerifyPolicy::default()
        };
        let report = verify(facts, &sidecar, &self.root, &policy).unwrap();
        let Some(resource_uri) = to else {
            return report;
        };
        let request = SummaryRequest {
            base: &self.root.base,
            version: "0.1.0",
            time: &Timestamp::epoch(),
            resource_uri,
            policy: &GatePolicy {
                min_level: 1,
                allow_untested: false,
                allow_boot: false,
            },
        };
        let summary = summary_statement(&request, &report).unwrap();
        sidecar.push(self.seal(Role::Gate, &canonical_bytes(&summary).unwrap()));
        verify(facts, &sidecar, &self.root, &policy).unwrap()
    }

    /// Two images, one on a base of which this is known, without imports of their own.
    pub(crate) fn based(&self, change: impl FnOnce(&mut BaseContents)) -> ImageReport {
        let based = |run: &mut ImageRun| {
            let built = run.verdicts[0][0].clone();
            run.verdicts[1][1] = built;
            if let BaseVerdict::Built { contents, .. } = &mut run.bases[0] {
                change(contents);
            }
            run.policy.accept_unverified = vec!["odd".to_owned()];
            run.policy.accept_unverified_base = true;
        };
        self.image_of(based_run(), based, true)
    }

    /// The same on one that nothing vouches for.
    pub(crate) fn on_unverified_base(&self) -> ImageReport {
        let unverified = |run: &mut ImageRun| {
            let built = run.verdicts[0][0].clone();
            run.verdicts[1][1] = built;
            let reason = "no attestation".to_owned();
            run.bases[0] = BaseVerdict::Unverified { reason };
            run.policy.accept_unverified_base = true;
        };
        self.image_of(based_run(), unverified, true)
    }

    /// An index of two images, with a bill of material if `sbom` says so.
    pub(crate) fn image(&self, change: impl FnOnce(&mut ImageRun), sbom: bool) -> ImageReport {
        self.image_of(image_run(), change, sbom)
    }

    fn image_of(
        &self,
        mut run: ImageRun,
        change: impl FnOnce(&mut ImageRun),
        sbom: bool,
    ) -> ImageReport {
        run.record.index_sbom = Digest::of("{}");
        change(&mut run);
        let issuer = issuer(&self.root.base);
        let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
        let payload = canonical_bytes(&derivation.provenance().unwrap()).unwrap();
        let mut attached = Sidecar::new(vec![self.seal(Role::Image, &payload)]);
        if sbom {
            let document = RawValue::from_string("{}".to_owned()).unwrap();
            let statement = derivation.sbom(0, &document).unwrap();
            attached.push(self.seal(Role::Sbom, &canonical_bytes(&statement).unwrap()));
        }
        let policy = ImageVerifyPolicy::default();
        verify_image(&derivation.digests()[0], &attached, &self.root, &policy).unwrap()
    }

    /// A policy's text with this factory's names in it.
    pub(crate) fn policy(&self, text: &str) -> Policy {
        let text = self.named(text);
        Policy::parse(&SourceFile::new("policy.yaml", text), &no_files).unwrap()
    }

    fn names(&self) -> [(&'static str, String); 4] {
        [
            ("$BASE", self.root.base.clone()),
            (
                "$PROVENANCE_KEY",
                self.key(Role::Provenance).public().id().hex(),
            ),
            ("$IMPORT_KEY", self.key(Role::Import).public().id().hex()),
            ("$IMAGE_KEY", self.key(Role::Image).public().id().hex()),
        ]
    }

    /// The same text with what is this factory's own.
    pub(crate) fn named(&self, text: &str) -> String {
        let names = self.names();
        let replace = |text: String, (name, own): &(&str, String)| text.replace(name, own);
        names.iter().fold(text.to_owned(), replace)
    }

    /// The same text without it.
    fn unnamed(&self, text: &str) -> String {
        let names = self.names();
        let replace = |text: String, (name, own): &(&str, String)| text.replace(own, name);
        names.iter().fold(text.to_owned(), replace)
    }

    /// What a report does not meet, a line each, with codes.
    pub(crate) fn violations<'a>(&self, policy: &str, subject: impl Into<Subject<'a>>) -> String {
        self.judged(&self.policy(policy), subject, &SourceEvidence::default())
    }

    /// The same with source attestations.
    pub(crate) fn judged<'a>(
        &self,
        policy: &Policy,
        subject: impl Into<Subject<'a>>,
        evidence: &SourceEvidence,
    ) -> String {
        let found = check(policy, subject, evidence, &now());
        let lines = found.iter().map(|violation| {
            let code = serde_json::to_value(violation.code).unwrap();
            format!("{violation} [{}]\n", code.as_str().unwrap())
        });
        self.unnamed(&lines.collect::<String>())
    }
}

/// Twelve days after the documents' builds.
pub(crate) fn now() -> Timestamp {
    "2026-12-05T12:00:00Z".parse().unwrap()
}

pub(crate) fn no_files(path: &str) -> Result<String, String> {
    match path {
        "good.pub" => Ok(factory().key(Role::Gate).public().to_pem()),
        _ => Err("no such file".to_owned()),
    }
}

/// The recipe is at a commit of this repository.
pub(crate) fn at(repository: &str, reference: Option<&str>, path: &str) -> impl Fn(&mut Run) {
    let (repository, path) = (repository.to_owned(), path.to_owned());
    let reference = reference.map(str::to_owned);
    move |run: &mut Run| {
        let source = &mut run.job_spec.config_source;
        source.repository = Some(repository.clone());
        source.reference.clone_from(&reference);
        source.commit = Some("c0".repeat(20));
        source.path.clone_from(&path);
        run.lock.recipe.path.clone_from(&path);
    }
}
