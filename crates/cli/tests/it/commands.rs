//! `bessemer`, as the tests start it.

use bessemer_testkit::{Outcome, Workshop, variable};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longest time for one run of the program. A build with two guests takes 20 s on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);
/// The architecture's folder below every place where packages are written.
pub(crate) const ARCH: &str = std::env::consts::ARCH;

/// How the files beside a package end.
pub(crate) const BESIDE: [&str; 2] = [".intoto.jsonl", ".tlog-proof"];

/// The program that guest tests use, without what the tester's own environment would change.
pub(crate) fn bessemer() -> Command {
    let mut command = Command::new(variable("BESSEMER_TEST_BIN").join("bessemer"));
    command
        .stdin(Stdio::null())
        .current_dir("/")
        .env_remove("SOURCE_DATE_EPOCH");
    command
}

/// `bessemer build` on the bootstrapped repository.
pub(crate) fn build(recipe: &Path, out: &Path) -> Command {
    build_from(&variable("BESSEMER_TEST_REPOSITORY"), recipe, out)
}

/// `bessemer build` on a repository that the same key signs.
pub(crate) fn build_from(repository: &Path, recipe: &Path, out: &Path) -> Command {
    let mut command = bessemer();
    command.arg("build").arg(recipe).arg("--out-dir").arg(out);
    command.arg("--repository-append").arg(repository);
    command
        .arg("--keyring-append")
        .arg(variable("BESSEMER_TEST_KEY"));
    command
}

/// Runs it.
pub(crate) fn run(command: &mut Command) -> Outcome {
    Outcome::of(command, LIMIT)
}

/// `bessemer verify` of a package with these keys.
pub(crate) fn verify(package: &Path, trust_root: &Path) -> Command {
    let mut command = bessemer();
    command.arg("verify").arg(package);
    command.arg("--trust-root").arg(trust_root);
    command
}

/// `bessemer rebuild` on the bootstrapped repository.
pub(crate) fn rebuild(packages: &[PathBuf], out: &Path, more: &[&str]) -> Outcome {
    let mut command = bessemer();
    command.arg("rebuild").args(packages).args(more);
    command.arg("--out-dir").arg(out);
    command
        .arg("--repository-append")
        .arg(variable("BESSEMER_TEST_REPOSITORY"));
    command
        .arg("--keyring-append")
        .arg(variable("BESSEMER_TEST_KEY"));
    run(&mut command)
}

/// `bessemer publish` of packages.
pub(crate) fn publish(packages: &[PathBuf], repository: &Path) -> Command {
    let mut command = bessemer();
    command.arg("publish").args(packages);
    command.arg("--repository").arg(repository);
    command
}

/// A recipe of one package without subpackages, with these steps, written as
/// `<workshop>/<name>/<name>.yaml`: the recipe's folder holds nothing but the recipe.
pub(crate) fn recipe(
    workshop: &Workshop,
    name: &str,
    steps: &[(&str, &str)],
    more: &str,
) -> PathBuf {
    use std::fmt::Write as _;
    let mut text = format!(
        "package:\n  name: {name}\n  version: 1.0.0\n  epoch: 0\n  copyright:\n    - license: \
         Apache-2.0\nenvironment:\n  contents:\n    packages:\n      - busybox\npipeline:\n"
    );
    for (step, script) in steps {
        writeln!(text, "  - name: {step}\n    runs: |").unwrap();
        for line in script.lines() {
            writeln!(text, "      {line}").unwrap();
        }
    }
    text.push_str(more);
    workshop.file(&format!("{name}/{name}.yaml"), text)
}

/// The names of the files of a folder that end so, sorted; none where the folder is not there.
pub(crate) fn names(folder: &Path, end: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(end))
        .collect();
    names.sort();
    names
}
