//! What a guest has, and that the probe would see more.

use crate::bench::{Bench, output_of, step};

/// Everything the guest's kernel knows as an interface, a disk or a virtio device.
const PROBE: &str = "ls /sys/class/net; echo --; for disk in /sys/block/vd*; do cat $disk/serial; \
                     echo; done | sort; echo --; ls /sys/bus/virtio/devices | sort";

fn seen(bench: &Bench) -> Vec<Vec<String>> {
    let mut session = bench.launch();
    let (outcome, output) = output_of(&mut session, &step("test/probe/0", PROBE));
    assert!(outcome.unwrap().succeeded(), "{output}");
    session.power_off().unwrap();
    let lines = |part: &str| {
        part.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    output.split("--\n").map(lines).collect()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_has_loopback_and_the_disks_it_was_given() {
    let seen = seen(&Bench::new());
    assert_eq!(seen[0], ["lo"]);
    assert_eq!(seen[1], ["environment", "output", "scratch", "sources"]);
    assert_eq!(
        seen[2].len(),
        6,
        "four disks, entropy, serial: {:?}",
        seen[2]
    );
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
    ];
    let extra = extra.concat().into_iter().map(str::to_owned).collect();
    bench.machine = bench.machine.with_extra_arguments(extra);
    let seen = seen(&bench);
    // The bootstrap kernel's driver for it is not packed, so the device shows on the bus at least.
    assert!(seen[0].len() > 1 || seen[2].len() > 7, "{seen:?}");
    assert!(seen[1].contains(&"stray".to_owned()), "{seen:?}");
}
