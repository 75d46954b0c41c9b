//! What arrived at the guest is what is recorded, byte by byte, where a URL alone does not say which
//! bytes these are. A recorder that asks the server again records others: that is the control run.

use crate::guest::{Guest, config};
use crate::origin::{Origin, Reply};
use bessemer_digest::Digest;
use bessemer_proxy::protocol::Mode;
use std::io::Write as _;
use std::process::Command;

/// What curl is told beside the URL, and the path.
const ASKED: [(&str, &[&str]); 5] = [
    ("/changes", &[]),
    ("/packed", &["-H", "Accept-Encoding: gzip"]),
    ("/ranged", &["-r", "10-19"]),
    ("/moved", &["-L"]),
    ("/pieces", &[]),
];

fn origin() -> Origin {
    let origin = Origin::start(None);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"plain text").unwrap();
    let packed = Reply::ok(packed.finish().unwrap()).with("Content-Encoding", "gzip");
    origin.put("/packed", packed);
    origin.put(
        "/ranged",
        Reply::ok(*b"0123456789abcdefghijklmnopqrstuvwxyz"),
    );
    let moved = Reply {
        status: 302,
        ..Reply::ok("go on").with("Location", "/end")
    };
    origin.put("/moved", moved);
    origin.put("/end", Reply::ok("the end"));
    origin.put("/changes", Reply::ok("once"));
    let pieces = Reply {
        chunked: true,
        ..Reply::ok(vec![b'c'; 5000])
    };
    origin.put("/pieces", pieces);
    origin
}

fn guest(origin: &Origin) -> Guest {
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    Guest::start(&config)
}

/// Has the guest ask for all of them: what arrived, and the digest that the proxy told of it.
fn delivered(origin: &Origin) -> Vec<(Vec<u8>, Digest)> {
    let guest = guest(origin);
    let arrived = ASKED.map(|(path, words)| {
        let url = format!("{}{path}", origin.plain_url());
        let (bytes, succeeded) = guest.curl(&[words, &[url.as_str()]].concat());
        assert!(succeeded, "{path}");
        if path == "/changes" {
            origin.put(path, Reply::ok("and then something else"));
        }
        bytes
    });
    let told = guest.finish();
    // The redirect itself is an exchange of its own, before the one that it leads to.
    let recorded = told
        .exchanges
        .iter()
        .filter(|(one, _)| one.answer.status != 302);
    let digests: Vec<_> = recorded.map(|(one, _)| one.answer.body.sha256).collect();
    assert_eq!(digests.len(), arrived.len(), "{:?}", told.urls());
    arrived.into_iter().zip(digests).collect()
}

#[test]
fn what_arrived_is_what_is_recorded() {
    for ((path, _), (bytes, digest)) in ASKED.iter().zip(delivered(&origin())) {
        assert_eq!(Digest::of(&bytes), digest, "{path}");
    }
}

/// A download that broke off and is resumed is two exchanges, whose bodies are the file.
#[test]
fn a_resumed_download_is_recorded_in_its_parts() {
    let origin = origin();
    let guest = guest(&origin);
    let url = format!("{}/ranged", origin.plain_url());
    std::fs::write(guest.at("part"), "").unwrap();
    assert!(guest.curl(&["-r", "0-9", "-o", "part", &url]).1);
    assert!(guest.curl(&["-C", "-", "-o", "part", &url]).1);
    let whole = std::fs::read(guest.at("part")).unwrap();
    assert_eq!(whole, *b"0123456789abcdefghijklmnopqrstuvwxyz");
    let told = guest.finish();
    let bodies: Vec<_> = told
        .exchanges
        .iter()
        .map(|(_, body)| body.clone())
        .collect();
    assert_eq!(bodies.len(), 2, "{:?}", told.urls());
    assert!(!bodies[0].is_empty() && bodies.concat() == whole);
}

/// A recorder that knows the URLs and has the bytes from where they lead, unpacked as a client
/// would have them.
fn asked_again(origin: &Origin, path: &str) -> Digest {
    let url = format!("{}{path}", origin.plain_url());
    let mut command = Command::new("curl");
    let output = command
        .args(["-sS", "--noproxy", "*", "--compressed", &url])
        .output();
    Digest::of(output.unwrap().stdout)
}

#[test]
fn control_run_a_recorder_that_asks_again_records_other_bytes() {
    let origin = origin();
    let delivered = delivered(&origin);
    for ((path, _), (_, digest)) in ASKED.iter().zip(delivered) {
        // In pieces or not, a body is the same: there the two agree.
        let same = *path == "/pieces";
        assert_eq!(asked_again(&origin, path) == digest, same, "{path}");
    }
}
