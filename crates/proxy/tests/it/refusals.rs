//! What is refused, told, and not carried out.

use crate::guest::{Guest, config};
use crate::origin::{Origin, Reply};
use bessemer_proxy::protocol::Mode;
use bessemer_proxy::protocol::RefusalKind::{self, Denied, NotAllowed, Protocol};

#[test]
fn only_what_the_lists_allow_is_asked_for() {
    let origin = Origin::start(None);
    for path in ["/open/a", "/open/private/b", "/closed", "/open/..%2fclosed"] {
        origin.put(path, Reply::ok("x"));
    }
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    config.authorities.clone_from(&origin.authority);
    config.allow = vec!["localhost/open".into()];
    config.deny = vec!["localhost/open/private".into()];
    let guest = Guest::start(&config);
    let url = |path: &str| format!("{}{path}", origin.url());
    assert!(guest.curl(&[&url("/open/a")]).1);
    for path in [
        "/closed",
        "/open/private/b",
        "/open/../closed",
        "/open/..%2fclosed",
        "/open/%2e%2e/closed",
    ] {
        assert!(!guest.curl(&["--path-as-is", &url(path)]).1, "{path}");
    }
    let told = guest.finish();
    let kinds: Vec<_> = told.refusals.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [NotAllowed, Denied, Protocol, NotAllowed, Protocol]);
    assert_eq!(told.refusals[0].url, url("/closed"));
    assert_eq!(origin.requests().len(), 1, "{:?}", origin.requests());
}

#[test]
fn addresses_that_are_not_public_are_refused_after_resolution() {
    let origin = Origin::start(None);
    origin.put("/x", Reply::ok("x"));
    let ask = |private: Vec<String>| {
        let mut config = config(Mode::Recorded);
        config.private = private;
        config.allow = origin.names();
        config.authorities.clone_from(&origin.authority);
        let guest = Guest::start(&config);
        let (_, through) = guest.curl(&[&format!("{}/x", origin.url())]);
        let metadata = guest.curl(&["http://169.254.169.254/latest/meta-data/"]).1;
        let mapped = guest.curl(&["-g", "http://[::ffff:127.0.0.1]/"]).1;
        assert!(!metadata && !mapped);
        (through, guest.finish())
    };
    // The control run: with the operator's word the same request goes through.
    let (through, told) = ask(origin.names());
    assert!(through);
    assert_eq!(told.exchanges.len(), 1);
    let (through, told) = ask(Vec::new());
    assert!(!through);
    let private = told
        .refusals
        .iter()
        .filter(|one| one.kind != RefusalKind::NotAllowed);
    let first = private.into_iter().next().unwrap();
    assert_eq!(first.kind, RefusalKind::PrivateAddress);
    assert!(first.reason.contains("is no public address"), "{first:?}");
    assert_eq!(first.url, format!("{}/x", origin.url()));
}

#[test]
fn connect_is_for_http_only() {
    let mut config = config(Mode::Recorded);
    config.private = vec!["localhost:22".into()];
    let guest = Guest::start(&config);
    let answer = Guest::raw(
        guest.forward,
        b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = Guest::raw(
        guest.forward,
        b"CONNECT localhost:22 HTTP/1.1\r\n\r\nSSH-2.0-x\r\n\n\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 403") || answer.contains("403 Forbidden"),
        "{answer}"
    );
    let told = guest.finish();
    assert_eq!(told.refusals[0].kind, RefusalKind::Port);
    assert_eq!(told.refusals[0].url, "https://mail.example:25");
    assert!(told.refusals.len() == 2, "{told:?}");
}

#[test]
fn what_two_readers_could_understand_differently_never_leaves() {
    let origin = Origin::start(None);
    origin.put("/x", Reply::ok("x"));
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    let guest = Guest::start(&config);
    let at = format!("localhost:{}", origin.http.port());
    let whole = format!("http://{at}/x");
    // The control run: the same request, in order.
    let good = format!("GET {whole} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    assert!(Guest::raw(guest.forward, good.as_bytes()).starts_with("HTTP/1.1 200"));
    let cases = [
        format!(
            "POST {whole} HTTP/1.1\r\nHost: {at}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!(
            "POST {whole} HTTP/1.1\r\nHost: {at}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
        ),
        format!(
            "POST {whole} HTTP/1.1\r\nHost: {at}\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"
        ),
        format!("GET {whole} HTTP/1.1\r\nHost: {at}\r\n X: folded\r\n\r\n"),
        format!("GET {whole} HTTP/1.1\nHost: {at}\n\n"),
        format!("GET {whole} HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        format!("GET http://user@{at}/x HTTP/1.1\r\nHost: {at}\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {at}\r\n\r\n"),
        format!("GET ftp://{at}/x HTTP/1.1\r\nHost: {at}\r\n\r\n"),
        format!("GET {whole} HTTP/1.1\r\n\r\n"),
        format!(
            "GET {whole} HTTP/1.1\r\nHost: {at}\r\nX: {}\r\n\r\n",
            "x".repeat(70_000)
        ),
    ];
    for case in &cases {
        let answer = Guest::raw(guest.forward, case.as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 403") || case.len() > 70_000,
            "{case}\n{answer}"
        );
    }
    let told = guest.finish();
    assert_eq!(told.refusals.len(), cases.len(), "{told:?}");
    assert!(
        told.refusals
            .iter()
            .all(|one| one.kind == RefusalKind::Protocol)
    );
    assert_eq!(origin.requests().len(), 1, "{:?}", origin.requests());
}

#[test]
fn the_names_of_a_connection_must_be_one() {
    let mut config = config(Mode::Recorded);
    config.allow = vec!["one.example".into()];
    let guest = Guest::start(&config);
    let proxy = format!("http://{}", guest.forward);
    // Tunnels to one name, and asks for another in the handshake.
    let output = guest
        .command("openssl")
        .args([
            "s_client",
            "-proxy",
            &proxy["http://".len()..],
            "-connect",
            "one.example:443",
        ])
        .args(["-servername", "two.example"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    // The right name in the handshake, another in `Host`.
    let url = "https://one.example/";
    assert!(!guest.curl(&["-H", "Host: two.example", url]).1);
    let told = guest.finish();
    let reasons: Vec<&str> = told
        .refusals
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "the name in the TLS handshake is another",
            "Host is another than the one that was connected to",
        ]
    );
}

#[test]
fn limits_hold() {
    let origin = Origin::start(None);
    origin.put("/large", Reply::ok(vec![0; 300_000]));
    origin.put("/small", Reply::ok("x"));
    let mut config = config(Mode::Recorded);
    config.private = origin.names();
    config.limits.body_bytes = 200_000;
    config.limits.request_bytes = 1000;
    config.limits.exchanges = 3;
    let guest = Guest::start(&config);
    let url = |path: &str| format!("{}{path}", origin.plain_url());
    assert!(!guest.curl(&[&url("/large")]).1);
    std::fs::write(guest.at("sent"), vec![0; 2000]).unwrap();
    assert!(!guest.curl(&["--data-binary", "@sent", &url("/small")]).1);
    assert!(guest.curl(&[&url("/small")]).1);
    assert!(!guest.curl(&[&url("/small")]).1);
    let told = guest.finish();
    assert_eq!(told.refusals.len(), 3, "{told:?}");
    assert!(
        told.refusals
            .iter()
            .all(|one| one.kind == RefusalKind::Limit)
    );
}
