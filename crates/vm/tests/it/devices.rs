//! What a guest has, and that the probe would see more.

use crate::bench::{Bench, output_of, step, variable};
use bessemer_vm::{Bundle, KernelDescriptor};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Everything the guest's kernel knows as an interface, a block device, a virtio device (its kind,
/// as the virtio specification numbers them) or a port, and whatever hangs on another bus.
const PROBE: &str = "
    ls /sys/class/net; echo --
    for disk in /sys/block/*; do echo \"${disk##*/} $(cat $disk/serial)\"; done | sort; echo --
    for device in /sys/bus/virtio/devices/*; do cat $device/device; done | sort; echo --
    for port in /sys/class/virtio-ports/*; do cat $port/name; done | sort; echo --
    for bus in pci usb scsi mmc nvme i2c spi; do ls /sys/bus/$bus/devices 2>/dev/null; done";

/// The answer, a list for each question.
fn seen(bench: &Bench) -> Vec<Vec<String>> {
    let mut session = bench.launch();
    let (outcome, output) = output_of(&mut session, &step("test/probe/0", PROBE));
    assert!(outcome.is_ok(), "{output}");
    session.power_off().unwrap();
    let lines = |part: &str| {
        part.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let seen: Vec<_> = output.split("--\n").map(lines).collect();
    assert_eq!(seen.len(), 5, "{output}");
    seen
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_has_loopback_and_what_the_design_lists() {
    let seen = seen(&Bench::new());
    assert_eq!(seen[0], ["lo"]);
    let mut disks: Vec<_> = seen[1]
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    disks.sort_unstable();
    assert_eq!(
        disks,
        ["environment", "output", "scratch", "sources"],
        "{seen:?}"
    );
    // Four disks, the device with the ports, entropy.
    let block = "0x0002";
    assert_eq!(seen[2], [block, block, block, block, "0x0003", "0x0004"]);
    assert_eq!(seen[3], ["bessemer.control", "bessemer.log"]);
    assert_eq!(seen[4], Vec::<String>::new());
}

/// The boot directory with the modules that drive a network card, out of the Debian package that
/// the bootstrap fetched, in the order they must be loaded.
fn boot_with_network(directory: &Path) -> Bundle {
    let from = variable("BESSEMER_TEST_BOOT");
    let descriptor = fs::read(from.join("kernel.json")).unwrap();
    let mut descriptor: KernelDescriptor = serde_json::from_slice(&descriptor).unwrap();
    let boot = directory.join("boot");
    fs::create_dir_all(boot.join("modules")).unwrap();
    for name in descriptor.modules.iter().chain([&descriptor.image]) {
        fs::copy(from.join(name), boot.join(name)).unwrap();
    }
    let package = kernel_package(&descriptor.release);
    for (folder, name) in [
        ("net/core", "failover"),
        ("drivers/net", "net_failover"),
        ("drivers/net", "virtio_net"),
    ] {
        let member = format!(
            "./lib/modules/{}/kernel/{folder}/{name}.ko",
            descriptor.release
        );
        let module = format!("modules/{name}.ko");
        fs::write(boot.join(&module), member_of(&package, &member)).unwrap();
        descriptor.modules.push(module);
    }
    fs::write(
        boot.join("kernel.json"),
        serde_json::to_vec(&descriptor).unwrap(),
    )
    .unwrap();
    Bundle::load(&boot, &variable("BESSEMER_TEST_AGENT")).unwrap()
}

/// Where the bootstrap of the tests' repository keeps what it fetched.
fn kernel_package(release: &str) -> PathBuf {
    let cache = variable("BESSEMER_TEST_DEBIAN");
    let start = format!("linux-image-{release}_");
    let found = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = found.filter(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(&start)
    });
    found
        .next()
        .unwrap_or_else(|| panic!("no {start}* in {}", cache.display()))
}

fn member_of(package: &Path, member: &str) -> Vec<u8> {
    let mut files = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tar = Command::new("tar")
        .args(["-xO", member])
        .stdin(files.stdout.take().unwrap())
        .output()
        .unwrap();
    files.wait().unwrap();
    assert!(tar.status.success() && !tar.stdout.is_empty(), "{member}");
    tar.stdout
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_the_probe_sees_what_must_not_be_there() {
    let mut bench = Bench::new();
    let extra = [
        ["-netdev", "hubport,id=net,hubid=0"],
        ["-device", "virtio-net-device,netdev=net"],
        [
            "-blockdev",
            "null-co,node-name=stray,read-zeroes=on,size=1048576",
        ],
        ["-device", "virtio-blk-device,drive=stray,serial=stray"],
        ["-chardev", "null,id=stray-port"],
        ["-device", "virtio-serial-device,id=stray-bus"],
        [
            "-device",
            "virtserialport,bus=stray-bus.0,chardev=stray-port,name=stray",
        ],
    ];
    let extra = extra.concat().into_iter().map(str::to_owned).collect();
    bench.machine = bench.machine.with_extra_arguments(extra);
    bench.machine.bundle = boot_with_network(bench.dir.path());
    let seen = seen(&bench);
    assert_eq!(seen[0].len(), 2, "{seen:?}");
    assert!(
        seen[1].iter().any(|line| line.ends_with(" stray")),
        "{seen:?}"
    );
    assert!(seen[2].contains(&"0x0001".to_owned()), "{seen:?}");
    assert!(seen[3].contains(&"stray".to_owned()), "{seen:?}");
}
