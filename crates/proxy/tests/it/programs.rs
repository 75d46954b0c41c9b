//! git, which asks in its own protocol.

use crate::guest::{Guest, config};
use crate::origin::Origin;
use bessemer_proxy::protocol::Mode;
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b.test"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Clones through the guest's proxy, as a recipe would; the commit that is checked out.
fn clone(guest: &Guest, url: &str) -> String {
    let output = guest
        .command("git")
        .args(["clone", "-q", url, "copy"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    git(&guest.at("copy"), &["rev-parse", "HEAD"])
}

#[test]
fn git_clones_and_clones_again_from_the_record() {
    let remote = tempfile::tempdir().unwrap();
    let project = remote.path().join("project.git");
    let work = remote.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q", "."]);
    for number in 0..40 {
        std::fs::write(work.join(format!("file{number}")), number.to_string()).unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "more"]);
        git(&work, &["tag", &format!("v{number}")]);
    }
    git(
        remote.path(),
        &["clone", "-q", "--bare", "work", "project.git"],
    );
    let commit = git(&work, &["rev-parse", "HEAD"]);
    assert!(project.is_dir());
    let origin = Origin::start(Some(remote.path().to_owned()));
    let mut first = config(Mode::Recorded);
    first.private = origin.names();
    first.authorities.clone_from(&origin.authority);
    let url = format!("{}/git/project.git", origin.url());
    let guest = Guest::start(&first);
    assert_eq!(clone(&guest, &url), commit);
    let told = guest.finish();
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
    let wanted: Vec<_> = told
        .exchanges
        .iter()
        .flat_map(|(one, _)| &one.wanted)
        .collect();
    assert!(wanted.contains(&&commit), "{wanted:?}");
    drop(origin);

    let (recorded, bodies) = told.recorded();
    let mut second = config(Mode::Replay);
    second.recorded = recorded;
    let guest = Guest::replaying(&second, &bodies);
    assert_eq!(clone(&guest, &url), commit);
    assert!(guest.finish().refusals.is_empty());
}
