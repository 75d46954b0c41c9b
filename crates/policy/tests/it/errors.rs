//! Every file in `test-data/errors` is refused, in words that help; the snapshot shows them all.

use crate::factory::no_files;
use bessemer_policy::Policy;
use bessemer_yaml::SourceFile;
use std::fmt::Write as _;

#[test]
fn mistakes_are_explained() {
    let directory = format!("{}/test-data/errors", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    let mut report = String::new();
    for name in names {
        let text = std::fs::read_to_string(format!("{directory}/{name}")).unwrap();
        let Err(diagnostic) = Policy::parse(&SourceFile::new(&*name, text), &no_files) else {
            panic!("{name} is a policy");
        };
        writeln!(report, "{diagnostic}").unwrap();
        assert!(diagnostic.position.is_some(), "{name} has no place");
        if let (Some(excerpt), Some(position)) = (&diagnostic.excerpt, diagnostic.position) {
            let column = usize::try_from(position.column).unwrap();
            writeln!(report, "  | {excerpt}\n  | {:>column$}", "^").unwrap();
        }
        report.push('\n');
    }
    insta::assert_snapshot!(report);
}
