//! A table: policy and image, and what of the one the other does not meet.

use crate::factory::{at, factory};
use crate::table::{expecting, in_words};
use bessemer_attest::derive::PackageVerdict;
use bessemer_attest::verify::ImageReport;

fn one(expect: &str) -> String {
    expecting(
        "images:\n  - names: [registry.example.com/team/*]\n",
        expect,
    )
}

/// One that imports nothing, one with an import, one with a package that nothing vouches for, and some on
/// bases of each kind.
fn images() -> Vec<(&'static str, ImageReport)> {
    let factory = factory();
    let built = factory.image(
        |run| {
            run.policy.accept_imports = false;
            let own = run.verdicts[0][0].clone();
            run.verdicts[1][1] = own;
        },
        true,
    );
    let unverified = factory.image(
        |run| {
            run.policy.accept_unverified = vec!["libc".to_owned()];
            run.verdicts[1][1] = PackageVerdict::Unverified {
                reason: "no attestation".to_owned(),
            };
        },
        true,
    );
    vec![
        ("built", built),
        ("import", factory.image(|_| {}, true)),
        ("no-sbom", factory.image(|_| {}, false)),
        ("unverified", unverified),
        ("based", factory.based(|_| {})),
        (
            "based-import",
            factory.based(|contents| contents.imported = 2),
        ),
        (
            "based-unverified",
            factory.based(|contents| {
                contents.unverified = vec!["odd".to_owned()];
                contents.lowest_level = Some(0);
            }),
        ),
        (
            "based-on-unverified",
            factory.based(|contents| contents.unverified_base = true),
        ),
        ("unverified-base", factory.on_unverified_base()),
    ]
}

const TABLE: &[(&str, &[&str])] = &[
    ("", &["built", "import", "unverified"]),
    ("imports: accepted", &["built", "import"]),
    ("imports: refused", &["import"]),
    ("unverified: [libc]", &["unverified"]),
    ("unverified: [hello]", &["unverified"]),
    ("imports: accepted\nsbom: required", &["import", "no-sbom"]),
    (
        "builders: [\"$BASE/builders/image/v1\"]\nkeys: [$IMAGE_KEY]\nmin-level: 1\npackage-min-level: 1",
        &["built"],
    ),
    (
        "builders: [\"https://f.example/builders/image/v1\"]\nkeys: [$PROVENANCE_KEY]\nmin-level: 2",
        &["built"],
    ),
    ("imports: accepted\npackage-min-level: 1", &["import"]),
    ("package-min-level: 2", &["built"]),
    (
        "",
        &[
            "based",
            "based-import",
            "based-unverified",
            "based-on-unverified",
            "unverified-base",
        ],
    ),
    (
        "unverified-base: accepted\nmin-level: 1\npackage-min-level: 1",
        &[
            "based",
            "based-unverified",
            "based-on-unverified",
            "unverified-base",
        ],
    ),
    ("unverified-base: refused", &["based", "unverified-base"]),
    (
        "unverified-base: accepted",
        &["based-on-unverified", "unverified-base"],
    ),
    ("unverified: [odd]", &["based-unverified"]),
    ("imports: accepted", &["based-import"]),
    ("max-age: 376d", &["built"]),
    ("max-age: 375d", &["built"]),
];

#[test]
fn what_is_not_met_is_said_in_words() {
    let images = images();
    insta::assert_snapshot!(in_words(TABLE, &images, one));
}

#[test]
fn a_rule_for_any_of_its_names_is_needed_and_of_each_the_first_counts() {
    let image = factory().image(
        |run| run.names.push("registry.example.com/lax/app".to_owned()),
        true,
    );
    let rule = |name: &str, level: u8| {
        format!(
            "  - names: [{name}]\n    expect:\n      imports: accepted\n      min-level: {level}\n"
        )
    };
    let policy =
        |rules: &[String]| format!("schema: bessemer.policy/v1\nimages:\n{}", rules.concat());
    let strict = rule("registry.example.com/team/*", 3);
    let lax = rule("registry.example.com/lax/*", 1);
    let other = rule("registry.example.com/x/*", 1);
    let violations = |rules: &[String]| factory().violations(&policy(rules), &image);
    // Another name does not buy a laxer rule, in whichever order they stand.
    for rules in [[lax.clone(), strict.clone()], [strict, lax.clone()]] {
        let found = violations(&rules);
        assert!(found.contains("at least 3 is demanded"), "{found}");
    }
    assert_eq!(violations(&[lax]), "");
    let found = violations(&[other]);
    assert_eq!(
        found,
        "policy.yaml:3:13: new image: registry.example.com/team/app, registry.example.com/lax/app (the policy knows registry.example.com/x/*) [new-name]\n"
    );
}

#[test]
fn rules_for_packages_are_not_for_images() {
    let text = "schema: bessemer.policy/v1\npackages:\n  - names: [\"*\"]\n";
    let (image, package) = (
        factory().image(|_| {}, true),
        factory().package(at("https://a.example", None, "hello.yaml")),
    );
    assert!(
        factory()
            .violations(text, &image)
            .contains("no rule for images")
    );
    assert_eq!(factory().violations(text, &package), "");
}
