//! A factory: a signer of its own whose keys assert a builder id above `local`, and builds that it
//! signs or refuses.

use crate::commands::{ARCH, bessemer, recipe, run, verify};
use crate::fixture::trust_root;
use crate::git::{Server, git};
use bessemer_testkit::{Outcome, Workshop, variable};
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// As `bessemer` has them.
const CONTROL: u32 = 61700;
const SIGNER: u32 = 61701;
const BASE: &str = "https://factory.example";

/// A signer as a service, whose operator trusts what the test machine's own signer vouches for.
struct Factory {
    signer: Child,
    folder: PathBuf,
}

impl Factory {
    fn start(folder: PathBuf) -> Self {
        fs::set_permissions(&folder, Permissions::from_mode(0o711)).unwrap();
        chown(&folder, Some(SIGNER), Some(SIGNER)).unwrap();
        let tool = |verb: &str| {
            let mut command = Command::new(variable("BESSEMER_TEST_BIN").join("bessemer-signer"));
            command.current_dir("/").uid(SIGNER).gid(SIGNER).arg(verb);
            command.arg("--state").arg(folder.join("state"));
            command
        };
        let mut init = tool("init");
        init.args(["--base", BASE, "--builder", "microvm-emulated"]);
        assert!(init.status().unwrap().success());
        let mut trust = tool("trust");
        let root = File::open(trust_root()).unwrap();
        assert!(trust.arg("-").stdin(root).status().unwrap().success());
        let mut serve = tool("serve");
        serve.arg("--socket").arg(folder.join("socket"));
        serve.arg("--allow-uid").arg(CONTROL.to_string());
        let mut signer = serve.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        let printed = signer.stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut ready).unwrap();
        assert_eq!(ready.trim(), "ready");
        Self { signer, folder }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = bessemer();
        command.args(words);
        command.env("BESSEMER_SIGNER", self.folder.join("socket"));
        command
    }

    /// A build of what `recipe` names; the agent comes from its package, or from this host.
    fn build(&self, recipe: &str, out: &Path, packaged_agent: bool, words: &[&str]) -> Outcome {
        let mut command = self.command(&["build", recipe]);
        command.arg("--out-dir").arg(out).args(words);
        let agent = ("BESSEMER_TEST_RELEASE", "BESSEMER_TEST_RELEASE_KEY");
        let host = ("BESSEMER_TEST_REPOSITORY", "BESSEMER_TEST_KEY");
        let named: &[_] = if packaged_agent {
            &[agent, host]
        } else {
            &[host]
        };
        for (repository, key) in named {
            command.arg("-r").arg(variable(repository));
            command.arg("-k").arg(variable(key));
        }
        run(&mut command)
    }
}

impl Drop for Factory {
    fn drop(&mut self) {
        drop(self.signer.kill());
        drop(self.signer.wait());
    }
}

/// A repository with one recipe, `note/note.yaml`, and a file that belongs to it.
fn recipes(workshop: &Workshop) -> String {
    let folder = workshop.folder("remote/recipes");
    git(&folder, &["init", "--quiet", "-b", "main", "."]);
    let steps =
        "mkdir -p ${{targets.destdir}}/usr/share\ncp text ${{targets.destdir}}/usr/share/note";
    let test = "test:\n  environment:\n    contents:\n      packages: [busybox]\n  pipeline:\n    - \
                runs: grep hello /usr/share/note\n";
    let scratch = Workshop::new();
    let written = recipe(&scratch, "note", &[("copy", steps)], test);
    fs::create_dir(folder.join("note")).unwrap();
    fs::copy(written, folder.join("note.yaml")).unwrap();
    fs::write(folder.join("note/text"), "hello\n").unwrap();
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "--quiet", "-m", "first"]);
    git(&folder, &["rev-parse", "HEAD"])
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_factory_signs_what_its_builder_id_demands_and_nothing_else() {
    let workshop = Workshop::new();
    if !rustix::process::geteuid().is_root() {
        let mut command = bessemer();
        command.args(["keys", "init", "--base", BASE, "--builder", "microvm"]);
        let outcome = run(&mut command);
        outcome.expect(1);
        assert!(outcome.stderr.contains("only root can give"), "{outcome}");
        return;
    }
    let commit = recipes(&workshop);
    let server = Server::start(&workshop.at("remote"));
    let factory = Factory::start(workshop.folder("signer"));
    let place = format!("git+git://127.0.0.1:{}/recipes", server.port);
    let at_commit = format!("{place}@{commit}#note.yaml");
    let out = workshop.at("packages");

    // What is weaker than asked is refused before a machine starts.
    let file = workshop.at("remote/recipes/note.yaml");
    for (recipe, packaged, words, reason) in [
        (
            file.to_str().unwrap(),
            true,
            &[][..],
            "recipes at a commit alone",
        ),
        (&at_commit, true, &["--jail", "pod"], "is `pod`, not `host`"),
        (
            &at_commit,
            true,
            &["--accelerator", "direct"],
            "is `direct`, not `tcg`",
        ),
        (
            &at_commit,
            true,
            &["--network", "open"],
            "the network was open",
        ),
        (
            &at_commit,
            false,
            &[],
            "the agent of the guests is not verified",
        ),
    ] {
        let refused = factory.build(recipe, &out, packaged, words);
        refused.expect(1);
        assert!(refused.stderr.contains(reason), "{reason}: {refused}");
        assert!(!refused.stderr.contains("build guest"), "{refused}");
    }

    for revision in [commit.as_str(), "refs/heads/main"] {
        let recipe = format!("{place}@{revision}#note.yaml");
        factory.build(&recipe, &out, true, &[]).expect(0);
        let keys = workshop.at("keys");
        let mut export = factory.command(&["keys", "export", "--out"]);
        run(export.arg(&keys)).expect(0);
        let package = out.join(ARCH).join("note-1.0.0-r0.apk");
        let verified = run(&mut verify(&package, &keys.join("trust-root.json")));
        verified.expect(0);
        for said in [
            format!("builder: {BASE}/builders/microvm-emulated/v1, SLSA Build level 2"),
            format!(
                "source: note.yaml of git://127.0.0.1:{}/recipes at commit {commit}",
                server.port
            ),
            "jail `host` complete".to_owned(),
        ] {
            assert!(verified.stdout.contains(&said), "{said}: {verified}");
        }
        // The keys of this machine's own signer say nothing of it.
        run(&mut verify(&package, trust_root())).expect(1);
    }
}
