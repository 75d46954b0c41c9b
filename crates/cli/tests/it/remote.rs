//! Building from a repository on a server that wants to know who asks, and again without a network.

use crate::commands::{ARCH, bessemer, run, verify};
use crate::fixture::{self, trust_root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_testkit::{FileServer, Workshop, variable};
use std::path::Path;
use std::process::Command;

/// `bessemer build` of tiny with repository and key from the server.
fn build(recipe: &Path, out: &Path, server: &FileServer) -> Command {
    let key = variable("BESSEMER_TEST_KEY");
    let key = key.file_name().unwrap().to_str().unwrap();
    let mut command = bessemer();
    command.arg("build").arg(recipe).arg("--out-dir").arg(out);
    command.args(["-r", &format!("{}/repository/", server.url())]);
    command.args(["-k", &format!("{}/{key}", server.url())]);
    command
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_server_is_told_who_asks_and_documents_are_not() {
    let workshop = Workshop::new();
    let web = workshop.folder("web");
    let key = variable("BESSEMER_TEST_KEY");
    std::fs::copy(&key, web.join(key.file_name().unwrap())).unwrap();
    std::os::unix::fs::symlink(variable("BESSEMER_TEST_REPOSITORY"), web.join("repository"))
        .unwrap();
    let authorization = format!("Basic {}", STANDARD.encode("me:hidden word"));
    let server = FileServer::start_for(&web, Some(&authorization));
    let text = std::fs::read(fixture::recipe()).unwrap();
    let recipe = workshop.file("tiny/tiny.yaml", text);
    let refused = run(&mut build(&recipe, &workshop.folder("none"), &server));
    refused.expect(1);
    assert!(refused.stderr.contains("status 401"), "{refused}");

    let auth = format!("basic:{}:me:hidden word", server.host());
    let out = workshop.folder("out");
    run(build(&recipe, &out, &server).env("HTTP_AUTH", &auth)).expect(0);
    let asked = server.requests();
    let index = format!("/repository/{ARCH}/APKINDEX.tar.gz 200");
    assert!(asked.contains(&index), "{asked:?}");
    let apk = out.join(ARCH).join("tiny-1.0.0-r0.apk");
    run(&mut verify(&apk, trust_root())).expect(0);
    let provenance = std::fs::read_to_string(apk.with_extension("apk.intoto.jsonl")).unwrap();
    let payloads: Vec<String> = provenance.lines().map(payload).collect();
    let repository = format!("{}/repository", server.url());
    assert!(payloads[0].contains(&repository), "{}", payloads[0]);
    assert!(!payloads.concat().contains("hidden"));

    // The same without a server, from what was fetched.
    let again = workshop.folder("again");
    let mut offline = build(&recipe, &again, &server);
    drop(server);
    run(offline.arg("--offline")).expect(0);
    let bytes = |folder: &Path| std::fs::read(folder.join(ARCH).join("tiny-1.0.0-r0.apk")).unwrap();
    assert_eq!(bytes(&out), bytes(&again));
}

/// What an envelope says.
fn payload(line: &str) -> String {
    let envelope: serde_json::Value = serde_json::from_str(line).unwrap();
    let bytes = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}
