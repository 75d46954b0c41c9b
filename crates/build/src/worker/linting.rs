//! Linters over what a build left, before anything is written or signed.

use crate::reporter::{Event, Reporter};
use bessemer_lint::{Configuration, ConfigurationError, Finding, Package, Report, Selection, lint};
use bessemer_package::Tree;
use bessemer_recipe::PackagePlan;
use std::path::PathBuf;

/// Most paths of one finding that are shown.
const SHOWN: usize = 5;

/// What may not be in a package.
#[derive(Debug, Clone, Default)]
pub struct Linting {
    /// Which linters run, before the recipe disables some.
    pub selection: Selection,
    /// The folder for `lint-<package>-<version>.json`, when results are wanted as files.
    pub results: Option<PathBuf>,
}

/// Why packages are not made.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A linter that must pass does not.
    #[error("the linter `{linter}` must pass: {finding}")]
    Failed {
        /// Which linter.
        linter: &'static str,
        /// What it found, and where.
        finding: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A package's files cannot be read, or the results not written.
    #[error("cannot run the linters")]
    Io(#[from] std::io::Error),
    /// The results cannot be written as JSON.
    #[error("cannot write what the linters found")]
    Json(#[from] serde_json::Error),
    /// The evaluated recipe is not as linters expect it.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

impl Linting {
    /// Runs the linters over every package of a plan. What only warns is reported, and so is every
    /// failure but the first, which is the error.
    pub(super) fn run(
        &self,
        packages: &[(&PackagePlan, &Tree)],
        configuration: &serde_json::Value,
        reporter: &mut dyn Reporter,
    ) -> Result<(), LintError> {
        let configuration = Configuration::parse(&configuration.to_string())?;
        let mut failed = None;
        for (plan, tree) in packages {
            let selection = self.selection.without(&plan.disabled_checks);
            let package = Package {
                name: &plan.name,
                tree,
                configuration: Some(&configuration),
            };
            let report = lint(&package, &plan.full_version(), &selection)?;
            self.keep(&report)?;
            for finding in report.warnings() {
                warn(finding, reporter);
            }
            for finding in report.failures() {
                if failed.is_some() {
                    warn(finding, reporter);
                } else {
                    failed = Some(failure(finding));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// As melange: a package without findings has no file.
    fn keep(&self, report: &Report) -> Result<(), LintError> {
        if let Some(folder) = &self.results
            && !report.is_empty()
        {
            let path = folder.join(format!("lint-{}.json", report.package_name));
            fs_err::write(path, serde_json::to_vec_pretty(report)?)?;
        }
        Ok(())
    }
}

fn warn(finding: &Finding, reporter: &mut dyn Reporter) {
    let text = format!("[{}] {}", finding.linter, shown(finding));
    reporter.report(Event::Warning(&text));
}

fn failure(finding: &Finding) -> LintError {
    LintError::Failed {
        linter: finding.linter,
        finding: shown(finding),
        hint: finding.explain,
    }
}

/// The message with the first paths behind it.
fn shown(finding: &Finding) -> String {
    let paths = finding.paths();
    let left = match paths.len().saturating_sub(SHOWN) {
        0 => String::new(),
        left => format!(" and {left} more"),
    };
    let first = paths[..paths.len().min(SHOWN)].join(", ");
    let colon = if first.is_empty() { "" } else { ": " };
    format!("{}{colon}{first}{left}", finding.message)
}

#[cfg(test)]
mod tests {
    use super::{LintError, Linting};
    use crate::reporter::{Event, Reporter};
    use bessemer_apk::EntryPath;
    use bessemer_package::Tree;
    use bessemer_recipe::PackagePlan;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Reporter for Heard {
        fn report(&mut self, event: Event<'_>) {
            if let Event::Warning(text) = event {
                self.0.push(text.to_owned());
            }
        }
    }

    fn plan(name: &str, disabled: &[&str]) -> PackagePlan {
        serde_json::from_value(serde_json::json!({
            "name": name, "version": "1", "epoch": 0, "description": "", "url": "", "commit": "",
            "licenses": [], "scriptlets": {}, "trigger_paths": [], "setcap": [], "steps": [],
            "dependencies": {"runtime": [], "provides": [], "replaces": []},
            "options": {
                "no_provides": false, "no_depends": false, "no_commands": false,
                "no_versioned_shlib_deps": false
            },
            "disabled_checks": disabled, "test": null,
        }))
        .unwrap()
    }

    fn tree(files: &[(&str, u32)]) -> Tree {
        let mut tree = Tree::new();
        for (path, mode) in files {
            tree.insert_file(EntryPath::new(*path).unwrap(), *mode, b"x".to_vec());
        }
        tree
    }

    #[test]
    fn the_first_failure_ends_the_build_and_the_rest_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let linting = Linting {
            results: Some(folder.path().to_path_buf()),
            ..Linting::default()
        };
        let (one, two) = (plan("one", &["setuidgid"]), plan("two", &[]));
        let first = tree(&[("usr/bin/a", 0o4755), ("opt/a", 0o644)]);
        let many: Vec<String> = (0..7).map(|number| format!("dev/{number}")).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|path| (path.as_str(), 0o646)).collect();
        let second = tree(&many);
        let clean = (plan("three", &[]), tree(&[("usr/bin/a", 0o755)]));
        let packages = [(&one, &first), (&two, &second), (&clean.0, &clean.1)];
        let mut heard = Heard::default();
        let error = linting
            .run(&packages, &serde_json::json!({}), &mut heard)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the linter `dev` must pass: two has 7 files below /dev: dev/0, dev/1, dev/2, dev/3, dev/4 and 2 more"
        );
        assert!(matches!(error, LintError::Failed { hint, .. } if hint.contains("udev")));
        assert_eq!(heard.0.len(), 3, "{:?}", heard.0);
        assert!(heard.0[0].starts_with("[opt] one has 1 file below /opt: opt/a"));
        assert!(heard.0[1].starts_with("[setuidgid] one has"));
        assert!(heard.0[2].starts_with("[worldwrite] two has"));
        let mut files: Vec<_> = fs_err::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["lint-one-1-r0.json", "lint-two-1-r0.json"]);
    }
}
