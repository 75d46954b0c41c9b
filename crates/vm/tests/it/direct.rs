//! The direct runner: no machine, and still not the host.

use crate::bench::{Bench, output_of, step};
use bessemer_vm::{Accelerator, GuestPath, RunStatus};
use std::time::{Duration, Instant};

fn direct() -> Bench {
    let mut bench = Bench::new();
    bench.machine.accelerator = Accelerator::Direct;
    // No image there: the runner makes a folder beside its place.
    bench.machine.disks.scratch = bench.dir.path().join("direct-scratch.img");
    bench
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn steps_run_in_namespaces_of_their_own() {
    let bench = direct();
    let mut session = bench.launch();
    let observed = session.observed().clone();
    assert_eq!(observed.accelerator, Accelerator::Direct);
    assert_eq!((observed.kernel, observed.qemu), (None, None));
    assert_eq!(observed.jail.profile, "direct");
    let script = "set -eu; cat sub/file /etc/from-environment /var/cache/melange/*
        uname -n; echo $$ | head -c 1 > /dev/null; ls /proc | sort | head -n 1
        ls /proc/sys/net/ipv4/conf; test ! -e /home/outside; head -c 14 /proc/1/cmdline; echo
        echo made > /result; sleep 1000 > /dev/null 2>&1 &";
    let (outcome, output) = output_of(&mut session, &step("look", script));
    assert_eq!(outcome.unwrap().status, RunStatus::Exited(0), "{output}");
    let lines: Vec<&str> = output.lines().collect();
    let expected = [
        "workspace",
        "lower",
        "cached",
        "guest",
        "1",
        "all",
        "default",
        "lo",
        "bessemer-agent",
    ];
    assert_eq!(lines, expected, "{output}");
    let bytes = session
        .archive(&[GuestPath::new("/result").unwrap()])
        .unwrap();
    assert!(bytes >= 1024, "{bytes}");
    session.power_off().unwrap();
    let archive = std::fs::read(bench.dir.path().join("output.img")).unwrap();
    assert!(archive[512..].starts_with(b"made\n"));
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_host_is_out_of_reach() {
    let bench = direct();
    let secret = bench.dir.path().join("secret");
    std::fs::write(&secret, "of the host").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let own = std::process::id();
    let attempts = [
        format!("cat {}", secret.display()),
        format!("cat /proc/1/root{}", secret.display()),
        format!("cat ../../..{}", secret.display()),
        format!("kill -0 {own}"),
        format!(
            "while read a b c; do case $b in *:{port:04X}) exit 0;; esac; done < /proc/net/tcp; exit 1"
        ),
        "mount -t tmpfs none /proc/1/root/..; test -e /proc/1/root/../boot".to_owned(),
    ];
    let mut session = bench.launch();
    for (number, attempt) in attempts.iter().enumerate() {
        let (outcome, output) = output_of(&mut session, &step(&format!("try/{number}"), attempt));
        let status = outcome.unwrap().status;
        assert_ne!(status, RunStatus::Exited(0), "{attempt}: {output}");
        assert!(!output.contains("of the host"), "{attempt}: {output}");
    }
    session.power_off().unwrap();
    // The same, outside: each would be seen if it succeeded.
    for attempt in [&attempts[0], &attempts[3], &attempts[4]] {
        let status = std::process::Command::new("sh")
            .args(["-c", attempt])
            .status()
            .unwrap();
        assert!(status.success(), "{attempt}");
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn no_descriptor_of_the_host_is_left_open() {
    use std::os::fd::AsRawFd as _;
    let bench = direct();
    let (ours, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::empty()).unwrap();
    let number = ours.as_raw_fd();
    let mut session = bench.launch();
    let (outcome, output) = output_of(&mut session, &step("look", "ls /proc/self/fd"));
    outcome.unwrap();
    // The standard streams, and the directory that is read.
    assert_eq!(
        output.split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2", "3"]
    );
    session.power_off().unwrap();
    // Control run: a child that nobody cares about has it.
    let child = std::process::Command::new("ls")
        .arg("/proc/self/fd")
        .output()
        .unwrap();
    let seen = String::from_utf8(child.stdout).unwrap();
    assert!(
        seen.split_whitespace().any(|one| one == number.to_string()),
        "{seen}"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn nothing_outlives_its_session() {
    let bench = direct();
    let mark = format!("{}.{}", 100_000 + std::process::id(), 5);
    let running = || {
        let all = std::fs::read_dir("/proc").unwrap();
        let lines = all.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
        lines
            .filter(|line| String::from_utf8_lossy(line).contains(&mark))
            .count()
    };
    let mut session = bench.launch();
    let script = format!("sleep {mark}");
    let mut run = step("sleep", &script);
    run.timeout_seconds = 2;
    let outcome = session.run_step(&run, &mut |_| {
        panic!("nothing is printed");
    });
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(running(), 0);
    let (outcome, _) = output_of(&mut session, &step("leave", &format!("{script} & :")));
    outcome.unwrap();
    drop(session);
    let until = Instant::now() + Duration::from_secs(10);
    while running() > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running(), 0);
}
