//! Holding reports against a policy.

mod image;
mod package;
mod source;

use crate::age::Age;
use crate::expectations::Rule;
use crate::place::Placed;
use crate::policy::patterns;
use crate::{Code, Policy, SourceEvidence, Violation};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{self, ImageReport, Report, harmless, shown};
use bessemer_yaml::{Position, Text};

/// Most values of either side that a message names.
const NAMED: usize = 10;

/// What was verified.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A package.
    Package(&'a Report),
    /// An image, or an index of images.
    Image(&'a ImageReport),
}

impl<'a> From<&'a Report> for Subject<'a> {
    fn from(report: &'a Report) -> Self {
        Self::Package(report)
    }
}

impl<'a> From<&'a ImageReport> for Subject<'a> {
    fn from(report: &'a ImageReport) -> Self {
        Self::Image(report)
    }
}

/// Every expectation of the policy that the report does not meet; none if it meets all. The order is
/// that of [`Code`]. `now` is the verifier's clock, for ages.
pub fn check<'a>(
    policy: &Policy,
    subject: impl Into<Subject<'a>>,
    evidence: &SourceEvidence,
    now: &Timestamp,
) -> Vec<Violation> {
    let mut findings = Findings {
        policy,
        found: Vec::new(),
    };
    match subject.into() {
        Subject::Package(report) => match policy.package_rule(&report.package) {
            Some(rule) => package::check(&mut findings, rule, report, evidence, now),
            None => findings.unknown("package", &report.package, &policy.packages),
        },
        Subject::Image(report) => {
            let rules = policy.image_rules(&report.names);
            if rules.is_empty() {
                findings.unknown("image", &listed(&report.names), &policy.images);
            }
            for rule in rules {
                image::check(&mut findings, rule, report, now);
            }
        }
    }
    let mut found = findings.found;
    found.sort_by_key(|violation| violation.code);
    found.dedup();
    found
}

/// Violations as they are found.
struct Findings<'a> {
    policy: &'a Policy,
    found: Vec<Violation>,
}

impl Findings<'_> {
    fn add(&mut self, code: Code, position: Option<Position>, text: impl Into<String>) {
        let text = text.into().chars().map(harmless).collect();
        let place = self.policy.place(position);
        self.found.push(Violation { code, text, place });
    }

    /// Nothing is known of this name.
    fn unknown<E>(&mut self, what: &str, name: &str, rules: &[Rule<E>]) {
        let known: Vec<&str> = patterns(rules).map(|pattern| &*pattern.0.value).collect();
        let known = if known.is_empty() {
            format!("the policy has no rule for {what}s")
        } else {
            format!("the policy knows {}", listed(&known))
        };
        let position = rules.first().and_then(Rule::position);
        self.add(
            Code::NewName,
            position,
            format!("new {what}: {} ({known})", shown(name)),
        );
    }

    /// A value must be one of those that are known.
    fn one_of(&mut self, code: Code, what: &str, found: &str, known: Option<&[Text]>) {
        let Some(known) = known else { return };
        if known.iter().any(|text| text.value == found) {
            return;
        }
        let position = known.first().and_then(|text| text.position);
        let known: Vec<&str> = known.iter().map(|text| &*text.value).collect();
        let text = format!(
            "new {what}: {} (the policy knows {})",
            shown(found),
            listed(&known)
        );
        self.add(code, position, text);
    }

    /// The end of a build must not be longer ago than this, nor to come.
    fn age(&mut self, limit: Option<Placed<Age>>, finished: &str, now: &Timestamp) {
        let Some(limit) = limit else { return };
        let allowed = limit.value;
        let Ok(time) = finished.parse::<Timestamp>() else {
            let text = format!(
                "`{}`, when the build ended, is no time, and at most {allowed} are allowed",
                shown(finished)
            );
            return self.add(Code::Age, limit.position, text);
        };
        let age = now.unix_seconds() - time.unix_seconds();
        if age < 0 {
            let text = format!("the build ended at {time}, which is yet to come: it is {now}");
            self.add(Code::Age, limit.position, text);
        } else if age > allowed.seconds() {
            let days = age / 86_400;
            let text = format!(
                "the build ended at {time}, {days} days ago; at most {allowed} are allowed"
            );
            self.add(Code::Age, limit.position, text);
        }
    }
}

/// A list of strangers' texts, cut.
fn listed(texts: &[impl AsRef<str>]) -> String {
    verify::listed(texts, NAMED)
}
