//! Builds that a person can enter: never attested.

use crate::commands::{ARCH, build, names, recipe, run};
use bessemer_testkit::{Outcome, Workshop};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Exit status 0 without a statement, and words that say why.
#[track_caller]
fn not_attested(outcome: &Outcome, out: &Path) {
    outcome.expect(0);
    assert!(outcome.stderr.contains("no signer attests it"), "{outcome}");
    assert_eq!(names(&out.join(ARCH), ".jsonl"), Vec::<String>::new());
}

/// The spec of the job that was run: the only one below the cache with this package's name.
fn kept_place(outcome: &Outcome) -> PathBuf {
    let mark = "disks are kept in ";
    let line = outcome.stderr.lines().find(|line| line.contains(mark));
    let line = line.unwrap_or_else(|| panic!("{outcome}"));
    PathBuf::from(&line[line.find(mark).unwrap() + mark.len()..])
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn kept_disks_are_where_it_says_and_nothing_is_attested() {
    let workshop = Workshop::new();
    let steps = [(
        "write",
        "echo a-mark-on-the-scratch-disk > mark\nmkdir -p \"${{targets.destdir}}/etc\"\necho x > \"${{targets.destdir}}/etc/x\"",
    )];
    let recipe = recipe(&workshop, "kept", &steps, "");
    let out = workshop.at("packages");
    let outcome = run(build(&recipe, &out).arg("--keep"));
    not_attested(&outcome, &out);
    let place = kept_place(&outcome);
    let disks = names(&place, ".img");
    assert!(
        disks.iter().any(|name| name.contains("scratch")),
        "{disks:?}"
    );
    assert!(
        disks.iter().any(|name| name.contains("output")),
        "{disks:?}"
    );
    let output = disks.iter().find(|name| name.contains("output")).unwrap();
    let archive = fs::read(place.join(output)).unwrap();
    assert!(archive.windows(5).any(|bytes| bytes == b"etc/x"));
    fs::remove_dir_all(place).unwrap();
    // The gate has nothing to go by.
    let package = out.join(ARCH).join("kept-1.0.0-r0.apk");
    let repository = workshop.at("repository");
    run(crate::commands::publish(&[package], &repository).arg("--allow-untested")).expect(1);
}

/// A recipe whose step fails until a file is there.
fn stumbling(workshop: &Workshop) -> PathBuf {
    let steps = [
        ("stumble", "echo about to fail\nexit 9"),
        (
            "finish",
            "mkdir -p \"${{targets.destdir}}/etc\"\ncp mark \"${{targets.destdir}}/etc/mark\"",
        ),
    ];
    recipe(workshop, "stumbling", &steps, "")
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_shell_at_a_failed_step_takes_commands_and_the_build_goes_on_unattested() {
    let workshop = Workshop::new();
    let out = workshop.at("packages");
    let typed = workshop.file("typed", "echo typed > mark\necho in $((40 + 2))\nexit 0\n");
    let mut command = build(&stumbling(&workshop), &out);
    command
        .arg("-i")
        .stdin(Stdio::from(fs::File::open(typed).unwrap()));
    let outcome = run(&mut command);
    not_attested(&outcome, &out);
    assert!(
        outcome
            .stderr
            .contains("step `main/0` (stumble) returned exit status 9"),
        "{outcome}"
    );
    assert_eq!(names(&out.join(ARCH), ".apk"), ["stumbling-1.0.0-r0.apk"]);
    let root = workshop.at("root");
    crate::reading::unpack(&out.join(ARCH).join("stumbling-1.0.0-r0.apk"), &root);
    assert_eq!(
        fs::read_to_string(root.join("etc/mark")).unwrap(),
        "typed\n"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_shell_that_gives_up_ends_the_build() {
    let workshop = Workshop::new();
    let out = workshop.at("packages");
    let typed = workshop.file("typed", "exit 1\n");
    let mut command = build(&stumbling(&workshop), &out);
    command
        .arg("-i")
        .stdin(Stdio::from(fs::File::open(typed).unwrap()));
    let outcome = run(&mut command);
    outcome.expect(1);
    assert_eq!(outcome.errors("error: ").count(), 1, "{outcome}");
    assert_eq!(names(&out.join(ARCH), ".apk"), Vec::<String>::new());
}
