//! The signer is killed while it works: what it handed out stays true.

use crate::Fixture;
use crate::run::Run;
use bessemer_signer::SignerProcess;
use bessemer_tlog::{Checkpoint, audit};
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn nothing_that_was_handed_out_is_taken_back() {
    // In memory where that can be had: a slow disk leaves no time to hand anything out.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let mut fixture = Fixture::start_in(directory.unwrap());
    let key = fixture.root().log_key().unwrap().unwrap();
    let directory = fixture.options.state.join("log");
    let mut seen: Vec<Checkpoint> = Vec::new();
    let mut registered = Vec::new();
    for round in 0..12_u64 {
        let pid = Pid::from_raw(i32::try_from(fixture.process.id()).unwrap()).unwrap();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let until = Arc::clone(&acknowledged);
        let killer = std::thread::spawn(move || {
            // At some moment after so many jobs, however slow this machine is today.
            while until.load(Ordering::Relaxed) < round / 2 + 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(5 + 7 * round));
            kill_process(pid, Signal::KILL).unwrap();
        });
        let mut client = fixture.client();
        while let Ok(run) = Run::new_registered(&mut client) {
            registered.push(run.record.invocation_id.clone());
            acknowledged.fetch_add(1, Ordering::Relaxed);
            if run.sign_control(&mut client).is_err() {
                break;
            }
            let Ok(sidecars) = run.finish(&mut client) else {
                break;
            };
            for proof in sidecars[0].1.proofs() {
                seen.push(proof.check(&key).unwrap());
            }
        }
        killer.join().unwrap();
        // What is on the disk now is what the kill left.
        let read = |path: &str| std::fs::read(directory.join(path));
        let found = audit(&key, read, |_, _| Ok(())).unwrap();
        for one in &seen {
            found.continues(one).unwrap();
        }
        let log = fixture.log();
        for id in &registered {
            assert!(log.contains(id), "{id} was acknowledged");
        }
        // The old one's drop removes its socket.
        let name = format!("socket-{round}");
        fixture.options.socket = fixture.directory.path().join(name);
        fixture.process = SignerProcess::spawn(&fixture.options).unwrap();
    }
    assert!(registered.len() > 12, "{}", registered.len());
}
