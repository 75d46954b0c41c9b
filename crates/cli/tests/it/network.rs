//! Guests with a network, from a server on this machine to provenance and back.

use crate::commands::{ARCH, bessemer, build_from};
use crate::languages::BUILD_LIMIT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_testkit::{FileServer, Outcome, Workshop, variable};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fetches as a recipe would, by what the environment says of proxies: URL and file, in pairs.
const GET: &str = "import sys, urllib.request, urllib.error
for url, name in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        open(name, 'wb').write(urllib.request.urlopen(url).read())
    except urllib.error.HTTPError as error:
        print('status', error.code, error.read().decode())
";

/// A recipe whose one step runs in the folder of its files, beside `get.py`.
fn recipe(workshop: &Workshop, name: &str, lines: &[&str]) -> PathBuf {
    let mut text = format!(
        "package:\n  name: {name}\n  version: 1.0.0\n  epoch: 0\n  copyright:\n    - license: Apache-2.0\n\
         environment:\n  contents:\n    packages: [busybox, python3]\npipeline:\n  - runs: |\n      \
         mkdir -p \"${{{{targets.destdir}}}}/usr/share/{name}\"\n      \
         cd \"${{{{targets.destdir}}}}/usr/share/{name}\"\n      cat > /tmp/get.py <<'END'\n"
    );
    for line in GET.lines().chain(["END"]).chain(lines.iter().copied()) {
        text.extend(["      ", line, "\n"]);
    }
    workshop.file(&format!("{name}/{name}.yaml"), text)
}

fn network(recipe: &Path, out: &Path, words: &[&str]) -> Outcome {
    let mut command = build_from(&variable("BESSEMER_TEST_LANGUAGES"), recipe, out);
    Outcome::of(
        command.args(["--network", "recorded"]).args(words),
        BUILD_LIMIT,
    )
}

/// The provenance beside a package.
fn provenance(out: &Path, package: &str) -> Value {
    let sidecar = out
        .join(ARCH)
        .join(format!("{package}-1.0.0-r0.apk.intoto.jsonl"));
    let text = std::fs::read_to_string(sidecar).unwrap();
    let envelope: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let payload = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    statement["predicate"].clone()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_build_records_what_it_fetches_and_is_repeated_without_the_server() {
    let workshop = Workshop::new();
    let www = workshop.folder("www");
    let big: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 253) as u8).collect();
    std::fs::write(www.join("big"), &big).unwrap();
    std::fs::write(www.join("small"), "from the server\n").unwrap();
    let server = FileServer::start(&www);
    let port = server.host().rsplit(':').next().unwrap().to_owned();
    // With a dot at its end, the name is not the one that every program keeps to itself.
    let get = format!(
        "python3 /tmp/get.py http://localhost.:{port}/big big http://localhost.:{port}/small small"
    );
    let recipe = recipe(
        &workshop,
        "fetched",
        &[
            &get,
            // TLS that is trusted, and names that lead to the proxy without its variables.
            "python3 /tmp/get.py https://no.such.host.invalid/ none",
            "for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY; do unset $name; done",
            "python3 /tmp/get.py https://other.host.invalid/ none http://other.host.invalid/ none",
        ],
    );
    let out = workshop.at("packages");
    let private = format!("localhost:{port}");
    let outcome = network(&recipe, &out, &["--network-private", &private]);
    outcome.expect(0);
    let unresolved = outcome
        .stderr
        .matches("status 502 bessemer: cannot resolve")
        .count();
    assert_eq!(unresolved, 3, "{outcome}");

    let provenance = provenance(&out, "fetched");
    let definition = &provenance["buildDefinition"];
    assert_eq!(definition["internalParameters"]["network"], "recorded");
    assert_eq!(
        definition["internalParameters"]["networkPolicy"]["private"][0],
        *private
    );
    let dependencies = definition["resolvedDependencies"].as_array().unwrap();
    let fetched: Vec<&Value> = dependencies
        .iter()
        .filter(|one| one["annotations"]["role"] == "network")
        .collect();
    assert_eq!(fetched.len(), 2, "{fetched:?}");
    assert_eq!(fetched[0]["uri"], format!("http://localhost:{port}/big"));
    let digest = bessemer_digest::Digest::of(&big).hex();
    assert_eq!(fetched[0]["digest"]["sha256"], digest);
    let byproducts = provenance["runDetails"]["byproducts"].as_array().unwrap();
    assert!(byproducts.iter().any(|one| one["name"] == "network"));

    // The network unplugged: nobody serves on that port any more.
    drop(server);
    let mut rebuild = bessemer();
    rebuild
        .arg("rebuild")
        .arg(out.join(ARCH).join("fetched-1.0.0-r0.apk"));
    rebuild.arg("--complete");
    rebuild.arg("--out-dir").arg(workshop.at("again"));
    let outcome = Outcome::of(repository(&mut rebuild), BUILD_LIMIT);
    outcome.expect(0);
    let file = "fetched-1.0.0-r0.apk";
    let signed = format!("again/{ARCH}/{file}.reproduced.intoto.jsonl");
    let signed = workshop.at(&signed).display().to_string();
    let said = format!("equal: {file}\n  signed: {signed}\ncomplete: {file}\n");
    assert!(outcome.stdout.starts_with(&said), "{outcome}");
    // Each answer is named with its digest.
    for said in [
        "  network            2 answers of servers, none of anything else\n".to_owned(),
        format!(" sha256:{digest} http://localhost:{port}/big\n"),
    ] {
        assert!(outcome.stdout.contains(&said), "{said}: {outcome}");
    }
}

fn repository(command: &mut Command) -> &mut Command {
    command
        .arg("--repository-append")
        .arg(variable("BESSEMER_TEST_LANGUAGES"))
        .arg("--keyring-append")
        .arg(variable("BESSEMER_TEST_KEY"))
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_refused_request_fails_the_build_and_is_named() {
    let workshop = Workshop::new();
    let www = workshop.folder("www");
    std::fs::write(www.join("data"), "x").unwrap();
    let server = FileServer::start(&www);
    let url = format!(
        "http://localhost.:{}/data?token=abc",
        server.host().rsplit(':').next().unwrap()
    );
    // The step itself does not mind.
    let recipe = recipe(
        &workshop,
        "refused",
        &[&format!("python3 /tmp/get.py '{url}' x || true")],
    );
    let private = format!("localhost:{}", server.host().rsplit(':').next().unwrap());
    let listed = [
        "--network-private",
        &private,
        "--network-allow",
        "mirror.example/pub",
    ];
    let cases: [(&[&str], _, _); 2] = [
        (&[], "is not one of HTTP", "--network-private HOST:PORT"),
        (
            &listed,
            "it is not among what is allowed",
            "name it with --network-allow",
        ),
    ];
    for (words, reason, hint) in cases {
        let outcome = network(&recipe, &workshop.at("packages"), words);
        outcome.expect(1);
        let shown = format!("asked for http://{private}/data?token=REDACTED: ");
        assert!(outcome.stderr.contains(&shown), "{outcome}");
        assert!(
            outcome.stderr.contains(reason) && outcome.stderr.contains(hint),
            "{outcome}"
        );
    }
    assert!(server.requests().is_empty(), "nobody was asked");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_wants_a_network_where_there_is_none_is_shown_the_flag() {
    let workshop = Workshop::new();
    let fails = "python3 /tmp/get.py https://sources.example.org/app.tar.gz x";
    let recipe = recipe(&workshop, "wanting", &[fails]);
    let build = |words: &[&str]| {
        let out = workshop.at("packages");
        let mut command = build_from(&variable("BESSEMER_TEST_LANGUAGES"), &recipe, &out);
        Outcome::of(command.args(words), BUILD_LIMIT)
    };
    let outcome = build(&[]);
    outcome.expect(1);
    // What the program itself sees is what it saw without anybody listening.
    for said in [
        "Temporary failure in name resolution",
        "bessemer: this guest has no network; asked for: sources.example.org\n",
        "hint: the step asked for a server, and the guest has no network; `--network recorded`",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    // The control run: with a network, the same step is refused by its proxy and not by the guest.
    let outcome = build(&[
        "--network",
        "recorded",
        "--network-deny",
        "sources.example.org",
    ]);
    outcome.expect(1);
    assert!(
        !outcome.stderr.contains("this guest has no network"),
        "{outcome}"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_output_that_trusts_the_guests_network_fails_the_build() {
    let workshop = Workshop::new();
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let pack = format!(
        "python3 -c \"import tarfile as t; a = t.open('own.tar.gz', 'w:gz'); a.add('{bundle}'); a.close()\""
    );
    for (name, command, file, within) in [
        ("bundle", format!("cp {bundle} own"), "own", ""),
        ("java", "cp /run/bessemer/cacerts own".to_owned(), "own", ""),
        ("packed", pack, "own.tar.gz", " (inside gzip)"),
    ] {
        let recipe = recipe(&workshop, name, &[&command]);
        let outcome = network(&recipe, &workshop.at("packages"), &[]);
        outcome.expect(1);
        let said = format!(
            "usr/share/{name}/{file}` has the certificate of this guest's network in it{within}, which"
        );
        assert!(outcome.stderr.contains(&said), "{outcome}");
    }
    // The control run: the same recipe makes a package where there is no such certificate.
    let recipe = workshop.at("bundle/bundle.yaml");
    let text = std::fs::read_to_string(&recipe).unwrap();
    let text = text.replace(
        "cp /etc/ssl/certs/ca-certificates.crt own",
        "ls /run/bessemer || echo plain > own",
    );
    let recipe = workshop.file("bundle/bundle.yaml", text);
    let mut command = build_from(
        &variable("BESSEMER_TEST_LANGUAGES"),
        &recipe,
        &workshop.at("packages"),
    );
    Outcome::of(&mut command, BUILD_LIMIT).expect(0);
}
