//! What a guest's programs say to its proxy, and what servers answer.

use crate::Target;
use crate::input::choice;
use bessemer_proxy::{parse_request, parse_response, shown_url};
use bessemer_vm_proto::{
    Decoder, Entry, MAX_DATA_FRAME, STREAM_WINDOW, StreamEvent, StreamMessage, Streams, encode,
};
use std::collections::BTreeMap;

pub(crate) const HTTP: Target = Target {
    name: "proxy_http",
    run: http,
    seeds: http_seeds,
    words: &[
        "\r\n",
        "\n ",
        "Content-Length: ",
        "Transfer-Encoding: chunked",
        "Host: ",
        " HTTP/1.1\r\n",
        "://",
        "@",
    ],
};
pub(crate) const STREAMS: Target = Target {
    name: "guest_streams",
    run: streams,
    seeds: stream_seeds,
    words: &["\u{2}\0\0\0\0\0"],
};

/// 0: a response; anything else: a request. What is accepted has one meaning, and a URL is shown
/// without a user name.
fn http(data: &[u8]) {
    match choice(data) {
        Some((0, rest)) => drop(parse_response(rest)),
        Some((_, rest)) => {
            if let Ok(head) = parse_request(rest) {
                assert_eq!(parse_request(&head.render()).as_ref(), Ok(&head));
                assert!(head.headers.all("content-length").count() <= 1);
                let lengths = head.headers.get("content-length").is_some();
                assert!(!lengths || head.headers.get("transfer-encoding").is_none());
                let shown = shown_url(&head.target);
                // What looks like an address within a query is none.
                let scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let split = shown.split_once("://").filter(|(name, _)| scheme(name));
                let authority = split.map_or("", |(_, rest)| rest);
                let authority = authority.split(['/', '?']).next().unwrap_or_default();
                assert!(!authority.contains('@'), "{shown}");
            }
        }
        None => {}
    }
}

fn http_seeds() -> Vec<Vec<u8>> {
    let request = "GET http://u@h.example/a?token=b HTTP/1.1\r\nHost: h.example\r\n\r\n";
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
    let chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    let with = |choice: u8, text: &str| [&[choice], text.as_bytes()].concat();
    vec![
        with(1, request),
        with(1, post),
        with(1, chunked),
        with(0, response),
    ]
}

/// Whatever a guest writes to its data port, the host holds no more of a stream than a window.
fn streams(data: &[u8]) {
    let mut decoder = Decoder::<StreamMessage>::new(MAX_DATA_FRAME);
    let mut host = Streams::of_host();
    let mut held = BTreeMap::<u32, usize>::new();
    decoder.push(data);
    while let Ok(Some(message)) = decoder.next_message() {
        match host.receive(message) {
            Err(_) => return,
            Ok(Some(StreamEvent::Data(stream, bytes))) => {
                let held = held.entry(stream).or_default();
                *held += bytes.len();
                assert!(*held <= STREAM_WINDOW as usize);
            }
            Ok(_) => {}
        }
    }
}

fn stream_seeds() -> Vec<Vec<u8>> {
    let mut guest = Streams::of_guest();
    let mut bytes = Vec::new();
    let mut push = |message: Option<StreamMessage>| {
        bytes.extend(encode(&message.unwrap(), MAX_DATA_FRAME).unwrap());
    };
    let (stream, open) = guest.open(Entry::Https).unwrap();
    push(Some(open));
    push(guest.send(stream, b"hello".to_vec()));
    push(Some(StreamMessage::Credit { stream, bytes: 7 }));
    push(guest.end(stream));
    push(guest.reset(stream));
    vec![bytes]
}
