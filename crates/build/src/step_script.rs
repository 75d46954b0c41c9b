//! The shell text around a step.

use bessemer_recipe::Step;

/// What `/bin/sh -c` is given for a step: stop at the first failure, enter the working directory,
/// run the step's own text (melange's wrapper, so that recipes behave as they do there). With
/// `debug` the step prints its commands.
pub(crate) fn script(step: &Step, debug: bool) -> String {
    let directory = quote(&absolute(&step.working_directory));
    let trace = if debug { "set -x\n" } else { "" };
    format!(
        "set -e\nif (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n[ -d {directory} ] || mkdir -p {directory}\ncd {directory}\n{trace}{}\nexit 0\n",
        step.runs
    )
}

/// A path below the workspace unless it is absolute.
pub(crate) fn absolute(directory: &str) -> String {
    match directory {
        "" | "." => WORKSPACE.to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("{WORKSPACE}/{relative}"),
    }
}

/// Where a recipe works inside the guest.
pub(crate) const WORKSPACE: &str = "/home/build";
/// Where a recipe puts what it makes: one folder for each package.
pub(crate) const OUTPUT: &str = "/home/build/melange-out";

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_that_is_debugged_prints_its_commands() {
        let step = Step {
            id: "main/0".to_owned(),
            name: String::new(),
            uses: None,
            runs: "true".to_owned(),
            working_directory: String::new(),
            environment: std::collections::BTreeMap::new(),
            location: None,
        };
        assert!(script(&step, true).ends_with("\nset -x\ntrue\nexit 0\n"));
        assert!(!script(&step, false).contains("set -x"));
    }

    #[test]
    fn a_working_directory_is_data_and_never_code() {
        assert_eq!(quote("a'; rm -rf /; '"), r"'a'\''; rm -rf /; '\'''");
        assert_eq!(absolute("src"), "/home/build/src");
        assert_eq!(absolute("/opt"), "/opt");
        assert_eq!(absolute(""), "/home/build");
    }
}
