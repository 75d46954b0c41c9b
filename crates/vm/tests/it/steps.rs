//! A whole session: steps, archive, power off.

use crate::bench::{Bench, OUTPUT_BYTES, output_of, step};
use bessemer_vm::{GuestPath, Run, RunStatus};
use std::io::Write as _;
use std::os::fd::AsFd as _;

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_session_runs_steps_and_leaves_an_archive() {
    let bench = Bench::new();
    let mut session = bench.launch();
    assert_eq!(session.agent_version(), env!("CARGO_PKG_VERSION"));
    assert!(session.observed().boot_milliseconds > 0);

    let script = "echo $STEP; cat /etc/from-environment sub/file /var/cache/melange/sha256:00; \
                  echo to-stderr >&2; uname -n";
    let (outcome, output) = output_of(&mut session, &step("main/0", script));
    assert!(outcome.unwrap().succeeded());
    assert_eq!(
        output,
        "main/0\nlower\nworkspace\ncached\nto-stderr\nguest\n"
    );

    let script = "echo changed > /etc/from-environment; ls /no-such-file 2>/dev/null; exit 7";
    let (outcome, _) = output_of(&mut session, &step("main/1", script));
    assert_eq!(outcome.unwrap().status, RunStatus::Exited(7));
    let (outcome, _) = output_of(&mut session, &step("main/2", "kill -9 $$"));
    assert_eq!(outcome.unwrap().status, RunStatus::Signaled(9));

    let script = "mkdir -p melange-out/p/usr; cat /etc/from-environment > melange-out/p/usr/file; \
                  ln -s file melange-out/p/usr/link; chmod 750 melange-out/p/usr/file";
    let (outcome, output) = output_of(&mut session, &step("main/3", script));
    assert!(outcome.unwrap().succeeded(), "{output}");
    let bytes = session
        .archive(&[GuestPath::new("/home/build/melange-out").unwrap()])
        .unwrap();
    assert!((1..=OUTPUT_BYTES).contains(&bytes));
    session.power_off().unwrap();

    let archive = bench.dir.path().join("output.img");
    let listing = std::process::Command::new("tar")
        .arg("tvf")
        .arg(archive)
        .output()
        .unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    assert!(listing.contains("-rwxr-x---"), "{listing}");
    assert!(
        listing.contains("home/build/melange-out/p/usr/link -> file"),
        "{listing}"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_a_step_leaves_running_is_gone_before_the_next() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let (outcome, _) = output_of(&mut session, &step("main/0", "sleep 1000 & echo $! > pid"));
    assert!(outcome.unwrap().succeeded());
    let script = "if kill -0 $(cat pid) 2>/dev/null; then echo alive; else echo gone; fi";
    let (_, output) = output_of(&mut session, &step("main/1", script));
    assert_eq!(output, "gone\n");
    session.power_off().unwrap();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_shell_has_a_terminal_and_takes_input() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let (input, mut typed) = std::io::pipe().unwrap();
    typed.write_all(b"tty; echo $((40 + 2)); exit 3\n").unwrap();
    let mut output = Vec::new();
    let shell = Run {
        argv: vec!["/bin/sh".into()],
        ..step("shell", "")
    };
    let outcome = session
        .shell(&shell, input.as_fd(), &mut |bytes| output.extend(bytes))
        .unwrap();
    let output = String::from_utf8_lossy(&output).into_owned();
    assert_eq!(outcome.status, RunStatus::Exited(3), "{output}");
    assert!(
        output.contains("/dev/pts/0") && output.contains("\n42\r\n"),
        "{output:?}"
    );
    session.power_off().unwrap();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_end_of_input_ends_a_shell() {
    for (typed, status) in [("", 0), ("true; exit 4", 4)] {
        let bench = Bench::new();
        let mut session = bench.launch();
        let (input, mut pen) = std::io::pipe().unwrap();
        pen.write_all(typed.as_bytes()).unwrap();
        drop(pen);
        let shell = Run {
            argv: vec!["/bin/sh".into(), "-i".into()],
            timeout_seconds: 30,
            ..step("shell", "")
        };
        let outcome = session.shell(&shell, input.as_fd(), &mut |_| ());
        assert_eq!(
            outcome.unwrap().status,
            RunStatus::Exited(status),
            "{typed:?}"
        );
        session.power_off().unwrap();
    }
}
