use super::judge::{Outcome, Theirs, judge};
use super::{intended, sample};
use bessemer_apk::{Dependency, Index, IndexEntry};

/// Packages that bring each other in, exclude each other, and need each other.
const INDEX: &str = "\
P:app\nV:1\nD:lib\n
P:lib\nV:1\n
P:plain\nV:1\n
P:app-doc\nV:1\ni:app lib\nD:doc\n
P:doc\nV:1\n
P:app-old\nV:1\ni:app\nD:!lib\n
";

/// The packages of these names, in this order.
fn entries<'a>(index: &'a Index, names: &str) -> Vec<&'a IndexEntry> {
    let find = |name| index.entries.iter().find(|entry| entry.name == name);
    names
        .split_whitespace()
        .map(|name| find(name).unwrap())
        .collect()
}

#[test]
fn intended_differences_are_told_from_others() {
    let index = Index::parse(INDEX).unwrap();
    let world: Dependency = "app".parse().unwrap();
    for (ours, theirs, expected) in [
        ("lib app", "lib app", "equal"),
        ("lib app", "app lib", "different"),
        ("lib doc app-doc app", "lib doc app app-doc", "order"),
        (
            "lib app doc app-doc",
            "lib app app-doc",
            "install-if-without-dependencies",
        ),
        (
            "lib app",
            "lib app app-doc",
            "install-if-without-dependencies",
        ),
        ("lib app", "lib app app-old", "install-if-conflict"),
        ("lib app", "lib app app-doc app-old", "different"),
        ("lib app", "lib app doc app-doc", "different"),
        ("lib app", "lib app plain", "different"),
        ("lib app", "app", "different"),
        ("app", "lib app", "different"),
        ("app app-doc", "lib app app-doc", "different"),
        ("lib app", "-", "solved-by-bessemer-alone"),
        ("app", "-", "different"),
        ("plain", "-", "different"),
        ("-", "lib app", "different"),
        ("-", "-", "neither"),
    ] {
        let our = match ours {
            "-" => Err("no".to_owned()),
            names => Ok(entries(&index, names)),
        };
        let their = match theirs {
            "-" => Theirs::None("no".to_owned()),
            names => Theirs::Packages(entries(&index, names)),
        };
        let found = match judge(&world, &our, &their) {
            Outcome::Intended(id) => id.to_owned(),
            other => {
                let text = format!("{other:?}").to_lowercase();
                text.split('(').next().unwrap_or_default().to_owned()
            }
        };
        assert_eq!(found, expected, "{ours} <> {theirs}");
    }
}

#[test]
fn a_sample_is_spread_over_all_worlds() {
    let all = || {
        (0..10)
            .map(|number| Dependency::named(number.to_string()))
            .collect()
    };
    for (count, expected) in [
        (None, "0 1 2 3 4 5 6 7 8 9"),
        (Some(20), "0 1 2 3 4 5 6 7 8 9"),
        (Some(3), "0 3 6"),
        (Some(0), ""),
    ] {
        let names: Vec<String> = sample(all(), count)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names.join(" "), expected, "{count:?}");
    }
}

#[test]
fn the_documentation_has_every_intended_difference() {
    let path = crate::workspace::root().join("docs/compatibility.md");
    let page = fs_err::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- solved worlds -->\n", "<!-- end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (shown, after) = rest.split_once(end).unwrap();
    let table = intended::table();
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(&path, [before, begin, &table, end, after].concat()).unwrap();
        return;
    }
    assert_eq!(shown, table, "run with BLESS=1");
}
