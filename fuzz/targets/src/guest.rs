//! What a guest writes: frames on its ports, the archive on its output disk.

use crate::Target;
use crate::input::{choice, seal_tar, seed};
use bessemer_apk::package::write_data;
use bessemer_apk::{Entry, EntryKind, EntryPath};
use bessemer_package::{Archive, Limits};
use bessemer_vm_proto::{
    Configuration, Conversation, Decoder, FromGuest, GuestPath, LogChunk, MAX_CONTROL_FRAME,
    MAX_LOG_FRAME, Run, RunStatus, ToGuest, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::io::Read as _;

pub(crate) const FRAME: Target = Target {
    name: "guest_frame",
    run: frame,
    seeds: frame_seeds,
    words: &["\u{2}\0\0\0\0\0", "\u{2}\0\u{1}\0\0\0\u{1}", "../", "/"],
};
/// Of QEMU, which a guest may have taken over.
pub(crate) const EVENT: Target = Target {
    name: "guest_event",
    run: event,
    seeds: event_seeds,
    words: &[
        "\"event\":",
        "\"BLOCK_IO_ERROR\"",
        "\"action\": \"stop\"",
        "\\u001b",
        "null",
    ],
};
pub(crate) const ARCHIVE: Target = Target {
    name: "guest_archive",
    run: archive,
    seeds: archive_seeds,
    words: &[
        "../",
        "ustar\0",
        "path=",
        "linkpath=",
        "SCHILY.xattr.",
        "././@LongLink",
        "\0",
    ],
};

const SMALL: Limits = Limits {
    entries: 1000,
    total_size: 1 << 20,
    metadata: 1 << 20,
    path: 4095,
    name: 255,
    extension: 1 << 16,
};

/// 0: control port, to the host; 1: log port; 2: control port, to the guest.
fn frame(data: &[u8]) {
    match choice(data) {
        Some((0, rest)) => {
            let mut talk = Conversation::default();
            for message in messages::<FromGuest>(rest, MAX_CONTROL_FRAME) {
                let _ = talk.receive(&message);
            }
        }
        Some((1, rest)) => drop(messages::<LogChunk>(rest, MAX_LOG_FRAME)),
        Some((_, rest)) => {
            for message in messages::<ToGuest>(rest, MAX_CONTROL_FRAME) {
                if let ToGuest::Archive(paths) = message {
                    paths.iter().for_each(check_path);
                }
            }
        }
        None => {}
    }
}

/// Every message before the first error; the same however the bytes are cut, and each reads back.
fn messages<T>(bytes: &[u8], limit: usize) -> Vec<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let whole = decode::<T>(bytes, bytes.len().max(1), limit);
    let cut = usize::from(bytes.first().copied().unwrap_or(1) % 13) + 1;
    assert_eq!(whole, decode::<T>(bytes, cut, limit), "pieces of {cut}");
    for message in &whole {
        let frame = encode(message, limit).unwrap();
        let again = decode::<T>(&frame, frame.len(), limit);
        assert_eq!(again.iter().collect::<Vec<_>>(), [message]);
    }
    whole
}

fn decode<T: DeserializeOwned>(bytes: &[u8], cut: usize, limit: usize) -> Vec<T> {
    let mut decoder = Decoder::<T>::new(limit);
    let mut found = Vec::new();
    for piece in bytes.chunks(cut) {
        decoder.push(piece);
        while let Ok(Some(message)) = decoder.next_message() {
            found.push(message);
        }
    }
    found
}

fn check_path(path: &GuestPath) {
    let text = path.as_str();
    assert!(text.starts_with('/'), "{text:?}");
    assert!(!text.split('/').any(|part| part == ".."), "{text:?}");
}

/// Headers are sealed again when the first byte is odd.
fn archive(data: &[u8]) {
    let Some((kind, rest)) = choice(data) else {
        return;
    };
    let mut bytes = rest.to_vec();
    if kind % 2 == 1 {
        seal_tar(&mut bytes);
    }
    let file = bessemer_signer::memory_file(&bytes).unwrap();
    let Ok(tree) = Archive::scan(file, &SMALL) else {
        return;
    };
    assert!(tree.len() as u64 <= SMALL.entries);
    let mut total = 0;
    for (path, node) in tree.iter() {
        let parts = || path.components();
        assert!(
            parts().all(|part| !matches!(part, "" | "." | "..")),
            "{path}"
        );
        assert!(parts().all(|part| part.len() <= SMALL.name), "{path}");
        assert!(node.entry.mode <= 0o7777, "{path}");
        total += node.size();
        let mut content = Vec::new();
        tree.open(node).unwrap().read_to_end(&mut content).unwrap();
        if matches!(node.entry.kind, EntryKind::File { .. }) {
            assert_eq!(content.len() as u64, node.size(), "{path}");
        }
        let _ = tree.resolve(node);
    }
    assert!(total <= SMALL.total_size);
    crate::package::look_at(&tree);
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let control = |message: &FromGuest| encode(message, MAX_CONTROL_FRAME).unwrap();
    let ready = control(&FromGuest::Ready { agent: "1".into() });
    let exited = control(&FromGuest::Exited {
        id: "main/0".into(),
        status: RunStatus::Exited(3),
        log_bytes: 12,
    });
    let archived = control(&FromGuest::Archived { bytes: 1 << 20 });
    let failed = control(&FromGuest::Failed {
        message: "no".into(),
    });
    let chunk = encode(
        &LogChunk {
            bytes: vec![b'x'; 300],
        },
        MAX_LOG_FRAME,
    )
    .unwrap();
    let run = Run {
        id: "main/0".into(),
        argv: vec!["/bin/sh".into(), "-c".into(), "true".into()],
        directory: GuestPath::new("/home/build").unwrap(),
        environment: [("A".to_owned(), "b".to_owned())].into(),
        timeout_seconds: 60,
    };
    let requests = [
        ToGuest::Configure(Configuration::default()),
        ToGuest::Run(run),
        ToGuest::Archive(vec![GuestPath::new("/home/build/out").unwrap()]),
        ToGuest::PowerOff,
    ];
    let requests = requests.map(|request| encode(&request, MAX_CONTROL_FRAME).unwrap());
    vec![
        seed(0, [ready, exited, archived, failed].concat()),
        seed(1, [chunk.clone(), chunk].concat()),
        seed(2, requests.concat()),
    ]
}

fn archive_seeds() -> Vec<Vec<u8>> {
    let path = |text: &str| EntryPath::new(text).unwrap();
    let long = format!("usr/{}/{}", "d".repeat(120), "f".repeat(90));
    let mut capable = Entry::file(path("usr/lib/libx.so.1"), 5, 0o755);
    capable
        .xattrs
        .insert("user.x".to_owned(), vec![0, 1, b'\n', b'=']);
    let target = path("usr/lib/libx.so.1");
    let mut entries = vec![
        (Entry::directory(path("usr")), vec![]),
        (Entry::directory(path("usr/lib")), vec![]),
        (capable, b"hello".to_vec()),
        (
            Entry::new(path("usr/lib/m"), EntryKind::Hardlink { target }, 0o755),
            vec![],
        ),
        (Entry::symlink(path("usr/lib/libx.so"), "libx.so.1"), vec![]),
        (Entry::file(path(&long), 3, 0o644), b"abc".to_vec()),
    ];
    entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let mut data = Vec::new();
    write_data(entries, 0, &mut data).unwrap();
    let tar = crate::input::gunzip(&data);
    vec![seed(0, &tar), seed(1, &tar)]
}

/// What is said of a disk never commands a terminal.
fn event(data: &[u8]) {
    if let Some(text) = bessemer_vm::untrusted::event(data) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

fn event_seeds() -> Vec<Vec<u8>> {
    let full = r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "BLOCK_IO_ERROR", "data": {"device": "", "nospace": true, "node-name": "scratch", "reason": "No space left on device", "operation": "write", "action": "stop"}}"#;
    vec![full.as_bytes().to_vec()]
}
