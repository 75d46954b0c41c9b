//! `bessemer image`: whole commands on the test repository of the crate `image`. Needs no guest. What
//! each prints is in `image/*.txt`.

use bessemer_testkit::{Filter, Outcome, Workshop, compare};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A folder with the test data of the crate `image` as `own`.
pub(crate) fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../image/test-data/own");
    copy(&data, "own", &workshop);
    workshop
}

fn copy(from: &Path, to: &str, workshop: &Workshop) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{to}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &name, workshop);
        } else {
            workshop.file(&name, fs::read(entry.path()).unwrap());
        }
    }
}

pub(crate) fn command(words: &[&str], workshop: &Workshop) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    command
        .env_clear()
        .env("HOME", workshop.path())
        .current_dir(workshop.path())
        .args(words);
    command
}

fn bessemer(words: &[&str], workshop: &Workshop) -> Outcome {
    Outcome::of(&mut command(words, workshop), Duration::from_secs(60))
}

fn check(name: &str, words: &[&str], status: i32, workshop: &Workshop) {
    let outcome = bessemer(words, workshop);
    outcome.expect(status);
    let text = format!("$ bessemer {}\n{outcome}", words.join(" "));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/image");
    let file = directory.join(format!("{name}.txt"));
    compare(&file, &Filter::new().apply(&text));
}

#[test]
fn an_image_file_is_printed_resolved_locked_and_built() {
    let workshop = workshop();
    let config = "own/small.yaml";
    for (name, words) in [
        (
            "show-config",
            &["show-config", config, "-r", "https://me:secret@host/more/"][..],
        ),
        (
            "show-config-json",
            &["show-config", "small.yaml", "-C", "own", "--json"],
        ),
        ("show-packages", &["show-packages", config]),
        (
            "show-packages-lock",
            &[
                "show-packages",
                config,
                "--arch",
                "amd64",
                "--format",
                "packagelock-source",
            ],
        ),
        (
            "show-packages-json",
            &["show-packages", config, "--arch", "x86_64", "--json"],
        ),
        ("lock", &["lock", config, "--output", "made.lock.json"]),
        ("build", &["build", config, "team/app:1", "app.tar"]),
        (
            "build-locked",
            &[
                "build",
                config,
                "team/app:1",
                "locked.tar",
                "--lockfile",
                "made.lock.json",
                "--sbom=false",
                "--offline",
                "--json",
            ],
        ),
        (
            "build-zstd",
            &[
                "build",
                config,
                "app",
                "zstd.tar",
                "--compression",
                "zstd",
                "--arch",
                "arm64",
                "--sbom-formats",
                "spdx,cyclonedx",
                "--json",
            ],
        ),
    ] {
        let words = [&["image"], words].concat();
        check(name, &words, 0, &workshop);
    }
    let read = |name: &str| fs::read(workshop.at(name)).unwrap();
    assert!(
        read("app.tar") == read("locked.tar"),
        "the lock gives another archive"
    );
    let mut names: Vec<String> = fs::read_dir(workshop.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let expected = [
        "app.tar",
        "locked.tar",
        "made.lock.json",
        "own",
        "sbom-aarch64.cdx.json",
        "sbom-aarch64.spdx.json",
        "sbom-index.cdx.json",
        "sbom-index.spdx.json",
        "sbom-x86_64.spdx.json",
        "zstd.tar",
    ];
    assert_eq!(names, expected);
}

#[test]
fn an_image_that_is_mounted_is_shown_and_built() {
    let workshop = workshop();
    let build = [
        "build",
        CONFIG,
        "team/app:1",
        "erofs.tar",
        "--format",
        "erofs",
        "--sbom=false",
        "--json",
    ];
    let show = ["show-config", CONFIG, "--format", "erofs"];
    for (name, words) in [("show-config-format", &show[..]), ("build-erofs", &build)] {
        check(name, &[&["image"], words].concat(), 0, &workshop);
    }
}

const CONFIG: &str = "own/small.yaml";

/// What cannot be done, by the name of its snapshot.
const REFUSED: &[(&str, &[&str])] = &[
    ("wrong-key", &["show-config", "wrong.yaml"]),
    ("wrong-include", &["show-config", "includes.yaml"]),
    ("wrong-file", &["show-config", "nowhere.yaml"]),
    ("wrong-arch", &["show-packages", CONFIG, "--arch", "vax"]),
    (
        "wrong-format",
        &["show-packages", CONFIG, "--format", "{{.Nam}}"],
    ),
    ("no-repository", &["show-packages", "nothing.yaml"]),
    ("no-index", &["lock", CONFIG, "-r", "./absent"]),
    ("unsigned", &["lock", "unsigned.yaml"]),
    (
        "unsolvable",
        &["build", CONFIG, "a", "a.tar", "-p", "absent"],
    ),
    (
        "lock-config",
        &[
            "build",
            "changed.yaml",
            "a",
            "a.tar",
            "--lockfile",
            "lock.json",
        ],
    ),
    (
        "lock-version",
        &["build", CONFIG, "a", "a.tar", "--lockfile", "old.json"],
    ),
    (
        "lock-data",
        &["build", CONFIG, "a", "a.tar", "--lockfile", "data.json"],
    ),
    (
        "lock-key",
        &["build", CONFIG, "a", "a.tar", "--lockfile", "key.json"],
    ),
    (
        "lock-repositories",
        &[
            "build",
            CONFIG,
            "a",
            "a.tar",
            "--lockfile",
            "repositories.json",
        ],
    ),
    (
        "lock-arch",
        &[
            "build",
            CONFIG,
            "a",
            "a.tar",
            "--lockfile",
            "lock.json",
            "--arch",
            "riscv64",
        ],
    ),
    (
        "lock-package",
        &[
            "build",
            CONFIG,
            "a",
            "a.tar",
            "--lockfile",
            "lock.json",
            "-p",
            "trust-one",
        ],
    ),
    (
        "annotation",
        &["build", CONFIG, "a", "a.tar", "--annotations", "Title:x"],
    ),
    ("no-folder", &["build", CONFIG, "a", "absent/a.tar"]),
    ("base-unlocked", &["build", "based.yaml", "a", "a.tar"]),
    ("base-absent", &["lock", "based.yaml"]),
    ("base-beside", &["show-config", "beside.yaml"]),
    (
        "format-base",
        &["show-config", "based.yaml", "--format", "erofs"],
    ),
    (
        "format-layering",
        &["lock", "own/layers.yaml", "--format", "erofs"],
    ),
    (
        "format-compression",
        &[
            "build",
            CONFIG,
            "a",
            "a.tar",
            "--format",
            "erofs",
            "--compression",
            "zstd",
        ],
    ),
];

/// An image on a base, as `based.yaml`.
pub(crate) const BASED: &str = "contents:
  baseimage:
    image: ./base
    apkindex: ./installed
  keyring: [./own/foundry.rsa.pub]
  repositories: [./own/packages]
  packages: [layout, trust-one]
archs: [x86_64, aarch64]
";

#[test]
fn what_is_wrong_is_said() {
    let workshop = workshop();
    workshop.file("wrong.yaml", "contents:\n  package: [a]\n");
    workshop.file("includes.yaml", "include: nowhere.yaml\n");
    workshop.file(
        "changed.yaml",
        [&fs::read(workshop.at(CONFIG)).unwrap()[..], b"\ncmd: a\n"].concat(),
    );
    let lock = fs::read_to_string(workshop.at("own/golden/small.lock.json")).unwrap();
    // apko was started in another folder.
    workshop.file("lock.json", &lock);
    workshop.file("old.json", lock.replace("\"v1\"", "\"v2\""));
    workshop.file("data.json", lock.replace("sha256-ELZr", "sha256-AAAA"));
    workshop.file("key.json", lock.replace("foundry.rsa.pub", "other.rsa.pub"));
    workshop.file(
        "repositories.json",
        lock.replace("own/packages/x86_64/APKINDEX", "elsewhere/x86_64/APKINDEX"),
    );
    workshop.file("nothing.yaml", "contents: {packages: [a]}\n");
    workshop.file(
        "unsigned.yaml",
        "contents:\n  packages: [layout-next]\n  repositories: [./own/packages]\narchs: [amd64]\n",
    );
    workshop.file("based.yaml", BASED);
    workshop.file("beside.yaml", format!("{BASED}environment:\n  LANG: C\n"));
    for (name, words) in REFUSED {
        let words = [&["image"], *words].concat();
        check(name, &words, 1, &workshop);
    }
    assert!(!workshop.at("a.tar").exists());
}

#[test]
fn an_image_goes_on_top_of_another() {
    let workshop = workshop();
    workshop.folder("base");
    let words = ["image", "build", CONFIG, "base:1", "base", "--sbom=false"];
    bessemer(&words, &workshop).expect(0);
    write_databases(&workshop);
    workshop.file("based.yaml", BASED);
    let locked = [
        "build",
        "based.yaml",
        "app:1",
        "app.tar",
        "--lockfile",
        "based.lock.json",
        "--json",
    ];
    for (name, words) in [
        ("base-show-packages", &["show-packages", "based.yaml"][..]),
        ("base-lock", &["lock", "based.yaml"]),
        ("base-build", &locked),
    ] {
        check(name, &[&["image"], words].concat(), 0, &workshop);
    }
    let path = workshop.at("installed/x86_64/APKINDEX");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("V:2.4-r1", "V:2.4-r2")).unwrap();
    check(
        "base-changed",
        &[&["image"], &locked[..]].concat(),
        1,
        &workshop,
    );
}

/// What is installed in the images of `base`, where `based.yaml` has it.
pub(crate) fn write_databases(workshop: &Workshop) {
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(workshop.at(name)).unwrap()).unwrap()
    };
    let blob = |digest: &serde_json::Value| {
        let digest = digest.as_str().unwrap();
        format!("base/blobs/{}", digest.replace(':', "/"))
    };
    for (number, arch) in ["x86_64", "aarch64"].into_iter().enumerate() {
        let manifest = read(&blob(
            &read("base/index.json")["manifests"][number]["digest"],
        ));
        let mut tar = Command::new("tar");
        tar.current_dir(workshop.path())
            .args(["-xzOf", &blob(&manifest["layers"][0]["digest"])])
            .arg("usr/lib/apk/db/installed");
        let output = tar.output().unwrap();
        assert!(output.status.success());
        workshop.file(&format!("installed/{arch}/APKINDEX"), output.stdout);
    }
}

/// The same image whatever the machine: the order of the image file's lists, locale, time zone, umask,
/// directory and an empty cache.
#[test]
fn the_same_inputs_give_the_same_bytes() {
    let workshop = workshop();
    let text = |packages: &str, environment: &str| {
        format!(
            "contents:\n  keyring: [./own/foundry.rsa.pub]\n  repositories: [./own/packages]\n  packages: [{packages}]\narchs: [x86_64, aarch64]\nenvironment: {{{environment}}}\nlayering: {{strategy: origin, budget: 2}}\n"
        )
    };
    let names = ["layout-next", "trust-one", "trust-two"];
    let one = text(&names.join(", "), "B: b, A: a");
    let other = text(
        &[names[2], names[0], names[1], names[0]].join(", "),
        "A: a, B: b",
    );
    workshop.file("image.yaml", one);
    let mut first = command(
        &["image", "build", "image.yaml", "app:1", "app.tar"],
        &workshop,
    );
    Outcome::of(&mut first, Duration::from_secs(60)).expect(0);

    let second_workshop = self::workshop();
    second_workshop.file("image.yaml", other);
    let words = [
        "image",
        "build",
        "image.yaml",
        "app:1",
        "out/app.tar",
        "--cache-dir",
        "cache",
        "--arch",
        "aarch64,x86_64",
    ];
    second_workshop.folder("out");
    let mut second = command(&words, &second_workshop);
    second
        .env("TZ", "Asia/Kolkata")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("LANG", "C");
    Outcome::of(&mut with_umask(&second), Duration::from_secs(60)).expect(0);

    let one = fs::read(workshop.at("app.tar")).unwrap();
    let other = fs::read(second_workshop.at("out/app.tar")).unwrap();
    assert!(one == other, "two archives of one image differ");
    for name in ["sbom-x86_64.spdx.json", "sbom-index.spdx.json"] {
        let one = fs::read(workshop.at(name)).unwrap();
        assert_eq!(one, fs::read(second_workshop.at("out").join(name)).unwrap());
    }
}

/// The command, started by a shell that lets nobody else read what it makes.
fn with_umask(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "umask 0077; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
        .env_clear()
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell
}
