//! Resumed transfers, content that changes, credentials, and running offline.

use crate::server::{Answer, Server, ok, response, unmeasured};
use crate::setting::{LIMITS, Setting, only_failure, request_for};
use bessemer_store::{
    Client, Credentials, FailureCause, FetchError, Fetched, Observer, Origin, Request, Settings,
    Uri,
};
use std::sync::{Arc, Mutex};

fn client(credentials: &str, offline: bool) -> Client {
    Client::new(&Settings {
        limits: LIMITS,
        credentials: Credentials::parse(credentials).unwrap(),
        offline,
        ..Settings::default()
    })
    .unwrap()
}

fn cut(tag: &str, body: &[u8]) -> Answer {
    unmeasured("200 OK", &[tag, "Content-Length: 7"], body)
}

fn rest(range: &str, tag: &str, body: &[u8]) -> Answer {
    let range = format!("Content-Range: bytes {range}");
    response("206 Partial Content", &[&range, tag], body)
}

/// What answers lead to, and the `Range` of every request after the first.
fn check_resumed(answers: &[Answer], ranges: &[Option<&str>]) {
    let setting = Setting::new();
    let server = Server::start(answers.to_vec());
    let fetched = setting.fetch(&request_for(&[&server.uri("/")], b"content"));
    assert_eq!(
        setting.content(&fetched.unwrap()),
        b"content",
        "{answers:?}"
    );
    let requests = server.requests();
    let asked: Vec<Option<&str>> = requests[1..]
        .iter()
        .map(|head| header(head, "range"))
        .collect();
    assert_eq!(asked, ranges, "{answers:?}");
    for head in &requests[1..] {
        assert_eq!(
            header(head, "range").is_some(),
            header(head, "if-range").is_some()
        );
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[test]
fn a_transfer_that_broke_off_goes_on() {
    let tag = "ETag: \"1\"";
    let date = "Last-Modified: Sat, 28 Nov 2026 00:00:00 GMT";
    let from = |start: usize| format!("bytes={start}-");
    let (three, five) = (from(3), from(5));
    check_resumed(
        &[cut(tag, b"con"), rest("3-6/7", tag, b"tent")],
        &[Some(&three)],
    );
    check_resumed(
        &[cut(date, b"con"), rest("3-6/7", date, b"tent")],
        &[Some(&three)],
    );
    let broken = unmeasured(
        "206 Partial Content",
        &["Content-Range: bytes 3-6/7", tag, "Content-Length: 4"],
        b"te",
    );
    check_resumed(
        &[cut(tag, b"con"), broken, rest("5-6/7", tag, b"nt")],
        &[Some(&three), Some(&five)],
    );
    // The content is another one by now, or the server does not know ranges.
    check_resumed(&[cut(tag, b"old"), ok(b"content")], &[Some(&three)]);
    // What follows is not what was asked for: everything again.
    for wrong in [
        rest("2-6/7", tag, b"ntent"),
        rest("3-6/7", "ETag: \"2\"", b"tent"),
        response("416 Range Not Satisfiable", &[], b""),
    ] {
        check_resumed(
            &[cut(tag, b"con"), wrong, ok(b"content")],
            &[Some(&three), None],
        );
    }
    // Nothing says that the rest would be of the same bytes.
    check_resumed(&[cut("ETag: W/\"1\"", b"con"), ok(b"content")], &[None]);
    check_resumed(&[cut("X: 1", b"con"), ok(b"content")], &[None]);
}

fn refresh(client: &Client, uri: &str, setting: &Setting) -> Result<Fetched, FetchError> {
    client.refresh(&uri.parse().unwrap(), 100, &setting.store)
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let setting = Setting::new();
    let tag = "ETag: \"1\"";
    let server = Server::start(vec![
        response("200 OK", &[tag], b"one"),
        response("304 Not Modified", &[tag], b""),
        response("200 OK", &["ETag: \"2\""], b"two"),
        response("304 Not Modified", &[], b""),
    ]);
    let uri = server.uri("/APKINDEX.tar.gz");
    let client = client("", false);
    let contents: Vec<_> = (0..4)
        .map(|_| {
            let fetched = refresh(&client, &uri, &setting).unwrap();
            let stored = fetched.origin == Origin::Store;
            (setting.content(&fetched), stored)
        })
        .collect();
    let expected: Vec<(Vec<u8>, bool)> =
        [("one", false), ("one", true), ("two", false), ("two", true)]
            .map(|(content, stored)| (content.as_bytes().to_vec(), stored))
            .to_vec();
    assert_eq!(contents, expected);
    let requests = server.requests();
    let asked: Vec<_> = requests
        .iter()
        .map(|head| header(head, "if-none-match"))
        .collect();
    assert_eq!(asked, [None, Some("\"1\""), Some("\"1\""), Some("\"2\"")]);
}

#[test]
fn a_damaged_copy_is_fetched_whole() {
    let setting = Setting::new();
    let answer = response("200 OK", &["ETag: \"1\""], b"one");
    let server = Server::start(vec![answer.clone(), answer]);
    let client = client("", false);
    let uri = server.uri("/");
    let fetched = refresh(&client, &uri, &setting).unwrap();
    let path = setting.store.object_path(&fetched.object.digest);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "oen").unwrap();
    let again = refresh(&client, &uri, &setting).unwrap();
    assert_eq!(setting.content(&again), b"one");
    assert_eq!(header(&server.requests()[1], "if-none-match"), None);
}

#[test]
fn offline_there_is_what_was_had_before() {
    let setting = Setting::new();
    let server = Server::start(vec![ok(b"one"), ok(b"content")]);
    let online = client("", false);
    let offline = client("", true);
    let (index, file) = (server.uri("/index"), server.uri("/file"));
    let unknown = refresh(&offline, &index, &setting);
    let (cause, attempts) = only_failure(unknown);
    assert!(matches!(cause, FailureCause::Offline) && attempts == 0);
    refresh(&online, &index, &setting).unwrap();
    let request = request_for(&[&file], b"content");
    online.fetch(&request, &setting.store).unwrap();
    assert_eq!(server.requests().len(), 2);
    let fetched = refresh(&offline, &index, &setting).unwrap();
    assert_eq!(setting.content(&fetched), b"one");
    let fetched = offline.fetch(&request, &setting.store).unwrap();
    assert_eq!(fetched.origin, Origin::Store);
    let other = offline.fetch(&request_for(&[&file], b"other"), &setting.store);
    assert_eq!(
        other.unwrap_err().to_string(),
        format!("cannot fetch `{file}`: it was never fetched before, and this run is offline")
    );
}

#[test]
fn credentials_do_not_follow_a_redirect() {
    let setting = Setting::new();
    let elsewhere = Server::start(vec![ok(b"content")]);
    let to = elsewhere.uri("/there").replace("127.0.0.1", "localhost");
    let location = format!("Location: {to}");
    let server = Server::start(vec![response("302 Found", &[&location], b"")]);
    let address = server.uri("");
    let host = address.strip_prefix("http://").unwrap();
    let client = client(&format!("basic:{host}:user:hidden"), false);
    let request = request_for(&[&server.uri("/here")], b"content");
    client.fetch(&request, &setting.store).unwrap();
    let first = &server.requests()[0];
    assert_eq!(
        header(first, "authorization"),
        Some("Basic dXNlcjpoaWRkZW4="),
        "{first}"
    );
    let second = &elsewhere.requests()[0];
    assert_eq!(header(second, "authorization"), None, "{second}");
}

#[test]
fn credentials_are_not_sent_in_clear() {
    let setting = Setting::new();
    let request = request_for(&["http://user:hidden@host.invalid/"], b"content");
    let error = setting.fetch(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot fetch `http://host.invalid/`: its user name and password would be sent over plain HTTP; use https"
    );
}

#[test]
fn no_more_is_taken_than_was_announced_by_somebody_trusted() {
    let setting = Setting::new();
    for answer in [
        ok(b"content"),
        unmeasured(
            "200 OK",
            &["Transfer-Encoding: chunked"],
            b"7\r\ncontent\r\n0\r\n\r\n",
        ),
    ] {
        let server = Server::start(vec![answer]);
        let request = Request {
            most: Some(6),
            ..request_for(&[&server.uri("/")], b"content")
        };
        let (cause, _) = only_failure(setting.fetch(&request));
        assert!(
            matches!(cause, FailureCause::TooLarge { limit: 6 }),
            "{cause:?}"
        );
        server.requests();
    }
}

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<(String, u64, Option<u64>)>>);

impl Observer for Seen {
    fn received(&self, uri: &Uri, bytes: u64, total: Option<u64>) {
        self.0.lock().unwrap().push((uri.to_string(), bytes, total));
    }
}

#[test]
fn transfers_are_seen() {
    let setting = Setting::new();
    let tag = "ETag: \"1\"";
    let server = Server::start(vec![cut(tag, b"con"), rest("3-6/7", tag, b"tent")]);
    let seen = Arc::new(Seen::default());
    let client = Client::new(&Settings {
        limits: LIMITS,
        observer: Some(Arc::clone(&seen) as Arc<dyn Observer>),
        ..Settings::default()
    })
    .unwrap();
    let uri = server.uri("/");
    client
        .fetch(&request_for(&[&uri], b"content"), &setting.store)
        .unwrap();
    let seen = seen.0.lock().unwrap();
    assert_eq!(*seen, [(uri.clone(), 3, Some(7)), (uri, 7, Some(7))]);
}
