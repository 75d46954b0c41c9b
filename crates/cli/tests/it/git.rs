//! Git sources, from a real server to provenance.

use crate::commands::{ARCH, build_from};
use crate::languages::BUILD_LIMIT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_testkit::{Outcome, Workshop, variable};
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `git daemon` on a port of the loopback interface; ends when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(base: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        // Not `git daemon`, which starts this program as a child that would outlive it.
        let programs = git(base, &["--exec-path"]);
        let child = Command::new(Path::new(&programs).join("git-daemon"))
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", base.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no git daemon");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b.test"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn recipe(workshop: &Workshop, port: u16, commit: &str) -> PathBuf {
    let text = format!(
        "package:
  name: from-git
  version: 1.0.0
  epoch: 0
  copyright:
    - license: Apache-2.0
environment:
  contents:
    packages: [busybox]
pipeline:
  - uses: git-checkout
    with:
      repository: git://127.0.0.1:{port}/project
      tag: v${{{{package.version}}}}
      expected-commit: {commit}
  - runs: |
      test \"$(git describe --tags --dirty)\" = v1.0.0
      install -Dm755 run.sh \"${{{{targets.destdir}}}}/usr/bin/from-git\"
test:
  environment:
    contents:
      packages: [busybox]
  pipeline:
    - runs: test \"$(from-git)\" = hello
"
    );
    workshop.file("from-git/from-git.yaml", text)
}

fn resolved(sidecar: &Path) -> Vec<Value> {
    let text = fs::read_to_string(sidecar).unwrap();
    let envelope: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let payload = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let list = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    list.as_array().unwrap().clone()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_tag_is_built_and_provenance_names_commit_and_tree() {
    let workshop = Workshop::new();
    let project = workshop.folder("remote/project");
    git(&project, &["init", "--quiet", "."]);
    fs::write(project.join("run.sh"), "#!/bin/sh\necho hello\n").unwrap();
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "first"]);
    git(&project, &["tag", "-a", "-m", "one", "v1.0.0"]);
    let (commit, tree) = (
        git(&project, &["rev-parse", "HEAD"]),
        git(&project, &["rev-parse", "HEAD^{tree}"]),
    );
    let server = Server::start(&workshop.at("remote"));
    let repository = variable("BESSEMER_TEST_LANGUAGES");

    let wrong = recipe(&workshop, server.port, &"0".repeat(40));
    let out = workshop.at("packages");
    let outcome = Outcome::of(&mut build_from(&repository, &wrong, &out), BUILD_LIMIT);
    outcome.expect(1);
    let said = format!("tag v1.0.0 is commit {commit}, and the recipe expects 000000");
    assert!(outcome.stderr.contains(&said), "{outcome}");

    let right = recipe(&workshop, server.port, &commit);
    Outcome::of(&mut build_from(&repository, &right, &out), BUILD_LIMIT).expect(0);
    let sidecar = out.join(ARCH).join("from-git-1.0.0-r0.apk.intoto.jsonl");
    let uri = format!("git+git://127.0.0.1:{}/project", server.port);
    let dependencies = resolved(&sidecar);
    let source = dependencies.iter().find(|entry| entry["uri"] == *uri);
    let digest = &source.unwrap()["digest"];
    assert_eq!(digest["gitCommit"], *commit);
    assert_eq!(digest["gitTree"], *tree);
    assert_eq!(digest["sha256"].as_str().map(str::len), Some(64));
}
