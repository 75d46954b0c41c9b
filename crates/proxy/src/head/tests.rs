use super::*;
use proptest::prelude::*;

fn request(lines: &str) -> Result<RequestHead, HttpError> {
    parse_request(format!("{lines}\r\n\r\n").as_bytes())
}

#[test]
fn a_request_is_read() {
    let head = request("GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*").unwrap();
    assert_eq!(
        (head.method.as_str(), head.target.as_str()),
        ("GET", "/a?b")
    );
    assert_eq!(head.headers.get("accept"), Some("*/*"));
    assert_eq!(head.framing, Framing::None);
    assert_eq!(parse_request(&head.render()), Ok(head));
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    for text in [
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h",
        "GET / HTTP/1.1\r\nAccept: x",
        "GET / HTTP/1.1\r\nHost: h\r\n folded: x",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb",
        "GET / HTTP/1.1\nHost: h",
        "GET / HTTP/1.1\r\nHost: h\nX: y",
        "GET / HTTP/1.1\r\nHost: h\rX: y",
        "GET / HTTP/1.1\r\nHost : h",
        "GET / HTTP/1.1\r\nHost: h\0",
        "GET / HTTP/2.0\r\nHost: h",
        "G@T / HTTP/1.1\r\nHost: h",
        " GET / HTTP/1.1\r\nHost: h",
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h",
    ] {
        assert!(request(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_response_is_read_and_its_body_delimited() {
    let framing =
        |text: &str| parse_response(format!("{text}\r\n\r\n").as_bytes()).map(|head| head.framing);
    assert_eq!(
        framing("HTTP/1.1 200 OK\r\nContent-Length: 3"),
        Ok(Framing::Length(3))
    );
    assert_eq!(
        framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked"),
        Ok(Framing::Chunked)
    );
    assert_eq!(framing("HTTP/1.1 200 OK"), Ok(Framing::UntilClose));
    assert_eq!(
        framing("HTTP/1.1 304 X\r\nContent-Length: 3"),
        Ok(Framing::None)
    );
    assert!(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked").is_err());
    assert!(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = parse_request(&bytes);
        let _ = parse_response(&bytes);
    }
}
