use crate::server::{Answer, Server, ok, response, unmeasured};
use crate::setting::{LIMITS, Setting, only_failure, request, request_for};
use bessemer_digest::Digest;
use bessemer_store::{Client, Expected, FailureCause, Limits, Origin, Request, Settings};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn fetches_once() {
    let setting = Setting::new();
    let server = Server::start(vec![ok(b"content")]);
    let uri = server.uri("/dir/file.tar.gz");
    let request = request_for(&[&uri], b"content");
    let fetched = setting.fetch(&request).unwrap();
    assert_eq!(fetched.origin, Origin::Uri(uri.parse().unwrap()));
    assert_eq!(
        (fetched.object.digest, fetched.object.size),
        (Digest::of(b"content"), 7)
    );
    assert_eq!(setting.fetch(&request).unwrap().origin, Origin::Store);
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /dir/file.tar.gz HTTP/1.1\r\n"));
    assert!(
        !requests[0].to_lowercase().contains("accept-encoding: gzip"),
        "{requests:?}"
    );
}

#[test]
fn keeps_the_bytes_as_they_were_sent() {
    let setting = Setting::new();
    let body = b"\x1f\x8b\x08 not even gzip";
    let server = Server::start(vec![response("200 OK", &["Content-Encoding: gzip"], body)]);
    let fetched = setting
        .fetch(&request_for(&[&server.uri("/a.tar.gz")], body))
        .unwrap();
    assert_eq!(setting.content(&fetched), body);
}

#[test]
fn repeats_what_may_pass() {
    let truncated = || unmeasured("200 OK", &["Content-Length: 7"], b"con");
    let broken_chunks = || unmeasured("200 OK", &["Transfer-Encoding: chunked"], b"7\r\ncont");
    let busy = || response("503 Service Unavailable", &[], b"later");
    let failing = || response("500 Internal Server Error", &[], b"oops");
    let slow_down = || response("429 Too Many Requests", &[], b"");
    for answer in [truncated(), broken_chunks(), busy(), failing(), slow_down()] {
        let setting = Setting::new();
        let server = Server::start(vec![answer.clone(), ok(b"content")]);
        let fetched = setting.fetch(&request_for(&[&server.uri("/")], b"content"));
        assert_eq!(setting.content(&fetched.unwrap()), b"content", "{answer:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn gives_up_after_the_last_attempt() {
    type IsRight = fn(&FailureCause) -> bool;
    let cases: [(Answer, IsRight); 2] = [
        (
            unmeasured("200 OK", &["Content-Length: 7"], b"con"),
            |cause| matches!(cause, FailureCause::Truncated),
        ),
        (response("500 No", &[], b""), |cause| {
            matches!(cause, FailureCause::Status(500))
        }),
    ];
    for (answer, is_right) in cases {
        let setting = Setting::new();
        let server = Server::start(vec![answer; 3]);
        let (cause, attempts) =
            only_failure(setting.fetch(&request_for(&[&server.uri("/")], b"content")));
        assert!(is_right(&cause), "{cause:?}");
        assert_eq!((attempts, server.requests().len()), (3, 3));
        assert_eq!(
            std::fs::read_dir(setting.store.root().join("incoming"))
                .unwrap()
                .count(),
            0
        );
    }
}

#[test]
fn goes_on_to_the_next_place_after_what_will_not_pass() {
    for answer in [
        response("404 Not Found", &[], b"content"),
        response("206 Partial Content", &[], b"content"),
        ok(b"something else"),
    ] {
        let setting = Setting::new();
        let server = Server::start(vec![answer, ok(b"content")]);
        let uris = [server.uri("/first"), server.uri("/second")];
        let uris = [uris[0].as_str(), uris[1].as_str()];
        let fetched = setting.fetch(&request_for(&uris, b"content")).unwrap();
        assert_eq!(fetched.origin, Origin::Uri(uris[1].parse().unwrap()));
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_mirror_comes_first() {
    let setting = Setting::new();
    let server = Server::start(vec![ok(b"content")]);
    let mirrors = vec![server.uri("/cache/").parse().unwrap()];
    let request = Request {
        mirrors,
        ..request_for(&[&server.uri("/original")], b"content")
    };
    setting.fetch(&request).unwrap();
    let path = format!("GET /cache/{} ", Digest::of(b"content"));
    assert!(server.requests()[0].starts_with(&path));
}

#[test]
fn follows_a_limited_number_of_redirects() {
    let redirect = |to: &str| response("302 Found", &[&format!("Location: {to}")], b"");
    let setting = Setting::new();
    let server = Server::start(vec![
        redirect("/a"),
        redirect("/b"),
        redirect("/c"),
        ok(b"end"),
    ]);
    setting
        .fetch(&request_for(&[&server.uri("/")], b"end"))
        .unwrap();
    assert!(server.requests()[3].starts_with("GET /c "));

    let server = Server::start(vec![redirect("/again"); 4]);
    let (cause, attempts) =
        only_failure(setting.fetch(&request_for(&[&server.uri("/")], b"never")));
    assert!(matches!(cause, FailureCause::Redirects), "{cause:?}");
    assert_eq!((attempts, server.requests().len()), (1, 4));
}

#[test]
fn refuses_too_much_whether_announced_or_not() {
    let body = [0; 1001];
    for answer in [ok(&body), unmeasured("200 OK", &[], &body)] {
        let setting = Setting::new();
        let server = Server::start(vec![answer]);
        let request = request(&[&server.uri("/")], Expected::default());
        let (cause, attempts) = only_failure(setting.fetch(&request));
        assert!(
            matches!(cause, FailureCause::TooLarge { limit: 1000 }),
            "{cause:?}"
        );
        assert_eq!((attempts, server.requests().len()), (1, 1));
    }
    let setting = Setting::new();
    let server = Server::start(vec![ok(&body[..1000])]);
    setting
        .fetch(&request(&[&server.uri("/")], Expected::default()))
        .unwrap();
}

#[test]
fn ends_at_the_time_limits() {
    let short = Duration::from_millis(50);
    let cases = [
        (
            Limits {
                attempt: short,
                ..LIMITS
            },
            3,
        ),
        (
            Limits {
                stall: short,
                ..LIMITS
            },
            3,
        ),
        (
            Limits {
                total: short,
                ..LIMITS
            },
            1,
        ),
    ];
    for (limits, expected_attempts) in cases {
        let setting = Setting::new();
        let server = Server::start(vec![Answer::Silence; expected_attempts]);
        let request = request_for(&[&server.uri("/")], b"content");
        let (cause, attempts) = only_failure(setting.fetch_within(limits, &request));
        assert!(matches!(cause, FailureCause::Deadline), "{cause:?}");
        assert_eq!(
            (attempts as usize, server.requests().len()),
            (expected_attempts, expected_attempts)
        );
    }
}

#[test]
fn sends_credentials_but_never_shows_them() {
    let setting = Setting::new();
    let server = Server::start(vec![response("403 Forbidden", &[], b"")]);
    let uri = server
        .uri("/file?token=hidden")
        .replace("http://", "http://user:hidden@");
    let error = setting
        .fetch(&request_for(&[&uri], b"content"))
        .unwrap_err();
    let shown = server.uri("/file?…");
    let message = format!("cannot fetch `{shown}`: the server answered with status 403");
    assert_eq!(error.to_string(), message);
    assert!(!format!("{error:?}").contains("hidden"));
    let head = &server.requests()[0];
    assert!(head.starts_with("GET /file?token=hidden "));
    assert!(
        head.to_lowercase().contains("authorization: basic"),
        "{head}"
    );
}

#[test]
fn asks_the_proxy_and_never_shows_its_password() {
    let setting = Setting::new();
    let server = Server::start(vec![response("403 Forbidden", &[], b""); 3]);
    let proxy = server.uri("").replace("http://", "http://user:hidden@");
    let settings = Settings {
        proxy: Some(proxy.parse().unwrap()),
        limits: LIMITS,
        ..Settings::default()
    };
    let client = Client::new(&settings).unwrap();
    assert!(!format!("{settings:?} {client:?}").contains("hidden"));
    let request = request_for(&["http://host.invalid/file"], b"content");
    let (cause, _) = only_failure(client.fetch(&request, &setting.store));
    assert!(matches!(cause, FailureCause::Proxy), "{cause:?}");
    let head = &server.requests()[0];
    assert!(head.starts_with("CONNECT host.invalid:80 "), "{head}");
    assert!(
        head.to_lowercase().contains("proxy-authorization: basic"),
        "{head}"
    );
}

#[test]
fn says_what_failed_everywhere() {
    let setting = Setting::new();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = Server::start(vec![ok(b"other")]);
    let uris = [format!("http://{closed}/a"), server.uri("/b")];
    let request = request_for(&[&uris[0], &uris[1]], b"content");
    let message = setting.fetch(&request).unwrap_err().to_string();
    let refused = format!("cannot fetch `http://{closed}/a`: ");
    assert!(
        message.starts_with(&refused) && message.contains("refused"),
        "{message}"
    );
    let mismatch = format!(
        " (after 3 attempts); `{}`: content is {}, expected {}",
        uris[1],
        Digest::of(b"other"),
        Digest::of(b"content")
    );
    assert!(message.ends_with(&mismatch), "{message}");
    server.requests();
}
