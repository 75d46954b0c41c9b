//! A policy to begin with accepts what it was made of, and little else.

use crate::factory::{at, factory};
use crate::test_documents::Run;
use bessemer_attest::Role;
use bessemer_policy::starting_policy;

#[test]
fn it_accepts_what_it_was_made_of_and_nothing_else() {
    let factory = factory();
    let recipes = at(
        "https://git.example/recipes",
        Some("refs/heads/main"),
        "hello.yaml",
    );
    let options = |run: &mut Run| {
        run.job_spec.external_parameters.options = vec!["st\"at\\ic".to_owned()];
    };
    let both = |run: &mut Run| {
        recipes(run);
        options(run);
    };
    let parts = [Role::Provenance, Role::Test, Role::Sbom];
    let place = "https://packages.example/x86_64/hello-2.12-r0.apk";
    let own = factory.parts(both, &parts, Some(place));
    let text = starting_policy(&own);
    insta::with_settings!({filters => vec![
        ("[0-9a-f]{64}", "[key]"),
        ("bessemer.invalid/[0-9a-f]{32}", "bessemer.invalid/[key]"),
    ]}, {
        insta::assert_snapshot!(text);
    });
    assert_eq!(factory.violations(&text, &own), "");
    let import = factory.import();
    assert_eq!(factory.violations(&starting_policy(&import), &import), "");
    let plain = factory.package(|_| {});
    assert_eq!(factory.violations(&starting_policy(&plain), &plain), "");
    let fork = factory.parts(
        at(
            "https://fork.example/recipes",
            Some("refs/heads/main"),
            "hello.yaml",
        ),
        &parts,
        Some(place),
    );
    let found = factory.violations(&text, &fork);
    assert!(
        found.contains("new source repository: https://fork"),
        "{found}"
    );
}
