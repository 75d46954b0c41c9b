//! Many connections at a time, and too few descriptors for them.

use crate::Fixture;
use bessemer_signer::Client;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// As many as the signer serves at a time.
const LIMIT: usize = 64;

fn connections(fixture: &Fixture, number: usize) -> Vec<UnixStream> {
    (0..number)
        .map(|_| UnixStream::connect(&fixture.options.socket).unwrap())
        .collect()
}

#[test]
fn without_descriptors_the_signer_goes_on() {
    let fixture = Fixture::start();
    let pid = Pid::from_raw(i32::try_from(fixture.process.id()).unwrap());
    let few = Rlimit {
        current: Some(16),
        maximum: Some(16),
    };
    prlimit(pid, Resource::Nofile, few).unwrap();
    let held = connections(&fixture, 40);
    std::thread::sleep(Duration::from_millis(200));
    drop(held);
    fixture.client().describe().unwrap();
}

#[test]
fn one_connection_too_many_waits_for_another_to_end() {
    let fixture = Fixture::start();
    let mut held = connections(&fixture, LIMIT);
    let mut client = Client::connect(&fixture.options.socket).unwrap();
    let (done, answered) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || done.send(client.describe().is_ok()));
        let early = answered.recv_timeout(Duration::from_millis(300));
        held.pop();
        assert_eq!(early, Err(RecvTimeoutError::Timeout));
        assert_eq!(answered.recv_timeout(Duration::from_secs(10)), Ok(true));
    });
}

#[test]
fn the_signer_shares_no_terminal_with_whoever_started_it() {
    let fixture = Fixture::start();
    let pid = Pid::from_raw(i32::try_from(fixture.process.id()).unwrap());
    let session = rustix::process::getsid(pid).unwrap();
    assert_eq!(Some(session), pid);
}
