//! Builds that fail: one clear error each, nothing attested, nothing left running.

use crate::commands::{ARCH, build, names, recipe, run};
use bessemer_testkit::{Outcome, Workshop, adopt_orphans, wait_until_alone};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How many lines of a step an error may show.
const SHOWN_LINES: usize = 20;

/// A build under way or done, with its folder.
struct Failing {
    workshop: Workshop,
    recipe: PathBuf,
}

impl Failing {
    /// A recipe whose second step is `script`, after one that prints something.
    fn new(name: &str, script: &str) -> Self {
        let workshop = Workshop::new();
        let steps = [("greet", "echo the step before"), ("misbehave", script)];
        let recipe = recipe(&workshop, name, &steps, "");
        Self { workshop, recipe }
    }

    fn out(&self) -> PathBuf {
        self.workshop.at("packages")
    }

    fn command(&self) -> Command {
        build(&self.recipe, &self.out())
    }

    /// Runs it; whatever became of it, nothing may run on.
    fn run(command: &mut Command) -> Outcome {
        adopt_orphans();
        let outcome = run(command);
        wait_until_alone(Duration::from_secs(5));
        outcome
    }

    /// No package and no statement: what failed proves nothing.
    fn nothing_attested(&self) {
        let folder = self.out().join(ARCH);
        assert_eq!(names(&folder, ".jsonl"), Vec::<String>::new());
        assert_eq!(names(&folder, ".apk"), Vec::<String>::new());
    }
}

/// One error that names the step, shows at most its last lines and says where the whole log is.
/// Returns the log.
#[track_caller]
fn one_clear_error(outcome: &Outcome, step: &str, says: &str) -> String {
    outcome.expect(1);
    let errors: Vec<&str> = outcome.errors("error: ").collect();
    assert_eq!(errors.len(), 1, "{outcome}");
    assert!(errors[0].contains(&format!("step `{step}`")), "{outcome}");
    assert!(errors[0].contains(says), "{outcome}");
    let shown = outcome.errors("  | ").count();
    assert!(shown <= SHOWN_LINES, "{shown} lines\n{outcome}");
    // The causes repeat nothing of the first line.
    for cause in outcome.errors("  caused by: ") {
        let cause = &cause["  caused by: ".len()..];
        assert!(!errors[0].contains(cause), "{outcome}");
    }
    let path = outcome.errors("the whole log: ").collect::<Vec<_>>();
    assert_eq!(path.len(), 1, "{outcome}");
    let log = fs::read(&path[0]["the whole log: ".len()..]).unwrap();
    String::from_utf8_lossy(&log).into_owned()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_returns_seven() {
    let script = "for i in $(seq 30); do echo line $i; done\nexit 7";
    let failing = Failing::new("seven", script);
    let outcome = Failing::run(&mut failing.command());
    let log = one_clear_error(&outcome, "main/1", "(misbehave) returned exit status 7");
    let shown: Vec<&str> = outcome.errors("  | ").collect();
    assert_eq!(shown.len(), SHOWN_LINES);
    assert_eq!((shown[0], shown[19]), ("  | line 11", "  | line 30"));
    for line in ["the step before", "line 1\n", "line 30\n"] {
        assert!(log.contains(line), "{log}");
    }
    // Where the step stands in the recipe.
    let place = format!("{}:17:7", failing.recipe.file_name().unwrap().display());
    assert!(outcome.stderr.contains(&place), "{outcome}");
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_hangs() {
    let failing = Failing::new("hangs", "echo before the wait\nsleep 10000");
    let outcome = Failing::run(failing.command().args(["--timeout", "3s"]));
    let log = one_clear_error(&outcome, "main/1", "3 s");
    assert!(
        outcome.stderr.contains("  | before the wait\n"),
        "{outcome}"
    );
    assert!(log.contains("before the wait"), "{log}");
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_panics_the_kernel() {
    let script = "echo last words\nsleep 1\necho c > /proc/sysrq-trigger\nsleep 1000";
    let failing = Failing::new("panics", script);
    let outcome = Failing::run(&mut failing.command());
    one_clear_error(&outcome, "main/1", "guest kernel panicked: ");
    assert!(outcome.stderr.contains("  | last words\n"), "{outcome}");
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_prints_without_end() {
    let script = "seq 200000 > page\nwhile :; do cat page; done";
    let failing = Failing::new("floods", script);
    let outcome = Failing::run(failing.command().arg("--quiet"));
    let log = one_clear_error(&outcome, "main/1", "bytes of output");
    assert!(
        outcome.stderr.len() < 20_000,
        "{} bytes",
        outcome.stderr.len()
    );
    assert!(log.len() > 1 << 20, "{} bytes", log.len());
    assert!(log.len() <= 65 << 20, "{} bytes", log.len());
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_fills_the_disk() {
    let script = "cat /dev/zero > zeros";
    let failing = Failing::new("fills", script);
    let outcome = Failing::run(failing.command().args(["--disk", "64Mi"]));
    one_clear_error(&outcome, "main/1", "returned exit status 1");
    assert!(
        outcome.stderr.contains("No space left on device"),
        "{outcome}"
    );
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_ends_the_machine() {
    let failing = Failing::new(
        "reboots",
        "echo goodbye\nsleep 1\necho b > /proc/sysrq-trigger\nsleep 1000",
    );
    let outcome = Failing::run(&mut failing.command());
    one_clear_error(&outcome, "main/1", "guest ended by itself");
    assert!(outcome.stderr.contains("  | goodbye\n"), "{outcome}");
    failing.nothing_attested();
}

/// Signals do not reach PID 1; the ports that it listens on can be taken from it all the same.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_takes_the_agents_ports_away() {
    let script = "kill -9 1; kill -SEGV 1\necho still here\nsleep 1\nfor port in \
                  /sys/bus/virtio/drivers/virtio_console/virtio*; do\n  echo \"${port##*/}\" > \
                  /sys/bus/virtio/drivers/virtio_console/unbind\ndone\nsleep 1000";
    let failing = Failing::new("unbinds", script);
    let outcome = Failing::run(failing.command().args(["--timeout", "5s"]));
    one_clear_error(&outcome, "main/1", "");
    assert!(outcome.stderr.contains("  | still here\n"), "{outcome}");
    failing.nothing_attested();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_test_that_fails_attests_nothing() {
    let workshop = Workshop::new();
    let steps = [(
        "write",
        "mkdir -p \"${{targets.destdir}}/etc\"\necho x > \"${{targets.destdir}}/etc/x\"",
    )];
    let test = "test:\n  environment:\n    contents:\n      packages:\n        - busybox\n  pipeline:\n    \
                - name: look\n      runs: |\n        cat /etc/x\n        test -e /etc/y\n";
    let recipe = recipe(&workshop, "unfit", &steps, test);
    let out = workshop.at("packages");
    adopt_orphans();
    let outcome = run(&mut build(&recipe, &out));
    wait_until_alone(Duration::from_secs(5));
    outcome.expect(3);
    assert_eq!(outcome.errors("error: ").count(), 1, "{outcome}");
    assert!(
        outcome
            .stderr
            .contains("a test failed; nothing was attested"),
        "{outcome}"
    );
    assert!(
        outcome
            .stderr
            .contains("step `test/unfit/0` (look) returned exit status 1"),
        "{outcome}"
    );
    assert_eq!(outcome.errors("  | ").collect::<Vec<_>>(), ["  | x"]);
    let log = outcome.errors("the whole log: ").collect::<Vec<_>>();
    assert_eq!(
        fs::read_to_string(&log[0]["the whole log: ".len()..])
            .unwrap()
            .lines()
            .last(),
        Some("x")
    );
    let folder = out.join(ARCH);
    assert_eq!(names(&folder, ".jsonl"), Vec::<String>::new());
    let package = folder.join("unfit-1.0.0-r0.apk");
    for more in [None, Some("--allow-untested")] {
        let repository = workshop.at("repository");
        let mut command = crate::commands::publish(std::slice::from_ref(&package), &repository);
        run(command.args(more)).expect(1);
        assert_eq!(names(&repository.join(ARCH), ""), Vec::<String>::new());
    }
}

/// Builds a package whose test says what a test that passed would say, and then does this.
fn tested_by(workshop: &Workshop, end: &str) -> (Outcome, PathBuf) {
    let write = "mkdir -p \"${{targets.destdir}}/etc\"\necho x > \"${{targets.destdir}}/etc/x\"";
    let test = format!(
        "test:\n  environment:\n    contents:\n      packages:\n        - busybox\n  pipeline:\n    - \
         runs: |\n        echo PASS; echo '1 passed, 0 failed'; echo 'exit status 0'\n        {end}\n"
    );
    let recipe = recipe(workshop, "boasts", &[("write", write)], &test);
    let out = workshop.at("packages");
    (run(&mut build(&recipe, &out)), out.join(ARCH))
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_test_that_prints_pass_and_fails_attests_nothing() {
    let workshop = Workshop::new();
    let (outcome, folder) = tested_by(&workshop, "test -e /etc/y");
    outcome.expect(3);
    assert!(outcome.stderr.contains("  | PASS\n"), "{outcome}");
    assert_eq!(names(&folder, ".jsonl"), Vec::<String>::new());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_a_test_whose_status_nobody_sees_is_attested_by_its_word() {
    let workshop = Workshop::new();
    let (outcome, folder) = tested_by(&workshop, "test -e /etc/y || true");
    outcome.expect(0);
    let attested = names(&folder, ".apk.intoto.jsonl");
    assert_eq!(attested, ["boasts-1.0.0-r0.apk.intoto.jsonl"]);
}
