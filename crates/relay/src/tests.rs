use super::*;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread;

struct Guest(TcpListener);

impl Side for Guest {
    fn listeners(&self) -> Vec<(BorrowedFd<'_>, Entry)> {
        vec![(self.0.as_fd(), Entry::Proxy)]
    }

    fn opened(&mut self, _: Entry) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Serves each connection with `0`.
struct Host(fn(UnixStream));

impl Side for Host {
    fn opened(&mut self, _: Entry) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        let serve = self.0;
        thread::spawn(move || serve(theirs));
        Ok(ours.into())
    }
}

/// Both loops over one pair of sockets; programs connect to the address.
fn start(serve: fn(UnixStream)) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (guest, host) = UnixStream::pair().unwrap();
    thread::spawn(move || relay(guest.into(), Streams::of_guest(), &mut Guest(listener)));
    thread::spawn(move || relay(host.into(), Streams::of_host(), &mut Host(serve)));
    address
}

fn echo(mut stream: UnixStream) {
    let mut copy = stream.try_clone().unwrap();
    io::copy(&mut stream, &mut copy).unwrap();
    copy.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn many_connections_carry_more_than_their_windows() {
    let address = start(echo);
    let threads: Vec<_> = (0..8_u8)
        .map(|number| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let sent = vec![number; 3_000_000];
                let mut writer = stream.try_clone().unwrap();
                let copy = sent.clone();
                let writing = thread::spawn(move || {
                    writer.write_all(&copy).unwrap();
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                let mut got = Vec::new();
                stream.read_to_end(&mut got).unwrap();
                writing.join().unwrap();
                assert!(got == sent, "{} bytes", got.len());
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_reader_that_does_not_read_holds_up_no_other() {
    let address = start(echo);
    let mut stuck = TcpStream::connect(address).unwrap();
    stuck.set_nonblocking(true).unwrap();
    let piece = vec![7; 64 * 1024];
    for _ in 0..400 {
        if stuck.write(&piece).is_err() {
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    let mut other = TcpStream::connect(address).unwrap();
    other.write_all(b"through").unwrap();
    other.shutdown(Shutdown::Write).unwrap();
    let mut got = String::new();
    other.read_to_string(&mut got).unwrap();
    assert_eq!(got, "through");
}
