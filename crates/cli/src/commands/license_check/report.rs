//! What was found, for people and programs.

use crate::print;
use anyhow::Result;
use bessemer_license::{Detected, Difference};
use serde_json::{Value, json};
use std::path::Path;

/// The result of a check.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) file: &'a Path,
    pub(super) detected: &'a [Detected],
    pub(super) differences: Vec<Difference>,
    /// Whether there was something to compare with.
    pub(super) compared: bool,
    pub(super) too_large: Vec<String>,
    /// Whether the recipe was written anew.
    pub(super) fixed: bool,
}

impl Report<'_> {
    pub(super) fn json(&self) -> Value {
        let detected: Vec<Value> = self
            .detected
            .iter()
            .map(|found| {
                json!({
                    "path": found.path,
                    "licenses": found.licenses,
                    "confidence": rounded(found.confidence),
                    "confident": found.is_confident(),
                    "copyleft": found.is_copyleft(),
                })
            })
            .collect();
        json!({
            "file": self.file,
            "detected": detected,
            "differences": self.differences,
            "too_large": self.too_large,
            "fixed": self.fixed,
        })
    }

    /// What was found on standard output, what to look at on standard error.
    pub(super) fn show(&self) -> Result<()> {
        for found in self.detected {
            let doubt = if found.is_confident() {
                ""
            } else {
                " low confidence"
            };
            print::line(format_args!(
                "{}: {} ({:.2}{doubt})",
                print::plain_line(&found.path),
                named(found.licenses),
                found.confidence,
            ))?;
        }
        for path in &self.too_large {
            print::warning(&format!("{path} is too large to be a licence, left out"));
        }
        for difference in &self.differences {
            print::warning(&sentence(difference));
        }
        if self.detected.is_empty() {
            print::note("no licence file was found");
        } else if self.compared && self.differences.is_empty() {
            print::note("the recipe says the same");
        }
        if self.fixed {
            print::note(&format!("{} was written anew", self.file.display()));
        }
        Ok(())
    }
}

/// Two digits: more would say what nobody measured.
fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 100.0).round() / 100.0
}

fn named(licenses: &[&str]) -> String {
    match licenses {
        [] => "NOASSERTION".to_owned(),
        licenses => licenses.join(" or "),
    }
}

fn sentence(difference: &Difference) -> String {
    let (path, found) = (&difference.path, named(difference.detected));
    match (&difference.declared, &difference.detection_override) {
        (None, _) => format!("{path} is {found}, which no entry of `copyright` says"),
        (Some(declared), None) => format!("{path} is {found}, and the recipe says {declared}"),
        (Some(declared), Some(over)) => {
            format!("{path} is {found}; the recipe says {declared} and that {over} would be found")
        }
    }
}
