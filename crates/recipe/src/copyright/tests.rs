use super::*;
use proptest::prelude::*;

fn recipe(text: &str) -> Recipe {
    Recipe::parse(SourceFile::new("a.yaml", text)).unwrap()
}

fn new(license: &str, path: &str) -> CopyrightEntry {
    CopyrightEntry::New {
        license: license.to_owned(),
        license_path: path.to_owned(),
    }
}

fn check(before: &str, entries: &[CopyrightEntry], after: &str) {
    assert_eq!(rewrite_copyright(&recipe(before), entries).unwrap(), after);
}

const KEPT: CopyrightEntry = CopyrightEntry::Kept(0);

#[test]
fn entries_are_replaced_and_comments_stay() {
    check(
        "\
# a recipe
package:
  name: a   # its name
  version: 1.0
  copyright:
    # upstream says so
    - license: MIT # really?
      attestation: |
        Copyright # 1 Somebody
      paths:
        - '*' # everything

    # the second
    - license: \"Zlib # x\"
  # dependencies are few
  dependencies:
    runtime:
      - b
pipeline:
  - runs: echo copyright
",
        &[
            new("Apache-2.0", "LICENSE"),
            new("BSD-3-Clause", "a: b#/\"x"),
        ],
        "\
# a recipe
package:
  name: a   # its name
  version: 1.0
  copyright:
    # upstream says so
    # really?
    # everything

    # the second
    - license: Apache-2.0
      license-path: LICENSE
    - license: BSD-3-Clause
      license-path: \"a: b#/\\\"x\"
  # dependencies are few
  dependencies:
    runtime:
      - b
pipeline:
  - runs: echo copyright
",
    );
}

#[test]
fn kept_entries_are_not_written_again() {
    check(
        "package:\n  name: a\n  version: 1\n  copyright:\n  - license:   'MIT'   # one\n    paths: ['*']\n  - license: Zlib\n",
        &[KEPT, new("ISC", "")],
        "package:\n  name: a\n  version: 1\n  copyright:\n  - license:   'MIT'   # one\n    paths: ['*']\n  - license: ISC\n",
    );
}

#[test]
fn other_ways_to_write_it() {
    let head = "package:\n  name: a\n  version: 1\n";
    let cases = [
        // None at all, after the version.
        ("", "  copyright:\n    - license: MIT\n"),
        ("  copyright: []\n", "  copyright:\n    - license: MIT\n"),
        ("  copyright:\n", "  copyright:\n    - license: MIT\n"),
        (
            "  copyright: [{license: Zlib}] # why\n",
            "  copyright:  # why\n    - license: MIT\n",
        ),
        (
            "  copyright: [ # one\n    {license: Zlib}, # two\n  ]\n",
            "  copyright:  # one\n    # two\n    - license: MIT\n",
        ),
        (
            "  copyright:\n    - {license: Zlib}\n",
            "  copyright:\n    - license: MIT\n",
        ),
    ];
    for (before, after) in cases {
        check(
            &format!("{head}{before}  epoch: 1\n"),
            &[new("MIT", "")],
            &format!("{head}{after}  epoch: 1\n"),
        );
    }
    check(
        &format!("{head}  copyright: [{{license: Zlib, paths: ['*']}}, {{license: ISC}}]\n"),
        &[KEPT, new("MIT", "")],
        &format!(
            "{head}  copyright:\n    - license: Zlib\n      paths: [\"*\"]\n    - license: MIT\n"
        ),
    );
    // Windows' line ends, and no line end at the end.
    check(
        "package:\r\n  name: a\r\n  version: 1\r\n  copyright:\r\n    - license: Zlib",
        &[KEPT, new("MIT", "")],
        "package:\r\n  name: a\r\n  version: 1\r\n  copyright:\r\n    - license: Zlib\r\n    - license: MIT\r\n",
    );
}

#[test]
fn what_cannot_be_edited_is_left_alone() {
    for text in [
        "package: {name: a, version: 1, copyright: [{license: MIT}]}\n",
        "package:\n  name: a\n  version: 1\n  copyright: &c\n    - license: MIT\n",
        "{package: {name: a, version: 1}}\n",
    ] {
        let error = rewrite_copyright(&recipe(text), &[new("Zlib", "")]).unwrap_err();
        assert!(error.to_string().contains("a.yaml"));
    }
}

proptest! {
    #[test]
    fn any_path_reads_back(path in "\\PC{1,30}", comment in "[ -~]{0,20}") {
        let before = format!(
            "package:\n  name: a\n  version: 1\n  copyright:\n    - license: MIT # {comment}\n  epoch: 3\n"
        );
        let after = rewrite_copyright(&recipe(&before), &[KEPT, new("Zlib", &path)]).unwrap();
        let parsed = recipe(&after);
        prop_assert_eq!(&*parsed.document().package.copyright[1].license_path, path.as_str());
        prop_assert!(after.contains(comment.trim_end()));
    }
}
