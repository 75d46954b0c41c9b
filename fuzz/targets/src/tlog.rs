//! Logs: notes and checkpoints, proofs, bundles of entries; and URIs of keys on tokens.

use crate::Target;
use crate::input::{choice, seed, text};
use bessemer_digest::Digest;
use bessemer_signer::{Entry, TokenUri};
use bessemer_tlog::tile::{entries, push_entry};
use bessemer_tlog::{Checkpoint, Note, NoteKey, Proof};

pub(crate) const NOTE: Target = Target {
    name: "tlog_note",
    run: note,
    seeds: note_seeds,
    words: &[
        "\n\n",
        "\u{2014} ",
        "==\n",
        "18446744073709551615",
        "00",
        "+",
    ],
};
pub(crate) const PROOF: Target = Target {
    name: "tlog_proof",
    run: proof,
    seeds: proof_seeds,
    words: &[
        "c2sp.org/tlog-proof@v1\n",
        "extra ",
        "index ",
        "\n\n",
        "\u{2014} ",
        "=\n",
    ],
};
pub(crate) const BUNDLE: Target = Target {
    name: "tlog_bundle",
    run: bundle,
    seeds: bundle_seeds,
    words: &["\0\0", "\u{ff}", "\"event\":", "\"signed\"", "null"],
};
pub(crate) const TOKEN_URI: Target = Target {
    name: "signer_token_uri",
    run: token_uri,
    seeds: token_uri_seeds,
    words: &[
        "pkcs11:",
        "token=",
        "object=",
        "id=%",
        "?",
        "&",
        ";",
        "pin-source=",
        "file:/",
        "%00",
    ],
};

/// What is read is written as it was, and no note of strangers opens.
fn note(data: &[u8]) {
    let Ok(note) = Note::parse(data) else {
        return;
    };
    let again = Note::parse(note.to_text().as_bytes()).unwrap();
    assert_eq!(again, note);
    let key = NoteKey::new("fuzz.example/log", [7; 32]).unwrap();
    assert!(note.open(&key).is_err());
    if let Some(text) = text(data)
        && let Ok(checkpoint) = Checkpoint::from_text(text)
    {
        let again = Checkpoint::from_text(&checkpoint.to_text()).unwrap();
        assert_eq!(again, checkpoint);
    }
}

fn proof(data: &[u8]) {
    let parts = Proof::split(data);
    assert_eq!(parts.concat(), data);
    for part in parts {
        if let Ok(proof) = Proof::parse(part) {
            assert_eq!(proof.to_text().as_bytes(), part);
            let key = NoteKey::new("fuzz.example/log", [7; 32]).unwrap();
            assert!(proof.check(&key).is_err());
        }
    }
}

/// The choice is the width.
fn bundle(data: &[u8]) {
    let Some((width, rest)) = choice(data) else {
        return;
    };
    let Some(found) = entries(rest, u64::from(width)) else {
        return;
    };
    let mut again = Vec::new();
    for entry in &found {
        assert!(push_entry(&mut again, entry));
        if let Some(read) = Entry::parse(entry) {
            assert_eq!(read.to_bytes().unwrap(), *entry);
        }
    }
    assert_eq!((again.as_slice(), found.len()), (rest, usize::from(width)));
}

fn token_uri(data: &[u8]) {
    if let Some(text) = text(data)
        && let Ok(uri) = TokenUri::parse(text)
    {
        assert!(uri.module.is_absolute() && uri.pin.is_absolute());
        assert!(!uri.token.is_empty() && !uri.object.is_empty());
    }
}

fn signed() -> String {
    let checkpoint = Checkpoint {
        origin: "fuzz.example/log".to_owned(),
        size: 3,
        root: Digest::of("root"),
    };
    let key = NoteKey::new("fuzz.example/log", [7; 32]).unwrap();
    Note::new(checkpoint.to_text(), vec![key.signed(vec![1; 64])]).to_text()
}

fn note_seeds() -> Vec<Vec<u8>> {
    vec![
        signed().into_bytes(),
        b"a\n\nb\n\n\xe2\x80\x94 n AAAAAAA=\n".to_vec(),
    ]
}

fn proof_seeds() -> Vec<Vec<u8>> {
    let proof = Proof {
        entry: b"{}".to_vec(),
        index: 1,
        path: vec![Digest::of("a"), Digest::of("b")],
        checkpoint: signed(),
    };
    let text = proof.to_text();
    vec![text.clone().into_bytes(), text.repeat(2).into_bytes()]
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    let digest = Digest::of("x");
    let entry = format!(
        r#"{{"event":"index-signed","index":"{digest}","key":"k","time":"1970-01-01T00:00:00Z"}}"#
    );
    let mut bundle = Vec::new();
    for entry in [entry.as_bytes(), b"", b"other"] {
        assert!(push_entry(&mut bundle, entry));
    }
    vec![seed(3, bundle), seed(0, [])]
}

fn token_uri_seeds() -> Vec<Vec<u8>> {
    let good = "pkcs11:token=a%20b;object=c;id=%01;type=private?module-path=/m.so&pin-source=/p";
    vec![good.as_bytes().to_vec()]
}
