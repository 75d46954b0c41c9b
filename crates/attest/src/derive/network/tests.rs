use crate::derive::{Derivation, DeriveError};
use crate::documents::{
    Component, GuestMessage, GuestNetwork, JailObservation, LeftOut, Network, NetworkBody,
    NetworkExchange, NetworkLimits, NetworkPolicy, NetworkRecord, NetworkRefusal, NetworkSchema,
    digest,
};
use crate::test_documents::{Run, issuer, run};
use bessemer_digest::Digest;
use std::collections::BTreeMap;

const COMMIT: &str = "0123456789012345678901234567890123456789";

fn exchange(url: &str, body: &str) -> NetworkExchange {
    NetworkExchange {
        method: "GET".to_owned(),
        url: url.to_owned(),
        range: None,
        sent: None,
        status: 200,
        headers: BTreeMap::new(),
        body: NetworkBody {
            sha256: Digest::of(body),
            size: body.len() as u64,
        },
        complete: true,
        failure: None,
        wanted: Vec::new(),
    }
}

/// A run whose guests had a network; the build asked for three things.
fn recorded() -> Run {
    let mut run = run();
    run.job_spec.network = Network::Recorded;
    run.job_spec.network_policy = Some(NetworkPolicy {
        allow: Vec::new(),
        deny: Vec::new(),
        private: Vec::new(),
        replay: None,
        limits: NetworkLimits {
            body_bytes: 1,
            request_bytes: 1,
            total_bytes: 1,
            exchanges: 1,
            idle_seconds: 1,
            exchange_seconds: 1,
        },
    });
    if let GuestMessage::Configure { left_out, .. } = &mut run.guest_inputs.messages[0] {
        left_out.push(LeftOut::CertificateAuthority);
    }
    let fetched = exchange("https://h.example/a.tar.gz", "a");
    let git = NetworkExchange {
        wanted: vec![COMMIT.to_owned()],
        ..exchange("https://h.example/p.git/git-upload-pack", "pack")
    };
    let record = |exchanges| NetworkRecord {
        schema: NetworkSchema::V1,
        mode: Network::Recorded,
        exchanges,
        refusals: Vec::new(),
    };
    let empty = exchange("https://h.example/moved", "");
    run.networks = vec![
        record(vec![fetched.clone(), fetched, git, empty]),
        record(vec![exchange("https://h.example/for-the-test", "t")]),
    ];
    seal(&mut run);
    run
}

fn seal(run: &mut Run) {
    let guests = [None, Some("hello".to_owned())];
    run.record.networks = guests
        .into_iter()
        .zip(&run.networks)
        .map(|(test, record)| GuestNetwork {
            test,
            record: digest(record).unwrap(),
            proxy: Component {
                version: "1".to_owned(),
                sha256: Digest::of("proxy"),
            },
            jail: JailObservation {
                profile: "host".to_owned(),
                applied: Vec::new(),
                missing: Vec::new(),
            },
        })
        .collect();
    run.reseal();
}

fn refusal(run: &Run) -> String {
    let issuer = issuer("https://factory.example");
    match Derivation::new(&issuer, run.evidence()) {
        Ok(_) => String::new(),
        Err(DeriveError::Mismatch { what, .. }) => what,
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_answer_of_the_build_is_a_dependency_once() {
    let run = recorded();
    let issuer = issuer("https://factory.example");
    let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
    let provenance = derivation.provenance().unwrap().predicate;
    let parameters = &provenance.build_definition.internal_parameters;
    assert_eq!(parameters.network, "recorded");
    assert!(parameters.network_policy.is_some() && parameters.proxy_isolation.is_some());
    let dependencies = &provenance.build_definition.resolved_dependencies;
    let network: Vec<_> = dependencies
        .iter()
        .filter(|one| {
            one.annotations
                .get("role")
                .is_some_and(|role| role.starts_with("network"))
        })
        .map(|one| (one.uri.as_deref().unwrap(), one.digest.clone()))
        .collect();
    let sha256 = |text: &str| BTreeMap::from([("sha256".to_owned(), Digest::of(text).hex())]);
    assert_eq!(
        network,
        [
            ("https://h.example/a.tar.gz", sha256("a")),
            (
                "git+https://h.example/p.git",
                BTreeMap::from([("gitCommit".to_owned(), COMMIT.to_owned())])
            ),
            ("https://h.example/p.git/git-upload-pack", sha256("pack")),
        ]
    );
    let byproducts = &provenance.run_details.byproducts;
    assert!(
        byproducts
            .iter()
            .any(|one| one.name.as_deref() == Some("network"))
    );
    let test = derivation.test_result(0).unwrap().unwrap().predicate;
    assert!(
        test.configuration
            .iter()
            .any(|one| one.name.as_deref() == Some("network"))
    );
}

#[test]
fn refuses_networks_that_are_not_of_the_run() {
    assert_eq!(refusal(&recorded()), "");
    let mut none = recorded();
    none.job_spec.network = Network::None;
    none.reseal();
    assert_eq!(refusal(&none), "the number of networks");
    let mut missing = recorded();
    missing.networks.pop();
    assert_eq!(refusal(&missing), "the number of network records");
    seal(&mut missing);
    assert_eq!(refusal(&missing), "the guests with a network");
    let mut other = recorded();
    other.networks[0].exchanges.pop();
    assert_eq!(refusal(&other), "a network record");
    let mut refused = recorded();
    refused.networks[0].refusals.push(NetworkRefusal {
        url: "https://h.example/no".to_owned(),
        reason: "it is denied".to_owned(),
    });
    seal(&mut refused);
    assert_eq!(refusal(&refused), "the refusals of a guest");
    let mut replay = recorded();
    replay.job_spec.network = Network::Replay;
    replay.reseal();
    assert_eq!(refusal(&replay), "the network record to replay");
    let mut secret = recorded();
    secret.networks[0].exchanges[0].url = "https://u:p@h.example/".to_owned();
    seal(&mut secret);
    assert!(
        refusal(&secret).contains("credentials"),
        "{}",
        refusal(&secret)
    );
}
