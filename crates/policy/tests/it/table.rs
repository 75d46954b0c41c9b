//! Tables of policies and reports, and what each report does not meet.

use crate::factory::factory;
use bessemer_policy::Subject;
use std::fmt::Write as _;

/// A policy of one rule, which begins so, that expects this.
pub(crate) fn expecting(rule: &str, expect: &str) -> String {
    let mut text = format!("schema: bessemer.policy/v1\n{rule}");
    if !expect.is_empty() {
        text.push_str("    expect:\n");
        for line in expect.lines() {
            writeln!(text, "      {line}").unwrap();
        }
    }
    text
}

/// For each row what the reports with these names do not meet of the policy that `policy` makes of its text.
pub(crate) fn in_words<R>(
    table: &[(&str, &[&str])],
    reports: &[(&str, R)],
    policy: impl Fn(&str) -> String,
) -> String
where
    for<'a> &'a R: Into<Subject<'a>>,
{
    let mut text = String::new();
    for (expect, names) in table {
        writeln!(text, "{expect}").unwrap();
        for name in *names {
            let (_, report) = reports.iter().find(|(own, _)| own == name).unwrap();
            let found = factory().violations(&policy(expect), report);
            let found = if found.is_empty() {
                "nothing\n"
            } else {
                &found
            };
            writeln!(text, "  {name}:").unwrap();
            for line in found.lines() {
                writeln!(text, "    {line}").unwrap();
            }
        }
        text.push('\n');
    }
    text
}
