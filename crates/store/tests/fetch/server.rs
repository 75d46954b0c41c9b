//! A server that answers a fixed number of connections, each with the bytes it was given.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// What to do with one connection after its request was read.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Send these bytes and close.
    Bytes(Vec<u8>),
    /// Send nothing until the client closes.
    Silence,
}

pub(crate) struct Server {
    address: String,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    /// Answers as many connections as there are answers.
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            answers
                .iter()
                .map(|answer| serve(&listener.accept().unwrap().0, answer))
                .collect()
        });
        Self { address, thread }
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for all answers to be given; returns the heads of the requests.
    pub(crate) fn requests(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn serve(stream: &TcpStream, answer: &Answer) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            reader.read_line(&mut head).unwrap(),
            0,
            "the request ends early: {head}"
        );
    }
    let mut output = stream;
    match answer {
        // The client may have had enough.
        Answer::Bytes(bytes) => drop(output.write_all(bytes)),
        Answer::Silence => drop(reader.read_line(&mut String::new())),
    }
    head
}

/// A response with a status line, header lines and a body; its length is added.
pub(crate) fn response(status: &str, headers: &[&str], body: &[u8]) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let headers: Vec<_> = headers.iter().copied().chain([length.as_str()]).collect();
    unmeasured(status, &headers, body)
}

/// The same without a length: the body ends with the connection, or as the headers say.
pub(crate) fn unmeasured(status: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut lines = String::new();
    for header in headers {
        lines += header;
        lines += "\r\n";
    }
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{lines}\r\n");
    Answer::Bytes([head.as_bytes(), body].concat())
}

pub(crate) fn ok(body: &[u8]) -> Answer {
    response("200 OK", &[], body)
}
