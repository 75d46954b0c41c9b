//! What kernel-hardening-checker says of the configuration, against what `kernel/hardening.yaml` explains.

use crate::workspace::{output, root};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Fails unless the checker's FAILs are exactly the explained ones.
pub(super) fn compare(checker: &Path, configuration: &Path) -> Result<()> {
    let mut command = Command::new(checker);
    command.arg("-c").arg(configuration).args(["-m", "json"]);
    let results: Vec<Value> =
        serde_json::from_str(&output(&mut command)?).context("the checker printed no JSON")?;
    let failed = |result: &&Value| result["check_result_bool"] == false;
    let failed: BTreeSet<String> = results
        .iter()
        .filter(failed)
        .filter_map(|result| result["option_name"].as_str()?.strip_prefix("CONFIG_"))
        .map(str::to_owned)
        .collect();
    let explained = explained(&text()?, std::env::consts::ARCH);
    println!(
        "kernel-hardening-checker: {} of {} FAIL, {} explained",
        failed.len(),
        results.len(),
        explained.len()
    );
    let unexplained: Vec<_> = failed.difference(&explained).collect();
    let passed: Vec<_> = explained.difference(&failed).collect();
    if !unexplained.is_empty() || !passed.is_empty() {
        bail!("not explained: {unexplained:?}; explained, and no FAIL: {passed:?}");
    }
    Ok(())
}

fn text() -> Result<String> {
    Ok(fs_err::read_to_string(
        root().join("kernel/hardening.yaml"),
    )?)
}

/// The options listed for an architecture; the file is a list of reasons, each with lists of options.
fn explained(text: &str, architecture: &str) -> BTreeSet<String> {
    let mut current = "";
    let mut options = BTreeSet::new();
    for line in text.lines() {
        if let Some(option) = line.strip_prefix("    - ") {
            if current == architecture {
                options.insert(option.to_owned());
            }
        } else if let Some(name) = line
            .strip_prefix("  ")
            .and_then(|line| line.strip_suffix(':'))
        {
            current = name;
        } else if line.starts_with("- ") {
            current = "";
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_explained_option_is_not_what_the_fragments_ask_for() {
        let text = text().unwrap();
        for architecture in ["x86_64", "aarch64"] {
            let options = explained(&text, architecture);
            assert!(options.len() > 30, "{architecture}: {}", options.len());
            let lines = text.lines().filter(|line| line.starts_with("    - "));
            assert!(lines.count() >= options.len());
        }
        // What is explained as left out is not switched on by a fragment, and the other way round.
        let wanted =
            fs_err::read_to_string(root().join("kernel/bessemer-kernel/config/hardening.config"))
                .unwrap();
        for option in explained(&text, "x86_64") {
            assert!(
                option == "LSM" || !wanted.contains(&format!("CONFIG_{option}=y\n")),
                "{option} is switched on, and explained as missing"
            );
        }
    }
}
