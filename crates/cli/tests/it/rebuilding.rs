//! Packages built again from what they carry.

use crate::commands::{ARCH, BESIDE, bessemer, build, rebuild, recipe, run};
use crate::fixture::{FILES, tiny};
use bessemer_apk::Limits;
use bessemer_package::{Metadata, Opened, Scratch, emit};
use bessemer_testkit::{Workshop, variable};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of a package with another text in its evaluated recipe, as somebody would make it who has
/// no key.
fn changed(workshop: &Workshop, package: &Path, from: &str, to: &str) -> PathBuf {
    let file = fs::File::open(package).unwrap();
    let opened = Opened::read(file, workshop.path(), Limits::default()).unwrap();
    let control = &opened.header.control;
    let recipe = String::from_utf8(control.files[".melange.yaml"].clone()).unwrap();
    assert!(recipe.contains(from), "{recipe}");
    let metadata = Metadata {
        info: control.pkginfo.clone(),
        scripts: BTreeMap::new(),
        melange_yaml: Some(recipe.replace(from, to).into_bytes()),
    };
    let folder = workshop.folder("changed");
    let made = emit(&metadata, &opened.tree, &BTreeMap::new(), 0, &folder).unwrap();
    let path = folder.join(package.file_name().unwrap());
    made.attach(b"", &path, &Scratch::new(&folder)).unwrap();
    // Renamed into place, it has the mode of a temporary file.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&path, mode).unwrap();
    path
}

/// What `--complete` prints of one build.
fn check_completeness(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let starts = [
        "complete: tiny-1.0.0-r0.apk",
        "  environment disk   ",
        "  sources disk       ",
        "  writable disks     scratch of 8192 MiB, an empty file system in ",
        "  kernel command     5 words, from bessemer",
        "  messages           ",
        "  the same again     environment-disk, sources-disk, kernel, initramfs, agent",
        "  the original's     was given the same, sha256:",
        "  in no list         entropy, clock, timer calibration, the proxy's certificate authority",
    ];
    assert_eq!(lines.len(), starts.len(), "{text}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{text}");
    }
    for disk in &lines[1..3] {
        assert!(disk.ends_with("none of anything else"), "{text}");
    }
    let packages: u64 = lines[1].split_whitespace().nth(5).unwrap().parse().unwrap();
    assert!(packages > 10, "{text}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_was_built_is_built_again_byte_for_byte() {
    let workshop = Workshop::new();
    let packages = FILES.map(|file| tiny().builds[0].join(file));
    let outcome = rebuild(&packages, &workshop.at("again"), &["--complete"]);
    outcome.expect(0);
    let folder = workshop.at("again").join(ARCH);
    let equal = |file: &str| {
        let signed = folder.join(format!("{file}.reproduced.intoto.jsonl"));
        format!("equal: {file}\n  signed: {}\n", signed.display())
    };
    let expected = FILES.map(equal).concat();
    let complete = outcome.stdout.strip_prefix(&expected);
    check_completeness(complete.unwrap_or_else(|| panic!("{outcome}")));
    for said in [
        "note: tiny-1.0.0-r0.apk is what https://local.bessemer.invalid/",
        "note: tiny-doc-1.0.0-r0.apk is of the build that was just done",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    // Of the factory's own key even the signature is the same.
    for file in FILES {
        let again = fs::read(workshop.at("again").join(ARCH).join(file)).unwrap();
        assert!(
            again == fs::read(tiny().builds[0].join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_provenance_is_shown_to_list_everything() {
    let workshop = Workshop::new();
    // Its attestations stand elsewhere, under other names.
    let original = tiny().builds[0].join(FILES[0]);
    let folder = Workshop::new();
    let package = folder.file(FILES[0], fs::read(&original).unwrap());
    let attested = BESIDE.map(|end| {
        let bytes = fs::read(format!("{}{end}", original.display())).unwrap();
        folder.file(&format!("attested{end}"), bytes)
    });
    let mut command = bessemer();
    command.current_dir(workshop.path()).arg("verify");
    command.arg(package);
    let [envelopes, proofs] = attested;
    command.arg("--attestations").arg(envelopes);
    command.arg("--proofs").arg(proofs);
    command.args(["--complete", "--json", "--trust-root"]);
    command.arg(&tiny().trust_root).arg("--repository-append");
    command.arg(variable("BESSEMER_TEST_REPOSITORY"));
    command.arg("--keyring-append");
    let outcome = run(command.arg(variable("BESSEMER_TEST_KEY")));
    outcome.expect(0);
    let found: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(found["result"], "PASS");
    assert_eq!(found["packages"][0]["result"], "PASS");
    assert_eq!(found["rebuilt"]["equal"], true);
    assert_eq!(found["rebuilt"]["packages"][0]["attested"], true);
    assert_eq!(found["rebuilt"]["complete"][0]["complete"], true);
    let entered = &found["rebuilt"]["complete"][0]["entered"];
    assert_eq!(entered["writable"][1]["name"], "output");
    assert_eq!(entered["writable"][1]["filled"], 0);
    let inputs = &found["rebuilt"]["complete"][0]["guest_inputs"];
    assert_eq!(inputs["result"], "same", "{inputs}");
    let messages = entered["messages"].as_array().unwrap();
    let whats = messages.iter().map(|it| it["what"].as_str().unwrap());
    let whats: Vec<&str> = whats.collect();
    assert_eq!(whats[..2], ["configure", "run prepare"]);
    assert_eq!(whats[whats.len() - 2..], ["archive", "power off"]);
    // Nothing is left where the command was called.
    assert_eq!(fs::read_dir(workshop.path()).unwrap().count(), 0);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_package_that_its_recipe_does_not_make_is_told_apart() {
    let workshop = Workshop::new();
    let package = tiny().builds[0].join(FILES[0]);
    let forged = changed(&workshop, &package, "Hello from", "Greetings from");
    let outcome = rebuild(std::slice::from_ref(&forged), &workshop.at("again"), &[]);
    outcome.expect(1);
    for said in [
        "different: tiny-1.0.0-r0.apk\n",
        "  changed usr/share/tiny/greeting: sha256:",
        "    -datahash = ",
        "    +datahash = ",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {outcome}");
    }
    // The recipe is what was built from, so it is no difference.
    assert!(!outcome.stdout.contains(" .melange.yaml"), "{outcome}");
    assert!(
        outcome.stderr.contains("has no attestations beside it"),
        "{outcome}"
    );
    assert!(
        outcome.stderr.contains("error: 1 of 1 packages differ"),
        "{outcome}"
    );
    let json = rebuild(
        std::slice::from_ref(&forged),
        &workshop.at("more"),
        &["--json"],
    );
    json.expect(1);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["equal"], false);
    assert_eq!(json["packages"][0]["attested"], false);
    let none = workshop.at("none");
    let outcome = rebuild(std::slice::from_ref(&forged), &none, &["--complete"]);
    outcome.expect(1);
    let said = "has no attestations beside it";
    assert!(outcome.stderr.contains(said), "{outcome}");
    // With the original's attestations beside it nothing is built at all.
    for end in BESIDE {
        let beside = fs::read(format!("{}{end}", package.display())).unwrap();
        workshop.file(&format!("changed/{}{end}", FILES[0]), beside);
    }
    let outcome = rebuild(&[forged], &none, &[]);
    outcome.expect(1);
    assert!(
        outcome.stderr.contains("is not what was attested"),
        "{outcome}"
    );
    assert!(!none.join(ARCH).exists());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn files_beside_a_recipe_are_explained_and_no_others_will_do() {
    let workshop = Workshop::new();
    let install = "install -D beside.txt \"${{targets.destdir}}/usr/share/beside.txt\"";
    let recipe = recipe(&workshop, "beside", &[("copy", install)], "");
    let file = workshop.file("beside/beside/beside.txt", "sixteen letters\n");
    let folder = file.parent().unwrap().to_str().unwrap().to_owned();
    let out = workshop.at("packages");
    run(&mut build(&recipe, &out)).expect(0);
    let package = out.join(ARCH).join("beside-1.0.0-r0.apk");
    let words = ["--complete", "--source-dir", folder.as_str()];
    let complete = |to: &str| rebuild(std::slice::from_ref(&package), &workshop.at(to), &words);
    let outcome = complete("again");
    outcome.expect(0);
    for said in [
        "complete: beside-1.0.0-r0.apk\n",
        "  sources disk       16 bytes of 1 listed items, ",
        "  the original's     was given the same, sha256:",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {outcome}");
    }
    fs::write(&file, "other 16 letters").unwrap();
    let outcome = complete("other");
    outcome.expect(1);
    for said in [
        "the sources-disk of the guest was ",
        "name with --source-dir the folder as it was",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    assert!(!outcome.stdout.contains("complete:"), "{outcome}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn versions_that_are_gone_are_named() {
    let workshop = Workshop::new();
    let package = tiny().builds[0].join(FILES[0]);
    let older = changed(&workshop, &package, "\"busybox=", "\"busybox=0.0.");
    let outcome = rebuild(&[older], &workshop.at("again"), &[]);
    outcome.expect(1);
    assert_eq!(outcome.errors("error: ").count(), 1, "{outcome}");
    let said = "are in no repository: busybox=0.0.";
    assert!(outcome.stderr.contains(said), "{outcome}");
    assert!(outcome.stderr.contains("--repository-append"), "{outcome}");
}
