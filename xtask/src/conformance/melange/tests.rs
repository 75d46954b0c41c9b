use super::{Outcome, compare, judge};
use serde_json::{Value, json};

/// What the comparison of two compiled recipes finds.
fn outcome(theirs: &Value, ours: &Value) -> Outcome {
    judge(compare::compare(theirs, ours, None))
}

#[test]
fn intended_differences_are_told_from_others() {
    let step = |runs: &str| json!({"pipeline": [{"runs": runs}]});
    let needs = |names: &[&str]| json!({"environment": {"contents": {"packages": names}}});
    let uses = |with: &str, inner: &str| json!({"pipeline": [{"uses": "strip", "with": {"opts": with}, "pipeline": [{"runs": inner}]}]});
    for (theirs, ours, expected) in [
        (step("a\n"), step("a\n"), "equal"),
        (step("a b\n"), step("# why\na   b"), "shell-layout"),
        (step("a b\n"), step("a c\n"), "different"),
        (json!({"pipeline": [{}]}), step("# why\n"), "shell-layout"),
        (json!({"pipeline": [{}]}), step("a\n"), "different"),
        (
            needs(&["a", "wget", "b"]),
            needs(&["a", "busybox", "b"]),
            "built-in-needs",
        ),
        (
            needs(&["a", "wget", "b"]),
            needs(&["b", "busybox", "a"]),
            "different",
        ),
        (needs(&["a", "curl"]), needs(&["a"]), "different"),
        (uses("-g", "x"), uses("-g", "y"), "built-in-text"),
        (uses("-g", "x"), uses("-x", "x"), "different"),
        (
            json!({"subpackages": [{"name": "a", "if": "x"}, {"name": "b"}]}),
            json!({"subpackages": [{"name": "b"}]}),
            "subpackage-conditions",
        ),
        (
            json!({"subpackages": [{"name": "a"}, {"name": "b"}]}),
            json!({"subpackages": [{"name": "b"}]}),
            "different",
        ),
        (json!({"a": 1}), json!({}), "different"),
        (json!({}), json!({"a": 1}), "different"),
    ] {
        let found = match outcome(&theirs, &ours) {
            Outcome::Equal => "equal".to_owned(),
            Outcome::Intended(reasons) => reasons.into_iter().collect::<Vec<_>>().join(" "),
            other => format!("{other:?}")
                .chars()
                .take(9)
                .collect::<String>()
                .to_lowercase(),
        };
        assert_eq!(found, expected, "{theirs} {ours}");
    }
}

#[test]
fn the_documentation_has_every_intended_difference() {
    let path = crate::workspace::root().join("docs/compatibility.md");
    let page = fs_err::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- compiled recipes -->\n", "<!-- end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (shown, after) = rest.split_once(end).unwrap();
    let table = super::intended::table();
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(&path, [before, begin, &table, end, after].concat()).unwrap();
        return;
    }
    assert_eq!(shown, table, "run with BLESS=1");
}
