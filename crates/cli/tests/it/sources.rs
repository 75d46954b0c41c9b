//! Sources by themselves: `license-check` and `update-cache`. Needs no guest; what is downloaded
//! comes from this process. What each command prints is in `sources/*.txt`.

use bessemer_digest::Digest;
use bessemer_testkit::{Filter, Outcome, Workshop, compare};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ISC: &str = "\
Copyright (c) 2011 Somebody

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee
is hereby granted, provided that the above copyright notice and this permission notice appear in all
copies.

THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS
SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE
AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE
OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS
SOFTWARE.
";

/// Serves one file under every path that begins with `/good`; everything else is not there.
struct Server {
    address: String,
    content: Arc<Mutex<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let content = Arc::new(Mutex::new(content));
        let requests = Arc::new(AtomicUsize::new(0));
        let (served, counted) = (Arc::clone(&content), Arc::clone(&requests));
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                answer(&stream.unwrap(), &served.lock().unwrap());
            }
        });
        Self {
            address,
            content,
            requests,
        }
    }

    fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

fn answer(mut stream: &TcpStream, content: &[u8]) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let (status, body) = if head.starts_with("GET /good") {
        ("200 OK", content)
    } else {
        ("404 Not Found", &b""[..])
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    // The client may have had enough.
    drop(stream.write_all(&[head.as_bytes(), body].concat()));
}

struct Bench {
    workshop: Workshop,
    server: Server,
}

impl Bench {
    /// A source with two licences below `a-1.0`, packed, and a recipe that fetches it.
    fn new() -> Self {
        let workshop = Workshop::new();
        let apache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../LICENSE");
        workshop.file("source/a-1.0/LICENSE", fs::read(apache).unwrap());
        workshop.file("source/a-1.0/lib/COPYING", ISC);
        workshop.file("source/a-1.0/vendor/COPYING", ISC);
        workshop.file("source/a-1.0/lib/deep/COPYING", ISC);
        workshop.file("source/a-1.0/COPYRIGHT", "All of this is ours.\n");
        workshop.file("source/a-1.0/main.c", "int main;\n");
        let packed = Command::new("tar")
            .args(["-czf", "a-1.0.tar.gz", "-C", "source", "a-1.0"])
            .current_dir(workshop.path())
            .status();
        assert!(packed.unwrap().success());
        let content = fs::read(workshop.at("a-1.0.tar.gz")).unwrap();
        let server = Server::start(content);
        Self { workshop, server }
    }

    fn digest(&self) -> Digest {
        Digest::of(&*self.server.content.lock().unwrap())
    }

    fn recipe(&self, name: &str, copyright: &str, more: &str) {
        let (address, digest) = (&self.server.address, self.digest().hex());
        let text = format!(
            "package:\n  name: {name}\n  version: 1.0 # upstream's\n  copyright:\n{copyright}  epoch: 0\n\
             pipeline:\n  - uses: fetch\n    with:\n      uri: http://{address}/good/a-1.0.tar.gz\n      \
             expected-sha256: {digest}\n{more}"
        );
        self.workshop.file(&format!("{name}.yaml"), text);
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
        command
            .env_clear()
            .env("HOME", self.workshop.path())
            .stdin(Stdio::null())
            .current_dir(self.workshop.path())
            .args(words);
        Outcome::of(&mut command, Duration::from_secs(60))
    }

    /// Compares what is printed, and the files after it, with `sources/<name>.txt`.
    fn check(&self, name: &str, words: &[&str], status: i32, file: Option<&str>) {
        let outcome = self.run(words);
        outcome.expect(status);
        let mut text = format!("$ bessemer {}\n{outcome}", words.join(" "));
        if let Some(file) = file {
            let content = fs::read_to_string(self.workshop.at(file)).unwrap();
            text += &["--- ", file, "\n", &content].concat();
        }
        // What tar packs has times, and compresses differently with them.
        let size = format!("\"size\": {}", self.server.content.lock().unwrap().len());
        let filter = Filter::new()
            .with(&self.server.address, "HOST")
            .with(size, "\"size\": SIZE");
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sources");
        let text = in_order(&filter.apply(&text));
        compare(&directory.join(name).with_extension("txt"), &text);
    }
}

/// Downloads go on side by side: their lines come in any order.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_progress = |line: &&str| line.trim_start().starts_with("[TIME]");
    for neighbours in lines.chunk_by_mut(|one, other| is_progress(one) && is_progress(other)) {
        neighbours.sort_unstable();
    }
    lines.concat()
}

#[test]
fn what_license_check_prints_and_writes() {
    let bench = Bench::new();
    bench.recipe("same", "    - license: Apache-2.0 AND ISC\n", "");
    bench.recipe(
        "other",
        "    # as the README says\n    - license: MIT # surely\n      paths:\n        - '*'\n    - license: ISC\n      attestation: theirs\n",
        "      # the only source\n",
    );
    bench.recipe(
        "paths",
        "    - license: Apache-2.0\n      license-path: LICENSE\n    - license: BSD-2-Clause\n      license-path: lib/COPYING\n    - license: Zlib\n      license-path: nowhere\n",
        "",
    );
    bench.check("license-same", &["license-check", "same.yaml"], 0, None);
    bench.check("license-other", &["license-check", "other.yaml"], 0, None);
    let words = ["license-check", "--exit-code", "--json", "paths.yaml"];
    bench.check("license-json", &words, 1, None);
    assert_eq!(
        bench.server.requests(),
        1,
        "later runs have it in the store"
    );
    let words = ["license-check", "--fix", "other.yaml"];
    bench.check("license-fix", &words, 0, Some("other.yaml"));
    bench.check("license-fixed", &["license-check", "other.yaml"], 0, None);
    let words = ["license-check", "--fix", "--format", "simple", "paths.yaml"];
    bench.check("license-simple", &words, 0, Some("paths.yaml"));
    let words = ["license-check", "--scan-type", "deep", "source/a-1.0"];
    bench.check("license-folder", &words, 0, None);
    let words = ["license-check", "--fix", "source/a-1.0"];
    bench.check("license-no-fix", &words, 1, None);
    bench.check(
        "license-nothing",
        &["license-check", "a-1.0.tar.gz"],
        1,
        None,
    );
    let words = ["license-check", "--log-level", "debug", "same.yaml"];
    bench.check("license-refused", &words, 2, None);
    bench.recipe("unknown", "    - license: MIT OR Apache-2\n", "");
    bench.check(
        "license-unknown",
        &["license-check", "unknown.yaml"],
        0,
        None,
    );
}

#[test]
fn a_recipe_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.recipe("other", "    - license: MIT\n", "");
    let file = bench.workshop.at("other.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&file, bench.workshop.at("link.yaml")).unwrap();
    bench
        .run(&["license-check", "--fix", "link.yaml"])
        .expect(0);
    assert!(bench.workshop.at("link.yaml").is_symlink());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains("license: Apache-2.0")
    );
}

#[test]
fn what_update_cache_prints_and_keeps() {
    let bench = Bench::new();
    let address = &bench.server.address;
    let subpackage = format!(
        "subpackages:\n  - name: a-sub\n    pipeline:\n      - if: ${{{{build.arch}}}} == 's390x'\n        pipeline:\n          - uses: fetch\n            with:\n              uri: http://{address}/bad/b.tar.gz\n              expected-sha512: {}\n",
        "5".repeat(128)
    );
    bench.recipe("a", "    - license: MIT\n", "");
    bench.recipe("b", "    - license: MIT\n", &subpackage);
    let one = ["update-cache", "--cache-dir", "cache", "a.yaml"];
    bench.check("cache", &one, 0, None);
    assert_eq!(bench.server.requests(), 1);
    bench.check("cache-again", &one, 0, None);
    assert_eq!(bench.server.requests(), 0);
    let name = format!("cache/{}", bench.digest());
    fs::write(bench.workshop.at(&name), "damaged").unwrap();
    let both = ["update-cache", "--cache-dir", "cache", "a.yaml", "b.yaml"];
    bench.check("cache-failed", &both, 1, None);
    let json = ["update-cache", "--cache-dir", "cache", "b.yaml", "--json"];
    bench.check("cache-json", &json, 1, None);
    let arch = [
        "update-cache",
        "--cache-dir",
        "cache",
        "--arch",
        "x86_64",
        "b.yaml",
    ];
    bench.check("cache-arch", &arch, 0, None);
    let names: Vec<_> = fs::read_dir(bench.workshop.at("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, [bench.digest().to_string()]);
    // A build's mirror is such a folder.
    fs::remove_dir_all(bench.workshop.at(".cache")).ok();
    bench.server.requests();
    let mirrored = ["license-check", "--mirror", "cache", "a.yaml"];
    bench.run(&mirrored).expect(0);
    assert_eq!(bench.server.requests(), 0);
    let bucket = ["update-cache", "--cache-dir", "gs://bucket/x", "a.yaml"];
    bench.check("cache-bucket", &bucket, 2, None);
}

#[test]
fn a_source_that_is_not_what_the_recipe_says_is_named() {
    let bench = Bench::new();
    bench.recipe("a", "    - license: MIT\n", "");
    bench.server.content.lock().unwrap().push(0);
    let cache = ["update-cache", "--cache-dir", "cache", "a.yaml"];
    bench.check("cache-wrong", &cache, 1, None);
    // It was made for the source, and nothing came into it.
    assert!(!bench.workshop.at("cache").exists());
    bench.check("license-wrong", &["license-check", "a.yaml"], 1, None);
    let package = format!("http://{}/bad/a.apk", bench.server.address);
    bench.check("lint-nothing", &["lint", &package], 1, None);
    let package = package.replace("bad", "good");
    bench.check("lint-no-package", &["lint", &package], 1, None);
}
