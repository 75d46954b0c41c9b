//! What the gate and the verifier hold against somebody who can write to folders but has no key.

use crate::commands::{ARCH, BESIDE, build, publish, recipe, run, verify};
use crate::fixture::{FILES, tiny, trust_root};
use bessemer_apk::{Limits, read_index};
use bessemer_testkit::Workshop;
use std::fs;
use std::path::{Path, PathBuf};

/// A published package and its attestations, copied under `name`.
fn copied_as(workshop: &Workshop, from: &Path, name: &str) -> PathBuf {
    for end in BESIDE {
        let beside = fs::read(format!("{}{end}", from.display())).unwrap();
        workshop.file(&format!("{name}{end}"), beside);
    }
    workshop.file(name, fs::read(from).unwrap())
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_index_that_somebody_else_wrote_is_not_signed_again() {
    let workshop = Workshop::new();
    let repository = workshop.at("repository");
    let package = |number: usize| tiny().builds[0].join(FILES[number]);
    run(&mut publish(&[package(0)], &repository)).expect(0);
    let index = repository.join(ARCH).join("APKINDEX.tar.gz");
    let bytes = fs::read(&index).unwrap();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    let unsigned = &bytes[archive.unsigned.clone()];
    fs::write(&index, unsigned).unwrap();
    let outcome = run(&mut publish(&[package(1)], &repository));
    outcome.expect(1);
    let said = "is not as this factory left it";
    assert!(outcome.stderr.contains(said), "{outcome}");
    assert!(fs::read(&index).unwrap() == unsigned);
    fs::write(&index, &bytes).unwrap();
    run(&mut publish(&[package(1)], &repository)).expect(0);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_package_is_what_its_file_name_says() {
    let workshop = Workshop::new();
    let own = copied_as(&workshop, &tiny().repositories[0].join(FILES[0]), FILES[0]);
    run(&mut verify(&own, trust_root())).expect(0);
    let other = copied_as(&workshop, &own, "openssl-9.9.9-r9.apk");
    let outcome = run(&mut verify(&other, trust_root()));
    outcome.expect(1);
    assert!(outcome.stderr.contains(FILES[0]), "{outcome}");
    let forged = copied_as(&workshop, &own, "x\u{1b}[2J\nPASS real.apk");
    let outcome = run(&mut verify(&forged, trust_root()));
    outcome.expect(1);
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome}");
    assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_summary_speaks_of_one_repository() {
    let workshop = Workshop::new();
    let (first, second) = (workshop.at("first"), workshop.at("second"));
    let package = tiny().builds[0].join(FILES[0]);
    let uri = |of: &str| format!("https://{of}.example");
    let admit = |from: PathBuf, repository: &Path, of: &str| {
        let mut command = publish(&[from], repository);
        run(command.arg("--resource-uri").arg(uri(of))).expect(0);
        repository.join(ARCH).join(FILES[0])
    };
    let staging = admit(package, &first, "staging");
    let demanded = |package: &Path, of: &str| {
        let mut command = verify(package, trust_root());
        run(command.arg("--resource-uri").arg(uri(of)))
    };
    demanded(&staging, "staging").expect(0);
    demanded(&staging, "release").expect(1);
    // Published from there, it bears the new repository's summary and no other.
    let release = admit(staging, &second, "release");
    demanded(&release, "release").expect(0);
    demanded(&release, "staging").expect(1);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_guests_boot_is_published_only_when_somebody_says_so() {
    let workshop = Workshop::new();
    let script = "mkdir -p \"${{targets.destdir}}/boot\"";
    let recipe = recipe(&workshop, "bessemer-kernel-mine", &[("write", script)], "");
    let out = workshop.at("packages");
    run(&mut build(&recipe, &out)).expect(0);
    let package = out.join(ARCH).join("bessemer-kernel-mine-1.0.0-r0.apk");
    let publish = |words: &[&str]| {
        let package = std::slice::from_ref(&package);
        let mut command = publish(package, &workshop.at("repository"));
        run(command.arg("--allow-untested").args(words))
    };
    let outcome = publish(&[]);
    outcome.expect(1);
    assert!(outcome.stderr.contains("what guests boot"), "{outcome}");
    assert!(outcome.stderr.contains("--allow-boot"), "{outcome}");
    publish(&["--allow-boot"]).expect(0);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_link_beside_a_recipe_leads_nowhere() {
    let secret = Workshop::new();
    secret.file("id_ed25519", "secret");
    for (linked, script) in [
        (true, "test ! -e id_ed25519"),
        (false, "test -e id_ed25519"),
    ] {
        let workshop = Workshop::new();
        let recipe = recipe(&workshop, "leak", &[("look", script)], "");
        let beside = recipe.with_file_name("leak");
        if linked {
            std::os::unix::fs::symlink(secret.at(""), &beside).unwrap();
        } else {
            fs::create_dir(&beside).unwrap();
            fs::write(beside.join("id_ed25519"), "secret").unwrap();
        }
        run(&mut build(&recipe, &workshop.at("packages"))).expect(0);
    }
}
