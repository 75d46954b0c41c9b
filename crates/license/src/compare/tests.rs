use super::*;

const MIT: &[&str] = &["MIT"];
const APACHE: &[&str] = &["Apache-2.0"];
const BSD: &[&str] = &["BSD-3-Clause"];
const GPL: &[&str] = &["GPL-2.0-only", "GPL-2.0-or-later", "GPL-2.0"];

fn found(path: &str, licenses: &'static [&'static str]) -> Detected {
    Detected {
        path: path.to_owned(),
        licenses,
        confidence: 0.95,
    }
}

fn says(license: &str, path: &str, over: &str) -> Declared {
    Declared {
        license: license.to_owned(),
        path: path.to_owned(),
        detection_override: over.to_owned(),
    }
}

/// Path, what the recipe says, what is found.
fn check(declared: &[Declared], detected: &[Detected], expected: &[(&str, Option<&str>, &str)]) {
    let differences = differences(declared, detected);
    let short: Vec<_> = differences
        .iter()
        .map(|one| (&*one.path, one.declared.as_deref(), one.detected[0]))
        .collect();
    assert_eq!(short, expected);
}

#[test]
fn files_against_entries() {
    let detected = [found("LICENSE", APACHE), found("LICENSE-BSD", BSD)];
    check(
        &[
            says("Apache-2.0", "LICENSE", ""),
            says("MIT", "LICENSE-BSD", ""),
        ],
        &detected,
        &[("LICENSE-BSD", Some("MIT"), "BSD-3-Clause")],
    );
    check(
        &[says("Apache-2.0 AND BSD-3-Clause", "", "")],
        &detected,
        &[],
    );
    check(
        &[says("(Apache-2.0 OR MIT) AND BSD-3-Clause", "", "")],
        &detected,
        &[],
    );
    check(
        &[says("MIT", "", "")],
        &detected,
        &[
            ("LICENSE", None, "Apache-2.0"),
            ("LICENSE-BSD", None, "BSD-3-Clause"),
        ],
    );
    // An entry for a file answers for it alone, and before those for all.
    check(
        &[says("Apache-2.0", "", ""), says("MIT", "LICENSE", "")],
        &detected[..1],
        &[("LICENSE", Some("MIT"), "Apache-2.0")],
    );
}

#[test]
fn one_text_of_several_identifiers_is_any_of_them() {
    for license in ["GPL-2.0-or-later", "GPL-2.0-only", "GPL-2.0"] {
        check(&[says(license, "", "")], &[found("COPYING", GPL)], &[]);
    }
    let classpath = says("GPL-2.0-only WITH Classpath-exception-2.0", "", "");
    check(&[classpath], &[found("COPYING", GPL)], &[]);
}

#[test]
fn overrides_are_what_is_known_to_be_found() {
    let detected = [found("LICENSE", BSD)];
    check(&[says("MIT", "LICENSE", "BSD-3-Clause")], &detected, &[]);
    check(
        &[says("MIT", "LICENSE", "GPL-2.0")],
        &detected,
        &[("LICENSE", Some("MIT"), "BSD-3-Clause")],
    );
}

#[test]
fn what_is_not_certain_is_no_difference() {
    let mut detected = [found("LICENSE", BSD)];
    detected[0].confidence = 0.89;
    check(&[says("MIT", "", "")], &detected, &[]);
}

#[test]
fn mending_keeps_what_speaks_for_something() {
    let declared = [
        says("Zlib", "", ""),
        says("MIT OR Apache-2.0", "", ""),
        says("Custom", "COPYING", "GPL-2.0"),
    ];
    let detected = [
        found("LICENSE", MIT),
        found("COPYING", GPL),
        found("lib/COPYING", GPL),
        found("lib/LICENSE", BSD),
    ];
    let new = |license: &str, path: &str| Entry::New {
        license: license.to_owned(),
        path: path.to_owned(),
    };
    let mended = mend(&declared, &detected, Format::Flat).unwrap();
    assert_eq!(
        mended,
        [
            Entry::Kept(1),
            Entry::Kept(2),
            new("GPL-2.0-only", "lib/COPYING"),
            new("BSD-3-Clause", "lib/LICENSE"),
        ]
    );
    let mended = mend(
        &[says("GPL-2.0-or-later", "", "")],
        &detected,
        Format::Simple,
    )
    .unwrap();
    assert_eq!(
        mended,
        [new("BSD-3-Clause AND GPL-2.0-or-later AND MIT", "")]
    );
    assert_eq!(
        mend(&[says("MIT", "", "")], &detected[..1], Format::Flat),
        None
    );
}

#[test]
fn identifiers_of_expressions() {
    for (license, ids) in [
        ("MIT", &["MIT"][..]),
        (
            "MIT AND (BSD-2-Clause OR Zlib)",
            &["MIT", "BSD-2-Clause", "Zlib"],
        ),
        (
            "GPL-2.0-or-later WITH GCC-exception-3.1",
            &["GPL-2.0-or-later"],
        ),
        ("LicenseRef-Custom", &["LicenseRef-Custom"]),
        ("GPL-2.0+", &["GPL-2.0+"]),
        ("Apache2", &["Apache2"]),
        ("MIT AND Foo", &["MIT", "Foo"]),
        ("MIT Foo WITH Bar", &["MIT", "Foo"]),
        ("", &[]),
    ] {
        assert_eq!(declared_ids(license), ids, "{license}");
    }
}

#[test]
fn copies_in_one_file_count_once() {
    let matches = [(MIT, 0.91), (APACHE, 0.99), (MIT, 0.97)]
        .map(|(ids, confidence)| Match { ids, confidence });
    let found = Detected::of_file("a", &matches);
    let short: Vec<_> = found
        .iter()
        .map(|one| (one.licenses[0], one.confidence))
        .collect();
    assert_eq!(short, [("MIT", 0.97), ("Apache-2.0", 0.99)]);
    assert!(Detected::of_file("a", &[])[0].licenses.is_empty());
}
