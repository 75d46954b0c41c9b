use super::hierarchy::{Controller, Hierarchy, choose};
use super::*;

const LIMITS: Limits = Limits {
    memory_mib: 1536,
    tasks: 64,
    cpu_percent: 250,
    seconds: 60,
};

const VERSION_2: &str = "\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/root rw
29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
";
const VERSION_1: &str = "\
30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:30 / /sys/fs/cgroup/pids rw,relatime shared:9 master:2 - cgroup cgroup rw,pids
34 30 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const OWN: &str = "4:memory:/limited/by\n3:pids:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n";

#[test]
fn every_controller_is_found_in_either_version() {
    let two = choose(VERSION_2, "0::/user.slice\n", |_| {
        Ok("cpuset cpu io memory pids".to_owned())
    });
    let two = two.unwrap();
    assert_eq!(two.len(), 1);
    assert_eq!(two[0].group, Path::new("/sys/fs/cgroup"));
    assert!(two[0].unified && two[0].controllers.len() == 3);
    let one = choose(VERSION_1, OWN, |_| Ok("hugetlb\n".to_owned())).unwrap();
    let found: Vec<_> = one
        .iter()
        .map(|one| (one.group.as_path(), one.controllers[0], one.unified))
        .collect();
    assert_eq!(
        found,
        [
            (Path::new("/sys/fs/cgroup/cpu"), Controller::Cpu, false),
            (
                Path::new("/sys/fs/cgroup/memory/limited/by"),
                Controller::Memory,
                false
            ),
            (Path::new("/sys/fs/cgroup/pids"), Controller::Pids, false),
        ]
    );
}

#[test]
fn in_a_container_a_hierarchy_begins_at_its_own_group() {
    let mounts = VERSION_1.replace("0:29 / ", "0:29 /limited ");
    let one = choose(&mounts, OWN, |_| Ok(String::new())).unwrap();
    assert_eq!(one[1].group, Path::new("/sys/fs/cgroup/memory/by"));
    let mounts = VERSION_1.replace("0:29 / ", "0:29 /elsewhere ");
    let one = choose(&mounts, OWN, |_| Ok(String::new())).unwrap();
    assert_eq!(one[1].group, Path::new("/sys/fs/cgroup/memory"));
}

#[test]
fn a_controller_that_is_nowhere_is_named() {
    let error = choose(VERSION_2, "0::/\n", |_| Ok("cpu memory".to_owned()));
    assert!(error.unwrap_err().to_string().contains("`pids`"));
    assert!(choose("", "", |_| Ok(String::new())).is_err());
    assert!(choose("no mount - \n - cgroup", OWN, |_| Ok(String::new())).is_err());
}

/// A folder stands in for the kernel's: what is looked at is which files get which text.
#[test]
fn limits_are_written_as_each_version_wants_them() {
    let folder = tempfile::tempdir().unwrap();
    for (unified, expected) in [
        (
            true,
            vec![
                ("memory.max", "1610612736"),
                ("pids.max", "64"),
                ("cpu.max", "250000 100000"),
                ("memory.swap.max", "0"),
                ("cgroup.procs", "77"),
            ],
        ),
        (
            false,
            vec![
                ("memory.limit_in_bytes", "1610612736"),
                ("pids.max", "64"),
                ("cpu.cfs_quota_us", "250000"),
                ("cgroup.procs", "77"),
            ],
        ),
    ] {
        let place = folder.path().join(if unified { "two" } else { "one" });
        fs::create_dir(&place).unwrap();
        let hierarchy = Hierarchy {
            group: place.clone(),
            unified,
            controllers: vec![Controller::Memory, Controller::Pids, Controller::Cpu],
        };
        let group = Group::create_in(&[hierarchy], 3, LIMITS).unwrap();
        group.add(77).unwrap();
        let own = place.join(format!("bessemer/vm-{}-3", std::process::id()));
        for (file, text) in expected {
            assert_eq!(fs::read_to_string(own.join(file)).unwrap(), text, "{file}");
        }
        if unified {
            let enabled = fs::read_to_string(place.join("cgroup.subtree_control")).unwrap();
            assert_eq!(enabled, "+memory +pids +cpu");
        }
        // A real group goes with `rmdir` alone; these have files.
        std::mem::forget(group);
    }
}

#[test]
fn groups_of_ended_jailers_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("vm-{}-0", std::process::id());
    for name in ["vm-4194304-0", own.as_str(), "another"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    clear_ended(folder.path());
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["another", &own]);
}
