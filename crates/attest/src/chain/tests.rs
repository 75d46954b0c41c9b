//! Chains of packages that are made up, each signed by a factory of the tests.

mod bases;

use super::{BundleLimits, BundleTarget, read_bundle, write_bundle};
use super::{Chain, EndKind, Node, Pool, Verdict, Walk};
use crate::derive::{Derivation, image_builder_id, import_type, local_base};
use crate::documents::canonical_bytes;
use crate::predicates::PROVENANCE_TYPE;
use crate::test_documents::{issuer, run};
use crate::test_keys::TestKey;
use crate::verify::{ApkFacts, Report, VerifyPolicy, verify_whole};
use crate::{
    Algorithm, BuilderKind, Envelope, Role, STATEMENT_TYPE, Sidecar, TrustRoot, TrustRootSchema,
    TrustedKey,
};
use bessemer_digest::Digest;
use serde_json::{Value, json};

/// A factory that says of packages what the test wants it to.
struct Mill {
    keys: [(Role, TestKey); 3],
    root: TrustRoot,
    provenance: Value,
}

/// A package and the digest of the envelope that says where it is from.
#[derive(Clone)]
struct Made {
    name: &'static str,
    sidecar: Sidecar,
    attestation: Option<Digest>,
}

impl Mill {
    fn new() -> Self {
        let keys =
            [Role::Provenance, Role::Import, Role::Image].map(|role| (role, TestKey::generate()));
        let base = local_base(&keys[0].1.public().id());
        let (issuer, run) = (issuer(&base), run());
        let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
        let trusted = |(role, key): &(Role, TestKey)| TrustedKey {
            id: key.public().id().hex(),
            role: *role,
            algorithm: Algorithm::EcdsaP256,
            public_key_pem: key.public().to_pem(),
            builder_id: match role {
                Role::Provenance => Some(BuilderKind::Local.id(&base)),
                Role::Image => Some(image_builder_id(&base)),
                _ => None,
            },
            level: u8::from(*role != Role::Import),
            valid_from: crate::documents::Timestamp::epoch(),
            valid_until: None,
            from: 0,
            until: None,
            origin: None,
        };
        Self {
            root: TrustRoot {
                schema: TrustRootSchema::V1,
                base: base.clone(),
                keys: keys.iter().map(trusted).collect(),
            },
            provenance: serde_json::from_slice(
                &canonical_bytes(&derivation.provenance().unwrap()).unwrap(),
            )
            .unwrap(),
            keys,
        }
    }

    fn seal(&self, name: &'static str, role: Role, statement: &Value) -> Made {
        let key = &self.keys.iter().find(|(one, _)| *one == role).unwrap().1;
        let envelope = Envelope::seal(statement.to_string().as_bytes(), key).unwrap();
        Made {
            name,
            attestation: Some(envelope.digest().unwrap()),
            sidecar: Sidecar::new(vec![envelope]),
        }
    }

    /// A package that was built with others in its environment, and with its own recipe and source.
    fn built(&self, name: &'static str, of: &[&Made]) -> Made {
        let mut statement = self.provenance.clone();
        statement["subject"] = json!([subject(name)]);
        let listed = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
        let mut dependencies = vec![
            json!({"name": format!("{name}.yaml"), "digest": {"sha256": Digest::of(format!("{name}.yaml")).hex()}, "annotations": {"role": "recipe"}}),
            json!({"uri": "https://example.test/a.tar.gz", "digest": {"sha256": Digest::of("a").hex()}, "annotations": {"role": "source"}}),
        ];
        dependencies.extend(of.iter().map(|one| one.dependency("build-root")));
        *listed = dependencies.into();
        assert_eq!(statement["predicateType"], PROVENANCE_TYPE);
        self.seal(name, Role::Provenance, &statement)
    }

    fn imported(&self, name: &'static str) -> Made {
        let statement = json!({
            "_type": STATEMENT_TYPE,
            "subject": [subject(name)],
            "predicateType": import_type(&self.root.base),
            "predicate": {
                "list": Digest::of("list"),
                "debs": [{
                    "name": name, "version": "1", "architecture": "amd64",
                    "sha256": Digest::of(format!("{name}.deb")), "packagesFile": Digest::of("Packages"),
                }],
                "release": {"suite": "bookworm", "sha256": Digest::of("InRelease")},
            },
        });
        self.seal(name, Role::Import, &statement)
    }

    fn walk(&self, target: &Made, pool: &Pool) -> Chain {
        self.demanding(target, pool, &|_| Vec::new())
    }

    fn demanding(
        &self,
        target: &Made,
        pool: &Pool,
        demand: &(dyn Fn(&Report) -> Vec<String> + Sync),
    ) -> Chain {
        let facts = ApkFacts {
            file: target.name.to_owned(),
            sha256: Digest::of(target.name),
            control_sha256: None,
            data_sha256: None,
        };
        let policy = VerifyPolicy {
            accept_imports: true,
            ..VerifyPolicy::default()
        };
        let verified = verify_whole(&facts, &target.sidecar, &self.root, &policy).unwrap();
        let walk = Walk {
            pool,
            roots: std::slice::from_ref(&self.root),
            now: None,
            demand,
        };
        walk.from(vec![Node::of_package(verified)])
    }
}

impl Made {
    fn unattested(name: &'static str) -> Self {
        Self {
            name,
            sidecar: Sidecar::default(),
            attestation: None,
        }
    }

    fn dependency(&self, role: &str) -> Value {
        let mut dependency = json!({
            "name": self.name, "uri": format!("repository/{}", self.name),
            "digest": {"sha256": Digest::of(self.name).hex()},
            "annotations": {"role": role},
        });
        if let Some(attestation) = &self.attestation {
            dependency["annotations"]["attestation"] = attestation.to_string().into();
        }
        dependency
    }
}

fn subject(name: &str) -> Value {
    json!({"name": name, "digest": {"sha256": Digest::of(name).hex()}})
}

fn pool(of: &[&Made]) -> Pool {
    let mut pool = Pool::new();
    for one in of {
        pool.add(one.sidecar.clone());
    }
    pool
}

fn verdict<'a>(chain: &'a Chain, name: &str) -> &'a Verdict {
    let mut nodes = chain.nodes.iter();
    &nodes
        .find(|node| node.artifact.name == name)
        .unwrap()
        .verdict
}

fn text(chain: &Chain) -> String {
    chain.lines().join("\n")
}

#[test]
fn a_chain_is_walked_to_its_seed_and_each_artifact_once() {
    let mill = Mill::new();
    let (gcc, make) = (
        mill.imported("gcc-1-r0.apk"),
        mill.imported("make-1-r0.apk"),
    );
    let library = mill.built("library-1-r0.apk", &[&gcc, &make]);
    let tool = mill.built("tool-1-r0.apk", &[&library, &gcc]);
    let app = mill.built("app-1-r0.apk", &[&tool, &library, &gcc, &make]);
    let chain = mill.walk(&app, &pool(&[&gcc, &make, &library, &tool]));
    assert_eq!(chain.gaps().count() + chain.unattested().count(), 0);
    assert_eq!(chain.nodes.len(), 5);
    let counts: Vec<_> = chain
        .ends()
        .iter()
        .map(|end| (end.kind, end.count))
        .collect();
    assert_eq!(
        counts,
        [
            (EndKind::RecipeFile, 3),
            (EndKind::SourceArchive, 1),
            (EndKind::DistributionArchive, 2),
            (EndKind::DistributionRelease, 1),
            (EndKind::PackageList, 1),
        ]
    );
    insta::with_settings!({filters => vec![("bessemer.invalid/[0-9a-f]{32}", "bessemer.invalid/[key]")]}, {
        insta::assert_snapshot!(text(&chain));
    });
}

#[test]
fn what_is_missing_is_a_gap_and_what_nobody_attested_is_said() {
    let mill = Mill::new();
    let (gcc, lost) = (
        mill.imported("gcc-1-r0.apk"),
        mill.built("lost-1-r0.apk", &[]),
    );
    let foreign = Made::unattested("foreign-1-r0.apk");
    let app = mill.built("app-1-r0.apk", &[&gcc, &lost, &foreign]);
    let chain = mill.walk(&app, &pool(&[&gcc]));
    assert_eq!(verdict(&chain, "lost-1-r0.apk"), &Verdict::Missing);
    assert_eq!(verdict(&chain, "foreign-1-r0.apk"), &Verdict::Unattested);
    let names: Vec<_> = chain
        .gaps()
        .map(|node| node.artifact.name.as_str())
        .collect();
    assert_eq!(names, ["lost-1-r0.apk"]);
    let shown = text(&chain);
    let missing = "1 MISSING, whose attestations are not there: lost-1-r0.apk";
    assert!(shown.contains(missing), "{shown}");
    assert!(
        shown.contains("1 without attestation: foreign-1-r0.apk"),
        "{shown}"
    );
    assert!(
        shown.contains("1 package without attestation: nothing beyond"),
        "{shown}"
    );
}

/// Each puts something in the place of the library's attestation, or changes what names it.
#[test]
fn a_link_that_does_not_hold_is_refused_with_the_reason() {
    let mill = Mill::new();
    let other_mill = Mill::new();
    let library = mill.built("library-1-r0.apk", &[]);
    let foreign = other_mill.built("library-1-r0.apk", &[]);
    let other = mill.built("other-1-r0.apk", &[]);
    // A tool that was renamed: the attestation speaks of these bytes under another name.
    let renamed = Made {
        name: "library-1-r0.apk",
        ..other.clone()
    };
    // The one that is named lies beside the package, and so does another by which it would verify, too.
    let both = Made {
        sidecar: Sidecar::new(
            [&library, &mill.built("library-1-r0.apk", &[&other])]
                .map(|one| one.sidecar.envelopes()[0].clone())
                .to_vec(),
        ),
        ..library.clone()
    };
    let cases = [
        (&foreign, "not that of any key"),
        (&renamed, "not among the subjects"),
        (&both, "two statements of role `provenance`"),
    ];
    for (made, message) in cases {
        let app = mill.built("app-1-r0.apk", &[made]);
        let chain = mill.walk(&app, &pool(&[made]));
        let Verdict::Refused { reason } = verdict(&chain, "library-1-r0.apk") else {
            panic!("{message}: {:?}", chain.nodes);
        };
        assert!(reason.contains(message), "{reason} / {message}");
        assert_eq!(chain.gaps().count(), 1);
    }
    let app = mill.built("app-1-r0.apk", &[&library]);
    let chain = mill.walk(&app, &pool(&[&library]));
    assert_eq!(chain.gaps().count(), 0);
}

#[test]
fn what_is_demanded_is_demanded_of_every_link() {
    let mill = Mill::new();
    let gcc = mill.imported("gcc-1-r0.apk");
    let library = mill.built("library-1-r0.apk", &[&gcc]);
    let app = mill.built("app-1-r0.apk", &[&library]);
    let demand = |report: &Report| match report.level() {
        0 => vec!["an import".to_owned()],
        _ => Vec::new(),
    };
    let chain = mill.demanding(&app, &pool(&[&gcc, &library]), &demand);
    let reason = "an import".to_owned();
    assert_eq!(
        verdict(&chain, "gcc-1-r0.apk"),
        &Verdict::Refused { reason }
    );
}

#[test]
fn a_bundle_holds_all_that_a_chain_needs() {
    let mill = Mill::new();
    let gcc = mill.imported("gcc-1-r0.apk");
    let app = mill.built("app-1-r0.apk", &[&gcc]);
    let target = BundleTarget::Package {
        name: app.name.to_owned(),
        sha256: Digest::of(app.name),
    };
    let mut text = Vec::new();
    write_bundle(
        std::slice::from_ref(&target),
        &pool(&[&app, &gcc]),
        &mut text,
    )
    .unwrap();
    let mut read = Pool::new();
    assert_eq!(
        read_bundle(&text[..], BundleLimits::FILE, &mut read).unwrap(),
        [target]
    );
    assert_eq!(read.sidecars(), [app.sidecar.clone(), gcc.sidecar]);
    assert_eq!(mill.walk(&app, &read).gaps().count(), 0);
}

#[test]
fn a_bundle_that_is_none_is_refused_with_the_line() {
    let header = r#"{"schema":"bessemer.bundle/v1","targets":[]}"#;
    let many = format!("{{\"envelopes\":[{}{{}}]}}", "{},".repeat(64));
    let cases = [
        (String::new(), "the first line is not that of a bundle"),
        ("{}".to_owned(), "the first line is not that of a bundle"),
        (
            header.replace("v1", "v2"),
            "the first line is not that of a bundle",
        ),
        (
            format!("{header}\n{{}}"),
            "line 2 is not what lies beside an artifact",
        ),
        (
            format!("{header}\n\n{{\"envelopes\":[{{}}]}}"),
            "line 3 has an envelope that is none",
        ),
        (
            format!("{header}\n{{\"envelopes\":[],\"proofs\":[\"\"]}}"),
            "line 2 has a proof that is none",
        ),
        (
            format!("{header}\n{many}"),
            "line 2 has too many envelopes or proofs",
        ),
    ];
    for (text, message) in cases {
        let error = read_bundle(text.as_bytes(), BundleLimits::FILE, &mut Pool::new()).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
    let small = BundleLimits {
        line: 60,
        whole: 1000,
    };
    let long = format!("{header}\n{}", " ".repeat(60));
    let many = format!("{header}\n{}", "\n".repeat(1000));
    for text in [long, many] {
        let error = read_bundle(text.as_bytes(), small, &mut Pool::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the bundle has more than 1000 bytes, or a line of more than 60"
        );
    }
    assert!(
        read_bundle(header.as_bytes(), BundleLimits::FILE, &mut Pool::new())
            .unwrap()
            .is_empty()
    );
}

/// A role that a later version may have, and a package that is not said to be which bytes.
#[test]
fn what_is_named_is_followed_whatever_its_role() {
    let mill = Mill::new();
    let library = mill.built("library-1-r0.apk", &[]);
    let build = |change: &dyn Fn(&mut Value)| {
        let made = mill.built("app-1-r0.apk", &[&library]);
        let payload = made.sidecar.envelopes()[0].open(&mill.keys[0].1.public());
        let mut statement: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
        let listed = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
        change(listed.as_array_mut().unwrap().last_mut().unwrap());
        mill.seal("app-1-r0.apk", Role::Provenance, &statement)
    };
    let role = |listed: &mut Value| listed["annotations"]["role"] = "of-tomorrow".into();
    let chain = mill.walk(&build(&role), &Pool::new());
    assert_eq!(verdict(&chain, "library-1-r0.apk"), &Verdict::Missing);
    let chain = mill.walk(&build(&role), &pool(&[&library]));
    assert_eq!(chain.gaps().count(), 0);
    let chain = mill.walk(
        &build(&|listed| listed["digest"] = json!({"sha512": "00"})),
        &pool(&[&library]),
    );
    let Verdict::Refused { reason } = verdict(&chain, "library-1-r0.apk") else {
        panic!("{:?}", chain.nodes);
    };
    assert!(reason.contains("names no SHA-256"), "{reason}");
}

/// Somebody adds a line to a file, and what the package was made from is not known any more: that is said.
#[test]
fn what_cannot_be_read_is_not_passed_over_in_silence() {
    let mill = Mill::new();
    let gcc = mill.imported("gcc-1-r0.apk");
    let mut app = mill.built("app-1-r0.apk", &[&gcc]);
    let stranger = Mill::new().built("other-1-r0.apk", &[]);
    let search = |app: &Made| {
        let pool = pool(&[&gcc, app]);
        let walk = Walk {
            pool: &pool,
            roots: std::slice::from_ref(&mill.root),
            now: None,
            demand: &|_| Vec::new(),
        };
        walk.affected(&Digest::of("gcc-1-r0.apk").hex())
    };
    let whole = search(&app);
    assert_eq!((whole.affected.len(), whole.complete), (1, true));
    app.sidecar.push(stranger.sidecar.envelopes()[0].clone());
    let spoiled = search(&app);
    assert_eq!((spoiled.affected.len(), spoiled.complete), (0, false));
    assert!(
        spoiled
            .refused
            .iter()
            .any(|(name, _)| name == "app-1-r0.apk")
    );
}

#[test]
fn what_an_input_went_into_is_found_however_far() {
    let mill = Mill::new();
    let gcc = mill.imported("gcc-1-r0.apk");
    let library = mill.built("library-1-r0.apk", &[&gcc]);
    let app = mill.built("app-1-r0.apk", &[&library]);
    let other = mill.built("other-1-r0.apk", &[]);
    let foreign = Mill::new().built("foreign-1-r0.apk", &[&gcc]);
    let pool = pool(&[&app, &other, &gcc, &library, &foreign]);
    let walk = Walk {
        pool: &pool,
        roots: std::slice::from_ref(&mill.root),
        now: None,
        demand: &|_| Vec::new(),
    };
    let found = |digest: Digest| {
        let search = walk.affected(&digest.hex());
        assert_eq!((search.read, search.refused.len()), (4, 1));
        assert_eq!(search.refused[0].0, "foreign-1-r0.apk");
        let affected = search.affected.into_iter();
        let text = affected.map(|one| {
            let (role, name) = &one.by[0];
            format!("{} {} by {role} {name}", one.distance, one.artifact.name)
        });
        text.collect::<Vec<_>>()
    };
    assert_eq!(
        found(Digest::of("gcc-1-r0.apk.deb")),
        [
            "1 gcc-1-r0.apk by distribution archive gcc-1-r0.apk_1_amd64.deb",
            "2 library-1-r0.apk by build-root gcc-1-r0.apk",
            "3 app-1-r0.apk by build-root library-1-r0.apk",
        ]
    );
    let by_package = found(Digest::of("library-1-r0.apk"));
    assert_eq!(
        by_package,
        ["1 app-1-r0.apk by build-root library-1-r0.apk"]
    );
    assert_eq!(found(Digest::of("a")).len(), 3);
    assert!(found(Digest::of("nothing")).is_empty());
}
