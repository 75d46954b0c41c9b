//! What a confined thread cannot do, each with a control run in a free one.

use super::confine;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a signer must be able to do, and what nobody in its place should.
struct Outcome {
    own: Vec<(&'static str, io::Result<()>)>,
    foreign: Vec<(&'static str, io::Result<()>)>,
}

fn act(state: &Path, elsewhere: &Path) -> Outcome {
    let own = state.join("own");
    let moved = state.join("moved");
    Outcome {
        own: vec![
            ("write in the state", fs::write(&own, "x")),
            ("rename in the state", fs::rename(&own, &moved)),
            ("read in the state", fs::read(&moved).map(drop)),
            ("remove in the state", fs::remove_file(&moved)),
            (
                "a thread",
                std::thread::Builder::new().spawn(|| ()).map(drop),
            ),
        ],
        foreign: vec![
            ("read elsewhere", fs::read("/etc/passwd").map(drop)),
            ("list elsewhere", fs::read_dir("/etc").map(drop)),
            ("write elsewhere", fs::write(elsewhere.join("x"), "x")),
            ("a program", Command::new("/bin/true").status().map(drop)),
            (
                "a listening socket",
                UnixListener::bind(elsewhere.join("socket")).map(drop),
            ),
            ("a pair of sockets", UnixStream::pair().map(drop)),
            (
                "a connection",
                std::net::TcpStream::connect("127.0.0.1:9")
                    .map(drop)
                    .or_else(|error| {
                        // Nobody listens there: that it was tried is what counts.
                        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
                        if refused { Ok(()) } else { Err(error) }
                    }),
            ),
        ],
    }
}

fn in_thread(confined: bool) -> Outcome {
    let state = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (state_path, other): (PathBuf, PathBuf) =
        (state.path().to_owned(), elsewhere.path().to_owned());
    // Both are properties of a thread and of what it starts.
    std::thread::spawn(move || {
        if confined {
            let missing = confine(&state_path, &[], None).unwrap();
            assert!(missing.is_empty(), "{missing:?}");
        }
        act(&state_path, &other)
    })
    .join()
    .unwrap()
}

#[test]
fn a_confined_signer_has_its_state_and_nothing_else() {
    let confined = in_thread(true);
    for (what, result) in &confined.own {
        assert!(result.is_ok(), "{what}: {result:?}");
    }
    for (what, result) in &confined.foreign {
        assert!(result.is_err(), "{what}");
    }
    let free = in_thread(false);
    for (what, result) in free.own.iter().chain(&free.foreign) {
        assert!(result.is_ok(), "the control run: {what}: {result:?}");
    }
}
