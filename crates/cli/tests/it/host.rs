//! What of the host shows in a package: nothing, whatever the host is called, however it speaks and
//! wherever the files lie. Without a machine the same recipe ships the host's kernel and processor,
//! and what a shell of the host itself would ship is different on every host.

use crate::commands::{ARCH, build, recipe, run};
use crate::direct::provenance;
use bessemer_testkit::Workshop;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Ships whatever it can find of where it runs. The time of day is not among it: a guest has the
/// host's clock, which is a written exception; the time of a file in the package is.
const COLLECT: &str = "mkdir -p \"${{targets.destdir}}/usr/share\"
{
  uname -a; id; umask; ulimit -a; nproc; pwd; ls; env | sort | grep -v '^_='
  grep -e '^model name' -e '^flags' /proc/cpuinfo
  cat /proc/version /proc/sys/kernel/hostname /proc/mounts
  printf '%s\\n' b A a B | sort
} > \"${{targets.destdir}}/usr/share/found\"
touch \"${{targets.destdir}}/usr/share/now\"";

/// A host as different as one can be made here.
struct Host {
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    umask: &'static str,
    /// Which processor a build may use, the last one if not the first.
    first_processor: bool,
}

const HOSTS: [Host; 2] = [
    Host {
        name: "first-host",
        variables: &[("LANG", "C"), ("TZ", "UTC")],
        umask: "022",
        first_processor: true,
    },
    Host {
        name: "second-host",
        variables: &[
            ("LANG", "tr_TR.UTF-8"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("TZ", "Asia/Kathmandu"),
            ("USER", "somebody"),
            ("EDITOR", "second-editor"),
        ],
        umask: "027",
        first_processor: false,
    },
];
/// Words that only the second one knows.
const OF_THE_SECOND: [&str; 5] = [
    "second-host",
    "Kathmandu",
    "de_DE",
    "somebody",
    "second-editor",
];

impl Host {
    /// The same command on this host: its name is a namespace's, which goes with the command.
    fn on(&self, inner: &Command) -> Command {
        let last = processors() - 1;
        let processor = if self.first_processor { 0 } else { last };
        let script = format!(
            "hostname {} && umask {} && exec \"$@\"",
            self.name, self.umask
        );
        let mut command = Command::new("unshare");
        command
            .args(["--uts", "taskset", "-c", &processor.to_string()])
            .args(["sh", "-c", &script, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .stdin(Stdio::null())
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(self.variables.iter().copied());
        command
    }

    /// Builds the recipe in a folder of this host's own; what the step found, and the package.
    fn built(&self, more: &[&str]) -> (String, Vec<u8>) {
        let workshop = Workshop::new();
        let file = recipe(&workshop, "collected", &[("collect", COLLECT)], "");
        let out = workshop.at(&format!("packages-of-{}", self.name));
        let mut command = self.on(build(&file, &out).args(more));
        run(command.current_dir(workshop.path())).expect(0);
        let package = out.join(ARCH).join("collected-1.0.0-r0.apk");
        (found(&package), fs::read(package).unwrap())
    }

    /// What the step finds when a shell of this host runs it.
    fn runs_it_itself(&self) -> String {
        let workshop = Workshop::new();
        let place = workshop.path().to_str().unwrap();
        let script = COLLECT.replace("${{targets.destdir}}", place);
        let mut command = self.on(Command::new("sh").args(["-c", &script]));
        let status = command.current_dir(workshop.path()).status();
        assert!(status.unwrap().success());
        fs::read_to_string(workshop.at("usr/share/found")).unwrap()
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

fn found(package: &Path) -> String {
    let mut command = Command::new("tar");
    let command = command.arg("-xzOf").arg(package).arg("usr/share/found");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(text.contains("model name"), "{text}");
    text
}

/// What would tell this host from another: its kernel's version and its processor.
fn traces_of_this_host() -> [String; 2] {
    let version = fs::read_to_string("/proc/sys/kernel/version").unwrap();
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "));
    [version.trim().to_owned(), model.unwrap().to_owned()]
}

#[test]
#[ignore = "needs a guest, and root: run through cargo xtask test"]
fn hosts_that_differ_make_the_same_package() {
    let [one, two] = HOSTS.map(|host| host.built(&[]));
    assert_eq!(one.0, two.0);
    assert!(one.1 == two.1, "the packages differ in something else");
    for trace in traces_of_this_host() {
        assert!(!one.0.contains(&trace), "{trace}: {}", one.0);
    }
    for word in OF_THE_SECOND {
        assert!(!two.0.contains(word), "{word}: {}", two.0);
    }
}

/// A host with more processors gives its guests more, up to a limit: the one trace that there is.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_number_of_processors_is_seen_in_a_guest_and_recorded() {
    let workshop = Workshop::new();
    let count = "mkdir -p \"${{targets.destdir}}/usr/share\"
{ nproc; grep '^model name' /proc/cpuinfo; } > \"${{targets.destdir}}/usr/share/found\"";
    let file = recipe(&workshop, "counted", &[("count", count)], "");
    for limit in 1..=processors().min(2) {
        let out = workshop.at(&format!("packages-{limit}"));
        let mut inner = build(&file, &out);
        let mut command = Command::new("taskset");
        let allowed = format!("0-{}", limit - 1);
        command.args(["-c", &allowed]).arg(inner.get_program());
        command.args(inner.stdin(Stdio::null()).get_args());
        run(command.env_remove("SOURCE_DATE_EPOCH")).expect(0);
        let package = out.join(ARCH).join("counted-1.0.0-r0.apk");
        let seen: usize = found(&package).lines().next().unwrap().parse().unwrap();
        assert_eq!(seen, limit);
        let internal = &provenance(&package)["buildDefinition"]["internalParameters"];
        assert_eq!(internal["resources"]["vcpus"], limit, "{internal}");
    }
}

#[test]
#[ignore = "needs a guest, and root: run through cargo xtask test"]
fn control_run_without_a_machine_kernel_and_processor_are_the_hosts() {
    let (found, _) = HOSTS[0].built(&["--accelerator", "direct"]);
    for trace in traces_of_this_host() {
        assert!(found.contains(&trace), "{trace}: {found}");
    }
}

#[test]
#[ignore = "needs a guest, and root: run through cargo xtask test"]
fn control_run_a_shell_of_the_host_ships_its_name_language_and_paths() {
    let [one, two] = HOSTS.map(|host| host.runs_it_itself());
    for word in OF_THE_SECOND {
        assert!(!one.contains(word) && two.contains(word), "{word}: {two}");
    }
    for line in ["0022", "0027"] {
        let [first, second] = [&one, &two].map(|text| text.lines().any(|found| found == line));
        assert_ne!(first, second, "the mask {line}: {one}{two}");
    }
}
