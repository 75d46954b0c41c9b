//! Summaries of something else, of before, or from elsewhere.

use super::*;

#[test]
fn a_summary_of_something_else_or_of_before_is_refused() {
    let factory = Factory::new();
    let sidecar = factory.sidecar();
    let report = factory.verify(&sidecar).unwrap();
    let listed = |value: &mut Value| {
        value["predicate"]["inputAttestations"] = report
            .evidence()
            .iter()
            .map(|digest| json!({"digest": {"sha256": digest.hex()}}))
            .collect();
    };
    let judge = |change: &dyn Fn(&mut Value)| {
        let mut value = summary(&factory);
        listed(&mut value);
        change(&mut value);
        let payload = serde_json::to_vec(&value).unwrap();
        let mut sidecar = sidecar.clone();
        sidecar.push(Envelope::seal(&payload, factory.key(Role::Gate)).unwrap());
        factory.verify(&sidecar)
    };
    judge(&|_| {}).unwrap();
    let place = "https://repository.example/x86_64";
    let other = |name: &str| Value::from(format!("{place}/{name}"));
    let cases: [Judged<'_>; 11] = [
        // A lower level than the builder has now, and a higher one.
        ("the verified level is", &|v| {
            v["predicate"]["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_0"]);
        }),
        ("the verified level is", &|v| {
            v["predicate"]["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_3"]);
        }),
        ("the verified level is", &|v| {
            v["predicate"]["verifiedLevels"] = json!([]);
        }),
        ("the verification result is", &|v| {
            v["predicate"]["verificationResult"] = "FAILED".into();
        }),
        // Of another package, or an older version of this one.
        ("not among the subjects", &|v| {
            v["subject"][0]["digest"]["sha256"] = Digest::of("another").hex().into();
        }),
        ("the file that the resource uri names is", &|v| {
            v["predicate"]["resourceUri"] = other("hello-2.11-r0.apk");
        }),
        ("the file that the resource uri names is", &|v| {
            v["predicate"]["resourceUri"] = other("hello-2.12-r0.apk?as=other");
        }),
        ("the file that the resource uri names is", &|v| {
            v["predicate"]["resourceUri"] = "".into();
        }),
        ("does not follow its schema", &|v| {
            let predicate = v["predicate"].as_object_mut().unwrap();
            predicate.remove("resourceUri");
        }),
        ("the verifier id is", &|v| {
            v["predicate"]["verifier"]["id"] = "https://other.example/gate/v1".into();
        }),
        // It was made when other statements lay beside the package.
        ("the summary's evidence", &|v| {
            v["predicate"]["inputAttestations"][0]["digest"]["sha256"] = "00".into();
        }),
    ];
    for (message, change) in cases {
        let error = judge(change).unwrap_err().to_string();
        assert!(error.contains(message), "{error} / {message}");
    }
    // Old and new side by side: which one holds is not said.
    let both = summary(&factory);
    let twice = [(Role::Gate, &both), (Role::Gate, &both)];
    let mut statements = sealed(&factory, &twice);
    statements.add(&sidecar).unwrap();
    let error = factory.verify(&statements).unwrap_err();
    assert!(matches!(error, VerifyError::Twice("gate")), "{error}");
}

#[test]
fn a_summary_is_held_against_what_was_asked_for() {
    let factory = Factory::new();
    let mut sidecar = factory.sidecar();
    let mut value = summary(&factory);
    let evidence = factory.verify(&sidecar).unwrap();
    value["predicate"]["inputAttestations"] = evidence
        .evidence()
        .iter()
        .map(|digest| json!({"digest": {"sha256": digest.hex()}}))
        .collect();
    let payload = serde_json::to_vec(&value).unwrap();
    sidecar.push(Envelope::seal(&payload, factory.key(Role::Gate)).unwrap());
    let report = factory.verify(&sidecar).unwrap();
    for (place, asked) in [
        ("https://repository.example", true),
        ("https://repository.example/", true),
        ("https://repository.example/x86_64", true),
        ("https://repository.example/x86_64/hello-2.12-r0.apk", true),
        ("https://repository.example/x86_64/hello-2.11-r0.apk", false),
        ("https://repository.example/aarch64", false),
        ("https://repository.example.org", false),
        ("https://repository", false),
        ("https://other.example", false),
        ("repository.example", false),
        ("", false),
    ] {
        assert_eq!(report.is_admitted_to(place), asked, "{place}");
    }
    let unpublished = factory.verify(&factory.sidecar()).unwrap();
    assert!(!unpublished.is_admitted_to("https://repository.example"));
}
