//! What curl gets, and what is told of it.

use crate::guest::{Guest, config};
use crate::origin::{Origin, Reply};
use bessemer_digest::Digest;
use bessemer_proxy::protocol::{Credential, Mode};
use std::io::Write as _;

fn start(origin: &Origin) -> Guest {
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    config.authorities.clone_from(&origin.authority);
    Guest::start(&config)
}

#[test]
fn bodies_are_recorded_as_they_are_delivered() {
    let origin = Origin::start(None);
    let big: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    origin.put("/big", Reply::ok(big.clone()).with("ETag", "\"1\""));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"plain text").unwrap();
    let packed = packed.finish().unwrap();
    origin.put(
        "/packed",
        Reply::ok(packed.clone()).with("Content-Encoding", "gzip"),
    );
    let pieces = Reply {
        chunked: true,
        ..Reply::ok(vec![b'c'; 70_000])
    };
    origin.put("/pieces", pieces);
    let moved = Reply {
        status: 302,
        ..Reply::ok("go on").with("Location", "/big?token=hidden")
    };
    origin.put("/moved", moved);
    origin.put("/big?token=hidden", Reply::ok("after"));
    origin.put("/echo", Reply::ok(""));
    let guest = start(&origin);
    let url = |path: &str| format!("{}{path}", origin.url());
    assert_eq!(guest.curl(&[&url("/big")]), (big.clone(), true));
    assert_eq!(
        guest.curl(&["--compressed", &url("/packed")]),
        (b"plain text".to_vec(), true)
    );
    assert_eq!(guest.curl(&[&url("/pieces")]).0.len(), 70_000);
    assert_eq!(
        guest.curl(&["-r", "10-19", &url("/big")]),
        (big[10..20].to_vec(), true)
    );
    assert_eq!(
        guest.curl(&["-L", &url("/moved")]),
        (b"after".to_vec(), true)
    );
    assert!(guest.curl(&["-I", &url("/big")]).1);
    let sent = vec![b's'; 2_000_000];
    std::fs::write(guest.at("sent"), &sent).unwrap();
    assert_eq!(
        guest.curl(&["--data-binary", "@sent", &url("/echo")]),
        (sent.clone(), true)
    );
    let plain = format!("{}/big", origin.plain_url());
    assert_eq!(guest.curl(&["--http1.0", &plain]), (big.clone(), true));
    assert!(!guest.curl(&[&url("/nothing")]).1, "404 is passed on");
    let told = guest.finish();
    let shown: Vec<String> = told
        .urls()
        .iter()
        .map(|url| url.replace(&origin.url(), ""))
        .collect();
    assert_eq!(
        shown[..9],
        [
            "GET /big 200",
            "GET /packed 200",
            "GET /pieces 200",
            "GET /big 206",
            "GET /moved 302",
            "GET /big?token=REDACTED 200",
            "HEAD /big 200",
            "POST /echo 200",
            &format!("GET {plain} 200"),
        ]
    );
    assert_eq!(told.body_of("/packed"), packed, "not unpacked");
    let range = &told.exchanges[3].0;
    assert_eq!(range.asked.range.as_deref(), Some("bytes=10-19"));
    assert_eq!(range.answer.headers["content-range"], "bytes 10-19/3000000");
    assert_eq!(
        told.exchanges[4].0.answer.headers["location"],
        "/big?token=REDACTED"
    );
    assert_eq!(
        told.exchanges[6].0.answer.headers["content-length"],
        "3000000"
    );
    let body = told.exchanges[7].0.asked.body.unwrap();
    assert_eq!((body.sha256, body.size), (Digest::of(&sent), 2_000_000));
    let all = format!(
        "{:?}",
        told.exchanges
            .iter()
            .map(|(one, _)| one)
            .collect::<Vec<_>>()
    );
    assert!(
        !all.contains("hidden") && !all.contains("a=b"),
        "secrets and cookies are not told"
    );
}

#[test]
fn http_1_1_is_the_only_protocol() {
    let origin = Origin::start(None);
    let guest = start(&origin);
    for (protocol, spoken) in [("http/1.1", true), ("h2", false)] {
        let ca = guest.at("ca.pem").display().to_string();
        let (proxy, at) = (
            guest.forward.to_string(),
            format!("localhost:{}", origin.https.port()),
        );
        let words = [
            "s_client", "-proxy", &proxy, "-connect", &at, "-CAfile", &ca,
        ];
        let mut openssl = guest.command("openssl");
        let output = openssl
            .args(words)
            .args(["-alpn", protocol])
            .output()
            .unwrap();
        assert_eq!(output.status.success(), spoken, "{protocol}");
    }
    guest.finish();
}

#[test]
fn a_program_without_a_proxy_is_led_here_by_names_and_ports() {
    let origin = Origin::start(None);
    origin.put("/x", Reply::ok("x"));
    let mut config = config(Mode::Open);
    config.authorities.clone_from(&origin.authority);
    let guest = Guest::start(&config);
    // Port 80 and 443 of this machine answer nobody: it is seen that they were asked for.
    let resolve =
        |port: u16, at: std::net::SocketAddr| format!("localhost:{port}:127.0.0.1:{}", at.port());
    let connect = |port: u16, at| resolve(port, at);
    for (url, to) in [
        ("http://localhost/x", connect(80, guest.http)),
        ("https://localhost/x", connect(443, guest.https)),
    ] {
        let output = guest
            .command("curl")
            .args(["-sS", "--noproxy", "*", "--connect-to", &to, url])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with("bessemer: cannot connect"), "{text}");
    }
    let told = guest.finish();
    assert_eq!(
        told.urls(),
        ["GET http://localhost/x 502", "GET https://localhost/x 502"]
    );
    assert!(told.exchanges[0].0.answer.failure.is_some());
}

#[test]
fn credentials_of_the_operator_go_to_their_server_and_are_not_told() {
    let origin = Origin::start(None);
    origin.put("/x", Reply::ok("x"));
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    config.authorities.clone_from(&origin.authority);
    config.credentials = vec![Credential {
        host: "localhost".into(),
        authorization: "Basic b3BlcmF0b3I=".into(),
    }];
    let guest = Guest::start(&config);
    assert!(guest.curl(&[&format!("{}/x", origin.url())]).1);
    let own = guest.curl(&["-H", "Authorization: own", &format!("{}/x", origin.url())]);
    assert!(own.1);
    let requests = origin.requests();
    assert!(
        requests[0].contains("authorization: Basic b3BlcmF0b3I="),
        "{requests:?}"
    );
    assert!(requests[1].contains("authorization: own"), "{requests:?}");
    let told = format!("{:?}", guest.finish());
    assert!(!told.contains("b3BlcmF0b3I"), "{told}");
}
