//! A web server on the loopback interface that gives out the files of a folder.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Serves files until it is dropped, one connection at a time, with an `ETag` for each file; tells
/// what it was asked for. It does what a plain web server does and not more: no ranges.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// The only `Authorization` that is let in.
    authorization: Option<String>,
    requests: Mutex<Vec<String>>,
    ends: AtomicBool,
}

impl FileServer {
    /// Serves `folder` to everybody.
    pub fn start(folder: &Path) -> Self {
        Self::start_for(folder, None)
    }

    /// Serves `folder` to those who send this `Authorization`.
    pub fn start_for(folder: &Path, authorization: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("no port is free");
        let address = listener.local_addr().expect("the port is bound");
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            authorization: authorization.map(str::to_owned),
            requests: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.ends.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away is its own test's matter.
                drop(own.answer(&stream));
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The URL of the folder.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked for since the last call: path and status of each request, in order.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.shared.requests.lock().expect("the server panicked");
        std::mem::take(&mut requests)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // Wakes the thread from waiting for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let (status, tag, body) = self.response(&target, &headers);
        if let Ok(mut requests) = self.requests.lock() {
            requests.push(format!("{target} {status}"));
        }
        let mut output = stream;
        let length = body.len();
        write!(
            output,
            "HTTP/1.1 {status} x\r\nConnection: close\r\nETag: {tag}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        output.write_all(&body)
    }

    fn response(&self, target: &str, headers: &BTreeMap<String, String>) -> (u16, String, Vec<u8>) {
        let nothing = |status| (status, String::new(), Vec::new());
        if self.authorization.is_some()
            && headers.get("authorization") != self.authorization.as_ref()
        {
            return nothing(401);
        }
        let below = target.trim_start_matches('/').replace("%40", "@");
        if below.split('/').any(|part| part == "..") {
            return nothing(400);
        }
        let Ok(body) = std::fs::read(self.folder.join(below)) else {
            return nothing(404);
        };
        let sum = body.iter().fold(0_u64, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let tag = format!("\"{sum:x}\"");
        if headers.get("if-none-match") == Some(&tag) {
            return (304, tag, Vec::new());
        }
        (200, tag, body)
    }
}
