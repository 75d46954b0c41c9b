//! What every test here needs: a root made of the host's own shell, and a machine on it.

use bessemer_vm::{
    Accelerator, Bundle, Configuration, DirectLauncher, Disks, GuestPath, Launcher, Machine, Qemu,
    Run, Session, SessionError, StepOutcome, create_output, create_scratch,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Programs of the host that the guest's root gets, with the libraries they need.
const PROGRAMS: [&str; 13] = [
    "sh", "cat", "ls", "sleep", "mkdir", "ln", "head", "sort", "chmod", "tty", "uname", "true",
    "mount",
];
/// Size of the output disk, in bytes.
pub(crate) const OUTPUT_BYTES: u64 = 16 << 20;

/// A machine with disks of its own in a temporary directory.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) machine: Machine,
}

pub(crate) fn variable(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    PathBuf::from(value.unwrap_or_else(|| panic!("{name} is not set; run cargo xtask test")))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The host's path of a program, through every link.
fn locate(program: &str) -> PathBuf {
    let directories = ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"];
    let found = directories
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists());
    std::fs::canonicalize(found.unwrap_or_else(|| panic!("no {program} on this host"))).unwrap()
}

fn libraries(program: &Path) -> BTreeSet<PathBuf> {
    let text = run(Command::new("ldd").arg(program));
    text.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

fn copy_into(root: &Path, from: &Path, to: &Path) {
    let target = root.join(to.strip_prefix("/").unwrap());
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::copy(from, target).unwrap();
}

/// The programs and their libraries below `dir`.
pub(crate) fn make_root(dir: &Path) {
    for program in PROGRAMS {
        let from = locate(program);
        copy_into(dir, &from, &Path::new("/bin").join(program));
        for library in libraries(&from) {
            copy_into(dir, &library, &library);
        }
    }
    std::fs::create_dir_all(dir.join("etc")).unwrap();
    std::fs::write(dir.join("etc/from-environment"), "lower\n").unwrap();
}

fn make_image(tree: &Path, image: &Path) {
    run(Command::new("mkfs.erofs")
        .args(["-T", "0"])
        .arg(image)
        .arg(tree));
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        make_root(&at("root"));
        make_image(&at("root"), &at("environment.erofs"));
        std::fs::create_dir_all(at("sources/cache")).unwrap();
        std::fs::create_dir_all(at("sources/workspace/sub")).unwrap();
        std::fs::write(at("sources/cache/sha256:00"), "cached\n").unwrap();
        std::fs::write(at("sources/workspace/sub/file"), "workspace\n").unwrap();
        make_image(&at("sources"), &at("sources.erofs"));
        create_scratch(&at("scratch.img"), 1 << 30).unwrap();
        create_output(&at("output.img"), OUTPUT_BYTES).unwrap();
        let disks = Disks {
            environment: at("environment.erofs"),
            sources: Some(at("sources.erofs")),
            scratch: at("scratch.img"),
            output: Some(at("output.img")),
        };
        let bundle = Bundle::load(
            &variable("BESSEMER_TEST_BOOT"),
            &variable("BESSEMER_TEST_AGENT"),
        );
        let accelerator = Accelerator::probe().accelerator;
        let mut machine = Machine::new("test", bundle.unwrap(), accelerator, disks);
        machine.memory_mib = 384;
        Self { dir, machine }
    }

    pub(crate) fn launch(&self) -> Session {
        self.launch_with(&DirectLauncher::new(qemu()))
    }

    pub(crate) fn launch_with(&self, launcher: &dyn Launcher) -> Session {
        let environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let hostname = "guest".to_owned();
        let configuration = Configuration {
            environment,
            hostname,
            clock: None,
            network: None,
        };
        match self.machine.launch(launcher, &configuration) {
            Ok(session) => session,
            Err(bessemer_vm::LaunchError::Session(error)) => {
                panic!("{error}\n{}", error.console)
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

pub(crate) fn qemu() -> Qemu {
    Qemu::measure(&locate("qemu-system-x86_64")).unwrap()
}

/// A step that runs `script` in the work tree.
pub(crate) fn step(id: &str, script: &str) -> Run {
    Run {
        id: id.to_owned(),
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        directory: GuestPath::new("/home/build").unwrap(),
        environment: [("STEP".to_owned(), id.to_owned())].into(),
        timeout_seconds: 120,
    }
}

/// Runs it and returns its output beside its outcome.
pub(crate) fn output_of(
    session: &mut Session,
    step: &Run,
) -> (Result<StepOutcome, SessionError>, String) {
    let mut output = Vec::new();
    let outcome = session.run_step(step, &mut |bytes| output.extend_from_slice(bytes));
    (outcome, String::from_utf8_lossy(&output).into_owned())
}
