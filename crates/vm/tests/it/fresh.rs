//! Two machines share no identity and no seed, because each of them boots. Restored from one snapshot
//! they would: the control run makes one with QEMU's own means, which the product never uses.

use crate::bench::{Bench, qemu, step, variable};
use bessemer_vm::KernelDescriptor;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What identifies this boot, and a seed as a program takes it when it starts.
const DRAW: &str = "cat /proc/sys/kernel/random/boot_id /proc/sys/kernel/random/uuid";
/// The same as the first process of a machine without agent, which goes on saying it.
const INIT: &str = "#!/bin/sh
mount -t proc none /proc
read identity < /proc/sys/kernel/random/boot_id
read seed < /proc/sys/kernel/random/uuid
while :; do echo \"drawn $identity $seed.\"; sleep 0.1; done
";
/// A kernel that boots within this has seconds to spare on a busy host.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn two_guests_of_the_same_files_share_no_identity_and_no_seed() {
    let mut drawn = BTreeSet::new();
    for _ in 0..2 {
        let bench = Bench::new();
        let mut session = bench.launch();
        let mut output = Vec::new();
        let draw = step("main/0", DRAW);
        let outcome = session.run_step(&draw, &mut |bytes| output.extend_from_slice(bytes));
        assert!(outcome.unwrap().succeeded());
        session.power_off().unwrap();
        let text = String::from_utf8(output).unwrap();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert!(
            lines.len() == 2 && lines.iter().all(|line| line.len() == 36),
            "{text}"
        );
        drawn.extend(lines);
    }
    assert_eq!(drawn.len(), 4, "{drawn:?}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_two_machines_restored_from_one_snapshot_share_both() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("initramfs"), initramfs()).unwrap();
    let state = at("state");
    let mut first = Emulated::start(folder.path(), "first", None);
    first.said();
    first.save(&state);
    drop(first);
    let restored = ["one", "two"].map(|name| {
        let machine = Emulated::start(folder.path(), name, Some(&state));
        machine.said()
    });
    assert_eq!(restored[0], restored[1]);
    // A machine that boots, from the same files, says something else.
    assert_ne!(
        Emulated::start(folder.path(), "booted", None).said(),
        restored[0]
    );
}

/// QEMU with a kernel, an initramfs and a monitor, and no more than that.
struct Emulated {
    child: Child,
    console: std::path::PathBuf,
    monitor: std::path::PathBuf,
}

impl Emulated {
    fn start(folder: &Path, name: &str, from: Option<&Path>) -> Self {
        let boot = variable("BESSEMER_TEST_BOOT");
        let descriptor = fs::read(boot.join("kernel.json")).unwrap();
        let descriptor: KernelDescriptor = serde_json::from_slice(&descriptor).unwrap();
        let [console, monitor] =
            ["console", "monitor"].map(|end| folder.join(format!("{name}.{end}")));
        let mut command = Command::new(qemu().path);
        command
            .args([
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
            ])
            .args([
                "-machine",
                "microvm,acpi=on,rtc=on",
                "-accel",
                "tcg",
                "-m",
                "128",
            ])
            .args([
                "-append",
                "console=ttyS0 quiet panic=-1 tsc_early_khz=2000000 tsc=reliable",
            ])
            .arg("-kernel")
            .arg(boot.join(&descriptor.image))
            .arg("-initrd")
            .arg(folder.join("initramfs"))
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .arg("-monitor")
            .arg(format!("unix:{},server=on,wait=off", monitor.display()));
        if let Some(state) = from {
            command
                .arg("-incoming")
                .arg(format!("exec:cat {}", state.display()));
        }
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        Self {
            child,
            console,
            monitor,
        }
    }

    /// One whole line of its console.
    fn said(&self) -> String {
        wait_for("a line", || {
            let text = fs::read_to_string(&self.console).unwrap_or_default();
            let mut lines = text
                .lines()
                .filter(|line| line.starts_with("drawn ") && line.ends_with('.'));
            lines.next().map(str::to_owned)
        })
    }

    /// Has its whole state written to a file.
    fn save(&mut self, state: &Path) {
        let mut monitor = UnixStream::connect(&self.monitor).unwrap();
        // The monitor waits until all of it is written before it takes the next command.
        let commands = format!("migrate \"exec:cat > {}\"\nquit\n", state.display());
        monitor.write_all(commands.as_bytes()).unwrap();
        wait_for("the end", || self.child.try_wait().unwrap());
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The host's shell and what it needs, as the kernel unpacks it (initramfs-buffer-format).
fn initramfs() -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    crate::bench::make_root(tree.path());
    fs::create_dir(tree.path().join("proc")).unwrap();
    fs::write(tree.path().join("init"), INIT).unwrap();
    let mut entries = BTreeMap::new();
    collect(tree.path(), "", &mut entries);
    let mut archive = Vec::new();
    for (name, content) in &entries {
        let mode = if content.is_some() {
            0o100_755
        } else {
            0o040_755
        };
        member(
            &mut archive,
            name,
            mode,
            content.as_deref().unwrap_or_default(),
        );
    }
    member(&mut archive, "TRAILER!!!", 0, &[]);
    archive
}

/// Folders, which have no content, come before what is in them by their names.
fn collect(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, Option<Vec<u8>>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            entries.insert(name.clone(), None);
            collect(&path, &format!("{name}/"), entries);
        } else {
            entries.insert(name, Some(fs::read(&path).unwrap()));
        }
    }
}

fn member(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    let size = u32::try_from(content.len()).unwrap();
    let length = u32::try_from(name.len() + 1).unwrap();
    let fields = [0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
    archive.extend_from_slice(b"070701");
    for field in fields {
        write!(archive, "{field:08X}").unwrap();
    }
    for part in [&[name.as_bytes(), b"\0"].concat(), content] {
        archive.extend_from_slice(part);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
}
