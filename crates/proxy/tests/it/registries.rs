//! pip, npm, cargo and go, each from a registry made here, and each again from the record.

use crate::guest::{Guest, Told, config};
use crate::origin::{Origin, Reply};
use bessemer_digest::Digest;
use bessemer_proxy::protocol::Mode;
use sha1::Digest as _;
use std::fmt::Write as _;
use std::process::Command;

/// Runs `work` in a guest that records, then in one that has the record alone.
fn twice(origin: Origin, work: impl Fn(&Guest) -> Vec<u8>) -> Told {
    let mut first = config(Mode::Recorded);
    first.private = origin.names();
    first.authorities.clone_from(&origin.authority);
    let guest = Guest::start(&first);
    let made = work(&guest);
    let told = guest.finish();
    assert!(told.refusals.is_empty(), "{:?}", told.refusals);
    assert!(!told.exchanges.is_empty());
    drop(origin);
    let (recorded, bodies) = told.recorded();
    let mut second = config(Mode::Replay);
    second.recorded = recorded;
    let guest = Guest::replaying(&second, &bodies);
    assert_eq!(work(&guest), made, "the record gives the same");
    let again = guest.finish();
    assert!(again.refusals.is_empty(), "{:?}", again.refusals);
    told
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// Where the interpreter itself is, and not what chooses one.
fn python() -> String {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

/// A zip archive of these files.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w')\nfor i in range(2, len(sys.argv), 2): z.writestr(sys.argv[i], sys.argv[i + 1])\nz.close()";
    let path = folder.path().join("a.zip");
    let mut command = Command::new(python());
    command.args(["-c", script]).arg(&path);
    for (name, content) in files {
        command.args([name, content]);
    }
    run(&mut command);
    std::fs::read(path).unwrap()
}

fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn pip_downloads_a_wheel() {
    let origin = Origin::start(None);
    let wheel = zip(&[
        ("demo.py", "x = 1\n"),
        (
            "demo-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        ),
        (
            "demo-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        ("demo-1.0.dist-info/RECORD", ""),
    ]);
    let name = "demo-1.0-py3-none-any.whl";
    let page = format!("<html><body><a href=\"/files/{name}\">{name}</a></body></html>");
    origin.put(
        "/simple/demo/",
        Reply::ok(page).with("Content-Type", "text/html"),
    );
    origin.put(&format!("/files/{name}"), Reply::ok(wheel.clone()));
    let index = format!("{}/simple/", origin.url());
    let told = twice(origin, |guest| {
        let mut command = guest.command(&python());
        command
            .args([
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--no-cache-dir",
                "-i",
                &index,
                "demo",
            ])
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        run(&mut command);
        std::fs::read(guest.at(name)).unwrap()
    });
    assert_eq!(told.body_of(name), wheel);
}

#[test]
fn npm_installs_a_package() {
    let origin = Origin::start(None);
    let package = tar_gz(&[
        (
            "package/package.json",
            "{\"name\":\"demo\",\"version\":\"1.0.0\"}",
        ),
        ("package/index.js", "module.exports = 1\n"),
    ]);
    let sum = hex(&sha1::Sha1::digest(&package));
    let at = format!("{}/npm/demo/-/demo-1.0.0.tgz", origin.url());
    let document = format!(
        "{{\"name\":\"demo\",\"dist-tags\":{{\"latest\":\"1.0.0\"}},\"versions\":{{\"1.0.0\":{{\"name\":\"demo\",\"version\":\"1.0.0\",\"dist\":{{\"tarball\":\"{at}\",\"shasum\":\"{sum}\"}}}}}}}}"
    );
    origin.put(
        "/npm/demo",
        Reply::ok(document).with("Content-Type", "application/json"),
    );
    origin.put("/npm/demo/-/demo-1.0.0.tgz", Reply::ok(package.clone()));
    let registry = format!("{}/npm/", origin.url());
    let told = twice(origin, |guest| {
        let mut command = guest.command("npm");
        command
            .args([
                "install",
                "demo",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ])
            .args(["--update-notifier=false", "--registry", &registry])
            .env("npm_config_userconfig", "/dev/null")
            .env("npm_config_globalconfig", guest.at("npmrc"));
        run(&mut command);
        std::fs::read(guest.at("node_modules/demo/index.js")).unwrap()
    });
    assert_eq!(told.body_of(".tgz"), package);
}

#[test]
fn cargo_fetches_a_crate() {
    let origin = Origin::start(None);
    let manifest = "[package]\nname = \"demo-dep\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    let package = tar_gz(&[
        ("demo-dep-1.0.0/Cargo.toml", manifest),
        ("demo-dep-1.0.0/src/lib.rs", "pub fn one() {}\n"),
    ]);
    let sum = Digest::of(&package).hex();
    let entry = format!(
        "{{\"name\":\"demo-dep\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"{sum}\",\"features\":{{}},\"yanked\":false}}\n"
    );
    let dl = format!("{{\"dl\":\"{}/crates\"}}", origin.url());
    origin.put("/index/config.json", Reply::ok(dl));
    origin.put(
        "/index/de/mo/demo-dep",
        Reply::ok(entry).with("ETag", "\"1\""),
    );
    origin.put(
        "/crates/demo-dep/1.0.0/download",
        Reply::ok(package.clone()),
    );
    let index = format!("sparse+{}/index/", origin.url());
    let told = twice(origin, |guest| {
        let file = |name: &str, text: &str| {
            let path = guest.at(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        file(
            "home/config.toml",
            &format!(
                "[source.crates-io]\nreplace-with = \"own\"\n[source.own]\nregistry = \"{index}\"\n"
            ),
        );
        file(
            "work/Cargo.toml",
            "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ndemo-dep = \"1\"\n",
        );
        file("work/src/lib.rs", "");
        let mut command = guest.command(env!("CARGO"));
        command
            .args(["fetch", "--manifest-path"])
            .arg(guest.at("work/Cargo.toml"))
            .env(
                "RUSTC",
                std::path::Path::new(env!("CARGO")).with_file_name("rustc"),
            )
            .env("CARGO_HOME", guest.at("home"));
        run(&mut command);
        std::fs::read(guest.at("work/Cargo.lock")).unwrap()
    });
    assert_eq!(told.body_of("/download"), package);
}

#[test]
fn go_downloads_a_module() {
    let origin = Origin::start(None);
    let module = "module example.test/dep\n\ngo 1.20\n";
    let archive = zip(&[
        ("example.test/dep@v1.0.0/go.mod", module),
        ("example.test/dep@v1.0.0/dep.go", "package dep\n"),
    ]);
    let at = |name: &str| format!("/go/example.test/dep/@v/{name}");
    let info = "{\"Version\":\"v1.0.0\",\"Time\":\"2020-01-01T00:00:00Z\"}";
    origin.put(&at("v1.0.0.info"), Reply::ok(info));
    origin.put(&at("v1.0.0.mod"), Reply::ok(module));
    origin.put(&at("v1.0.0.zip"), Reply::ok(archive.clone()));
    // Go asks nobody's proxy for `localhost`; with the dot at its end it is a name like others.
    let proxy = format!("https://localhost.:{}/go", origin.https.port());
    let told = twice(origin, |guest| {
        let mut command = guest.command("go");
        command
            .args(["mod", "download", "-json", "example.test/dep@v1.0.0"])
            .env("GOPROXY", &proxy)
            .env("GOSUMDB", "off")
            .env("GOENV", "off")
            .env("GOFLAGS", "-modcacherw")
            .env("GOPATH", guest.at("go"));
        run(&mut command);
        std::fs::read(guest.at("go/pkg/mod/cache/download/example.test/dep/@v/v1.0.0.zip")).unwrap()
    });
    assert_eq!(told.body_of(".zip"), archive);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
