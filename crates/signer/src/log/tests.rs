//! The log against interruptions, other processes, and what is changed behind its back.

use super::*;
use bessemer_digest::Digest;
use bessemer_tlog::{NoteKey, audit};
use std::fs;

const ORIGIN: &str = "factory.example/log";

struct Place {
    state: tempfile::TempDir,
    pkcs8: Vec<u8>,
}

impl Place {
    /// In memory where that can be had: some tests sync a thousand times.
    fn new() -> Self {
        Self {
            state: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            pkcs8: LogKey::generate_pkcs8().unwrap(),
        }
    }

    fn open(&self) -> Log {
        let key = LogKey::from_pkcs8(&self.pkcs8, ORIGIN).unwrap();
        Log::open(self.state.path(), key).unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        Log::directory(self.state.path()).join(path)
    }

    /// The size of the log on the disk, once every file of it was held against the checkpoint.
    fn audited(&self, older: &[Checkpoint]) -> u64 {
        let key = LogKey::from_pkcs8(&self.pkcs8, ORIGIN).unwrap();
        let read = |path: &str| fs::read(self.at(path));
        let found = audit(key.note_key(), read, |_, entry| {
            Entry::parse(entry).map(drop).ok_or_else(String::new)
        })
        .unwrap();
        for one in older {
            found.continues(one).unwrap();
        }
        found.checkpoint.size
    }
}

fn event(id: usize) -> Event {
    Event::Registered {
        invocation_id: id.to_string(),
        job_spec: Digest::of("spec"),
        lock: Digest::of("lock"),
    }
}

fn events(count: usize) -> Vec<Event> {
    (0..count).map(event).collect()
}

fn now() -> Timestamp {
    Timestamp::epoch()
}

fn opened(text: &str, key: &NoteKey) -> Checkpoint {
    Checkpoint::open(text.as_bytes(), key).unwrap()
}

#[test]
fn keeps_what_was_appended_and_proves_it() {
    let place = Place::new();
    let log = place.open();
    let mut expected = 0;
    for count in [1, 2, 250, 3, 1, 300, 512, 7] {
        let first = log.lock().unwrap().append(&now(), events(count)).unwrap();
        assert_eq!(first, expected);
        expected += count as u64;
        assert_eq!(place.audited(&[]), expected);
    }
    let again = place.open();
    let locked = again.lock().unwrap();
    assert_eq!(locked.size(), expected);
    for index in [0, 1, 255, 256, 257, 700, expected - 1] {
        for size in [index + 1, expected] {
            let proof = locked.prove(index, size).unwrap();
            assert_eq!(proof.check(again.key.note_key()).unwrap().size, size);
            assert!(Entry::parse(&proof.entry).is_some());
        }
    }
    assert!(locked.prove(expected, expected).is_err());
    assert_eq!(locked.checkpoint(9).unwrap(), locked.checkpoint(9).unwrap());
    let partial = fs::read_dir(place.at("tile/entries")).unwrap().count();
    assert_eq!(
        partial, 5,
        "four full bundles and the folder of what is not full"
    );
}

#[test]
fn processes_share_a_log() {
    let place = Place::new();
    let logs = [place.open(), place.open()];
    std::thread::scope(|scope| {
        for log in &logs {
            scope.spawn(|| {
                for id in 0..40 {
                    log.lock().unwrap().append(&now(), vec![event(id)]).unwrap();
                }
            });
        }
    });
    assert_eq!(place.audited(&[]), 80);
    assert_eq!(logs[0].lock().unwrap().size(), 80);
}

#[test]
fn a_log_that_was_cut_off_at_any_step_goes_on() {
    // Sizes at which a bundle begins, is filled, and is filled and begun.
    for (before, count) in [(0, 1), (3, 2), (255, 1), (254, 4), (256, 1), (250, 300)] {
        let mut done = false;
        for steps in 0.. {
            let place = Place::new();
            let log = place.open();
            let mut handed_out = Vec::new();
            if before > 0 {
                let mut locked = log.lock().unwrap();
                locked.append(&now(), events(before)).unwrap();
                let text = locked.checkpoint(before as u64).unwrap();
                handed_out.push(opened(&text, log.key.note_key()));
            }
            *log.files.fuel.lock().unwrap() = Some(steps);
            done = log.lock().unwrap().append(&now(), events(count)).is_ok();
            drop(log);
            // Another process, after the first was killed there.
            let log = place.open();
            let mut locked = log.lock().unwrap();
            let size = locked.size();
            let whole = (before + count) as u64;
            assert!(
                size == before as u64 || size == whole,
                "{size} after {steps}"
            );
            assert!(
                !done || size == whole,
                "acknowledged and gone after {steps}"
            );
            locked.append(&now(), events(5)).unwrap();
            drop(locked);
            assert_eq!(place.audited(&handed_out), size + 5);
            if done {
                break;
            }
        }
        assert!(done);
    }
}

/// What a signer would leave that answers, and writes its checkpoint, before the entries are there.
#[test]
fn control_run_a_checkpoint_without_its_entries_ends_the_log() {
    let place = Place::new();
    let log = place.open();
    let bundle = |size: u64| place.at(&format!("tile/entries/000.p/{size}"));
    log.lock().unwrap().append(&now(), events(3)).unwrap();
    let entries = fs::read(bundle(3)).unwrap();
    log.lock().unwrap().append(&now(), events(2)).unwrap();
    fs::remove_file(bundle(5)).unwrap();
    fs::write(bundle(3), entries).unwrap();
    let error = place.open().lock().unwrap_err().to_string();
    assert!(error.contains("was altered"), "{error}");
}

#[test]
fn hashes_that_did_not_reach_the_disk_are_made_again() {
    let place = Place::new();
    place
        .open()
        .lock()
        .unwrap()
        .append(&now(), events(300))
        .unwrap();
    fs::remove_dir_all(place.at("tile/0")).unwrap();
    fs::write(place.at("tile/1/000.p/1"), "cut").unwrap();
    place.open().lock().unwrap();
    assert_eq!(place.audited(&[]), 300);
}

#[test]
fn notices_what_was_changed() {
    let place = Place::new();
    let log = place.open();
    let older = {
        let mut locked = log.lock().unwrap();
        locked.append(&now(), events(3)).unwrap();
        fs::read(place.at(CHECKPOINT)).unwrap()
    };
    log.lock().unwrap().append(&now(), events(2)).unwrap();
    let refused = |log: &Log| log.lock().unwrap_err().to_string();

    let newer = fs::read(place.at(CHECKPOINT)).unwrap();
    fs::write(place.at(CHECKPOINT), &older).unwrap();
    assert!(refused(&log).contains("it had 5 entries, and now has 3"));
    fs::remove_file(place.at(CHECKPOINT)).unwrap();
    let log = place.open();
    fs::write(place.at(CHECKPOINT), &newer).unwrap();
    assert_eq!(log.lock().unwrap().size(), 5);
    fs::remove_file(place.at(CHECKPOINT)).unwrap();
    assert!(refused(&log).contains("its checkpoint is gone"));

    let other = Place::new();
    other
        .open()
        .lock()
        .unwrap()
        .append(&now(), events(5))
        .unwrap();
    fs::copy(other.at(CHECKPOINT), place.at(CHECKPOINT)).unwrap();
    assert!(refused(&place.open()).contains("was altered"));
    fs::write(place.at(CHECKPOINT), &newer).unwrap();
    let bundle = place.at("tile/entries/000.p/5");
    let text = fs::read(&bundle).unwrap();
    let position = text.windows(4).position(|part| part == b"spec").unwrap();
    for change in [
        |text: &mut Vec<u8>, _| text.truncate(text.len() - 1),
        |text: &mut Vec<u8>, at: usize| text[at] = b'S',
        |text: &mut Vec<u8>, at: usize| text[at + 20] ^= 1,
    ] {
        let mut changed = text.clone();
        change(&mut changed, position);
        fs::write(&bundle, changed).unwrap();
        assert!(refused(&place.open()).contains("was altered"));
    }
    fs::write(&bundle, &text).unwrap();
    assert_eq!(place.open().lock().unwrap().size(), 5, "the control run");
}
