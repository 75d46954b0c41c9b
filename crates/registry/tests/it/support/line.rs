//! A bad line to a registry: connections that break, and answers in its place.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The line breaks when this many bytes of the client have passed.
    CutUpload(usize),
    /// The line breaks when this many bytes of the registry have passed.
    CutAnswer(usize),
    /// The line answers itself, with this status and these header lines.
    Answer(&'static str, &'static str),
}

/// Faults, each for the next request that begins with its text.
type Faults = Vec<(&'static str, Fault)>;

/// A line that passes one request on with each connection, and then closes it.
pub(crate) struct Line {
    port: u16,
    faults: Arc<Mutex<Faults>>,
}

impl Line {
    pub(crate) fn to(port: u16, faults: &[(&'static str, Fault)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let faults = Arc::new(Mutex::new(faults.to_vec()));
        let list = Arc::clone(&faults);
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let list = Arc::clone(&list);
                thread::spawn(move || serve(client, port, &list));
            }
        });
        Self { port: own, faults }
    }

    pub(crate) fn name(&self, repository: &str) -> String {
        format!("127.0.0.1:{}/{repository}", self.port)
    }

    /// Faults that did not happen yet.
    pub(crate) fn left(&self) -> usize {
        self.faults.lock().unwrap().len()
    }
}

fn take(faults: &Mutex<Faults>, request: &[u8]) -> Fault {
    let mut faults = faults.lock().unwrap();
    let place = faults
        .iter()
        .position(|(text, _)| request.starts_with(text.as_bytes()));
    place.map_or(Fault::None, |place| faults.remove(place).1)
}

fn serve(mut client: TcpStream, port: u16, faults: &Mutex<Faults>) {
    let mut start = [0; 4096];
    let count = client.read(&mut start).unwrap_or(0);
    let start = &start[..count];
    let (mut up, mut down) = (usize::MAX, usize::MAX);
    match take(faults, start) {
        Fault::None => {}
        Fault::CutUpload(bytes) => up = bytes,
        Fault::CutAnswer(bytes) => down = bytes,
        Fault::Answer(status, headers) => {
            let fixed = "content-length: 0\r\nconnection: close\r\n\r\n";
            let answer = format!("HTTP/1.1 {status}\r\n{headers}{fixed}");
            let _ = client.write_all(answer.as_bytes());
            return;
        }
    }
    let Some(end) = start.windows(2).position(|two| two == b"\r\n") else {
        return;
    };
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut begun = start[..end].to_vec();
    begun.extend_from_slice(b"\r\nconnection: close");
    begun.extend_from_slice(&start[end..]);
    begun.truncate(up);
    up -= begun.len();
    if server.write_all(&begun).is_err() {
        return;
    }
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let sender = thread::spawn(move || pass(&mut from, &mut to, up));
    pass(&mut server, &mut client, down);
    let _ = client.shutdown(Shutdown::Both);
    let _ = sender.join();
}

/// Passes up to `most` bytes on, then ends both connections.
fn pass(from: &mut TcpStream, to: &mut TcpStream, mut most: usize) {
    let mut buffer = [0; 16 << 10];
    while most > 0 {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count.min(most),
        };
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        most -= count;
    }
    if most == 0 {
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    } else {
        let _ = to.shutdown(Shutdown::Write);
    }
}
