//! Builds of different trust share this host's caches: an untrusted one, whose repository has other
//! bytes under the same name and version, goes first, and a release takes nothing of it.

use crate::commands::{ARCH, build, publish, recipe, run};
use crate::fixture::trust_root;
use bessemer_testkit::Workshop;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository that offers `ingredient-1.0.0-r0` with this word in it.
fn offering(workshop: &Workshop, word: &str) -> PathBuf {
    let script = format!(
        "mkdir -p \"${{{{targets.destdir}}}}/etc\"\necho {word} > \"${{{{targets.destdir}}}}/etc/ingredient\""
    );
    let place = Workshop::new();
    let file = recipe(&place, "ingredient", &[("write", &script)], "");
    let out = workshop.at(&format!("made-{word}"));
    run(&mut build(&file, &out)).expect(0);
    let package = out.join(ARCH).join("ingredient-1.0.0-r0.apk");
    let repository = workshop.at(&format!("repository-{word}"));
    let mut command = publish(&[package], &repository);
    run(command.arg("--allow-untested")).expect(0);
    repository
}

/// The key that signs this host's indexes.
fn index_key() -> PathBuf {
    let entries = fs::read_dir(trust_root().parent().unwrap()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is_local = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("local-") && name.ends_with(".rsa.pub")
    };
    paths.find(is_local).expect("no key of this host")
}

/// Builds the same recipe with that repository; its package, and what it has of the ingredient.
fn taken(workshop: &Workshop, repository: &Path, out: &str) -> (Vec<u8>, String) {
    let text = "package:\n  name: taker\n  version: 1.0.0\n  epoch: 0\n  copyright:\n    - \
                license: Apache-2.0\nenvironment:\n  contents:\n    packages: [busybox, \
                ingredient]\npipeline:\n  - runs: |\n      install -Dm644 /etc/ingredient \
                \"${{targets.destdir}}/usr/share/taken\"\n";
    let file = workshop.file("taker/taker.yaml", text);
    let out = workshop.at(out);
    let mut command = build(&file, &out);
    command.arg("--repository-append").arg(repository);
    run(command.arg("--keyring-append").arg(index_key())).expect(0);
    let package = out.join(ARCH).join("taker-1.0.0-r0.apk");
    let mut tar = Command::new("tar");
    tar.arg("-xzOf").arg(&package).arg("usr/share/taken");
    let word = String::from_utf8(tar.output().unwrap().stdout).unwrap();
    (fs::read(package).unwrap(), word.trim_end().to_owned())
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_release_takes_nothing_of_an_untrusted_build_before_it() {
    let workshop = Workshop::new();
    // Words of this run: whatever the caches hold, they have none of it yet.
    let run_words = ["untrusted", "release"].map(|who| format!("{who}-{}", std::process::id()));
    let [theirs, ours] = run_words.each_ref().map(|word| offering(&workshop, word));
    let (_, word) = taken(&workshop, &theirs, "untrusted");
    assert_eq!(word, run_words[0], "the untrusted build gets its own");
    let (first, word) = taken(&workshop, &ours, "release");
    assert_eq!(word, run_words[1]);
    // Now the caches hold both, and the untrusted one was there first.
    let (again, _) = taken(&workshop, &ours, "release-again");
    assert!(first == again, "a filled cache gives another package");
}
