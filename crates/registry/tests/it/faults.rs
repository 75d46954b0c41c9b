//! Lines that break, and registries that ask to wait.

use crate::support::{Fault, Line, Log, connect, connect_as, reference, settings, write_image};
use bessemer_registry::Login;
use bessemer_testkit::ImageRegistry;
use std::sync::Arc;

/// Three pieces of a layer go over a bad line; what the registry has at the end is what was sent.
fn pushed_over(faults: &[(&'static str, Fault)]) -> Vec<String> {
    let (server, other) = (ImageRegistry::start(), ImageRegistry::start());
    let image = write_image(1, 3_000_000);
    let line = Line::to(server.port(), faults);
    let mut settings = settings();
    settings.limits.piece = 1 << 20;
    let log = Arc::new(Log::default());
    let registry = connect_as(&line.name("a"), Login::Anonymous, &settings, log.clone());
    registry.push_layout(&image.layout).unwrap();
    assert_eq!(
        (line.left(), log.count("uploaded")),
        (0, 4),
        "{:?}",
        log.lines()
    );
    // Another registry gets the very bytes, hashed on the way.
    let source = connect(&server.name("a"), Arc::new(Log::default()));
    let target = connect(&other.name("a"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", server.name("a"), image.index));
    target.copy(&source, &from, None).unwrap();
    log.lines()
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn an_upload_goes_on_where_it_broke_off() {
    let lines = pushed_over(&[
        ("PATCH", Fault::None),
        ("PATCH", Fault::CutUpload(100)),
        ("PATCH", Fault::None),
        ("PATCH", Fault::Answer("503 Service Unavailable", "")),
    ]);
    let resumed = lines
        .iter()
        .filter_map(|line| line.strip_prefix("resumed at "));
    assert_eq!(
        resumed.collect::<Vec<_>>(),
        ["1048576", "2097152"],
        "{lines:?}"
    );
    let repeated = lines
        .iter()
        .filter(|line| line.starts_with("repeated sending sha256:"));
    assert_eq!(repeated.count(), 2, "{lines:?}");
}

/// This registry gives an upload up when the answer to a piece did not arrive.
#[test]
#[ignore = "needs Debian's docker-registry"]
fn an_upload_that_the_registry_gave_up_begins_again() {
    let lines = pushed_over(&[("PATCH", Fault::None), ("PATCH", Fault::CutAnswer(1))]);
    let begun = lines
        .iter()
        .filter(|line| line.starts_with("sent 131072 of 3"));
    assert_eq!(begun.count(), 2, "{lines:?}");
}

/// Whether it goes on or begins again then depends on what the registry got: the bytes are right.
#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_piece_that_arrives_in_part_does_no_harm() {
    for bytes in [1_000, 200_000, 900_000] {
        let lines = pushed_over(&[("PATCH", Fault::None), ("PATCH", Fault::CutUpload(bytes))]);
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("repeated sending"))
        );
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_lost_answer_to_anything_does_no_harm() {
    for method in ["HEAD", "POST", "PUT"] {
        pushed_over(&[
            (method, Fault::CutAnswer(0)),
            (method, Fault::CutAnswer(30)),
        ]);
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_download_goes_on_where_it_broke_off() {
    let (server, other) = (ImageRegistry::start(), ImageRegistry::start());
    let image = write_image(1, 2_000_000);
    let plain = connect(&server.name("a"), Arc::new(Log::default()));
    plain.push_layout(&image.layout).unwrap();
    let layer: &str = format!("GET /v2/a/blobs/{}", image.layer).leak();
    let line = Line::to(
        server.port(),
        &[
            (layer, Fault::CutAnswer(900_000)),
            (layer, Fault::CutAnswer(700_000)),
        ],
    );
    let log = Arc::new(Log::default());
    let source = connect(&line.name("a"), log.clone());
    let target = connect(&other.name("a"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", line.name("a"), image.index));
    target.copy(&source, &from, None).unwrap();
    let lines = log.lines();
    assert!(log.count("repeated") == 2, "{lines:?}");
    // What was received once is not received again.
    let total = " of 2001920";
    let received = lines
        .iter()
        .filter_map(|line| line.strip_prefix("received ")?.strip_suffix(total));
    let received: Vec<u64> = received.map(|bytes| bytes.parse().unwrap()).collect();
    assert!(
        received.is_sorted() && received.last() == Some(&2_001_920),
        "{lines:?}"
    );
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn waits_as_long_as_it_is_asked_to() {
    let server = ImageRegistry::start();
    let image = write_image(1, 1000);
    let busy = Fault::Answer("429 Too Many Requests", "retry-after: 1\r\n");
    let down = Fault::Answer("503 Service Unavailable", "");
    let line = Line::to(server.port(), &[("", busy), ("", down)]);
    let log = Arc::new(Log::default());
    connect(&line.name("a"), log.clone())
        .push_layout(&image.layout)
        .unwrap();
    let lines = log.lines();
    let with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (with("status 429 (1s)"), with("status 503 (20ms)")),
        (1, 1),
        "{lines:?}"
    );
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn gives_up_on_what_does_not_pass() {
    let server = ImageRegistry::start();
    let image = write_image(1, 1000);
    for (fault, message, attempts) in [
        (
            Fault::Answer("503 Service Unavailable", ""),
            "status 503",
            5,
        ),
        (Fault::Answer("403 Forbidden", ""), "status 403", 1),
        (Fault::Answer("401 Unauthorized", ""), "a kind of login", 1),
    ] {
        let line = Line::to(server.port(), &vec![("", fault); 100]);
        let registry = connect(&line.name("a"), Arc::new(Log::default()));
        let from = reference(&line.name("a:1"));
        let error = registry.resolve(&from).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(message), "{error}: {cause}");
        assert_eq!(100 - line.left(), attempts, "{error}");
        assert!(registry.push_layout(&image.layout).is_err());
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn sends_nothing_to_where_no_upload_can_be() {
    let server = ImageRegistry::start();
    let image = write_image(1, 1000);
    let elsewhere = Fault::Answer("202 Accepted", "location: ftp://example.com/upload\r\n");
    let line = Line::to(server.port(), &vec![("POST", elsewhere); 20]);
    let registry = connect(&line.name("a"), Arc::new(Log::default()));
    let error = registry.push_layout(&image.layout).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("does not follow the specification"),
        "{error}: {cause}"
    );
}
