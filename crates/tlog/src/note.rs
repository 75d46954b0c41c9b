//! Signed notes: a text and signatures below it. Source: c2sp.org/signed-note.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;

/// The largest note that is read, in bytes (16 KiB).
const NOTE_LIMIT: usize = 16 << 10;
/// The most signatures that are read.
const SIGNATURE_LIMIT: usize = 16;
/// What a signature line starts with: an em dash and a space.
const MARK: &str = "\u{2014} ";
/// The signature type of Ed25519 keys, a part of what key ids are hashed from.
const ED25519_TYPE: u8 = 1;

/// Why bytes are not a note, or not one of this key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Too many bytes.
    #[error("the note has {0} bytes; at most {NOTE_LIMIT} are read")]
    TooLarge(usize),
    /// Not text of the form.
    #[error("the note is not a text, an empty line and signature lines")]
    Shape,
    /// The key did not sign.
    #[error("the note has no signature of `{0}`")]
    Unsigned(String),
    /// The signature is not this key's over this text.
    #[error("the signature of `{0}` on the note does not hold")]
    Signature(String),
    /// A name that a key cannot have.
    #[error("`{0}` cannot be the name of a key: it is empty, or has spaces, signs or a plus")]
    Name(String),
}

/// An Ed25519 key and the name it signs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: [u8; 32],
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// The id of the key: the first bytes of a hash of name, type and key.
    pub id: [u8; 4],
    /// The signature itself.
    pub signature: Vec<u8>,
}

/// A text and its signatures; nothing is verified by reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl NoteKey {
    /// The key `public` under the name `name`.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if is_name(name) {
            let name = name.to_owned();
            return Ok(Self { name, public });
        }
        Err(NoteError::Name(name.chars().take(100).collect()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What signature lines name it by.
    pub fn id(&self) -> [u8; 4] {
        let bytes = [
            self.name.as_bytes(),
            &[b'\n', ED25519_TYPE],
            &self.public[..],
        ]
        .concat();
        let [one, two, three, four, ..] = *Digest::of(bytes).as_bytes();
        [one, two, three, four]
    }

    /// The line that clients of the ecosystem take as a verifier key.
    pub fn to_line(&self) -> String {
        let id = u32::from_be_bytes(self.id());
        let key = [&[ED25519_TYPE], &self.public[..]].concat();
        format!("{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }

    /// A signature line's content for a signature that this key made.
    pub fn signed(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: self.name.clone(),
            id: self.id(),
            signature,
        }
    }
}

impl Note {
    /// A note; `text` ends with a line end.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_LIMIT {
            return Err(NoteError::TooLarge(bytes.len()));
        }
        let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Shape)?;
        if all.chars().any(|char| char.is_control() && char != '\n') {
            return Err(NoteError::Shape);
        }
        // The last empty line divides; text may have others.
        let end = all.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, below) = (&all[..=end], &all[end + 2..]);
        let below = below.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let mut signatures = Vec::new();
        for line in below.split('\n') {
            if signatures.len() == SIGNATURE_LIMIT {
                return Err(NoteError::Shape);
            }
            signatures.push(signature_line(line).ok_or(NoteError::Shape)?);
        }
        Ok(Self::new(text.to_owned(), signatures))
    }

    /// The note's bytes.
    pub fn to_text(&self) -> String {
        let mut all = format!("{}\n", self.text);
        for NoteSignature {
            name,
            id,
            signature,
        } in &self.signatures
        {
            let body = STANDARD.encode([&id[..], signature].concat());
            for part in [MARK, name, " ", &body, "\n"] {
                all.push_str(part);
            }
        }
        all
    }

    /// The text, once `key` is known to have signed it. Signatures of others are passed over.
    pub fn open(&self, key: &NoteKey) -> Result<&str, NoteError> {
        let own = |one: &&NoteSignature| one.name == key.name && one.id == key.id();
        let signature = self
            .signatures
            .iter()
            .find(own)
            .ok_or_else(|| NoteError::Unsigned(key.name.clone()))?;
        UnparsedPublicKey::new(&ED25519, &key.public)
            .verify(self.text.as_bytes(), &signature.signature)
            .map_err(|_| NoteError::Signature(key.name.clone()))?;
        Ok(&self.text)
    }
}

fn is_name(name: &str) -> bool {
    let plain = |char: char| !char.is_whitespace() && !char.is_control() && char != '+';
    !name.is_empty() && name.chars().all(plain)
}

fn signature_line(line: &str) -> Option<NoteSignature> {
    let (name, body) = line.strip_prefix(MARK)?.split_once(' ')?;
    let body = STANDARD.decode(body).ok()?;
    let (id, signature) = body.split_first_chunk::<4>()?;
    (is_name(name) && !signature.is_empty()).then(|| NoteSignature {
        name: name.to_owned(),
        id: *id,
        signature: signature.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note.
    const KEY: &str = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn key() -> NoteKey {
        let bytes = STANDARD.decode(KEY).unwrap();
        NoteKey::new("PeterNeumann", bytes[1..].try_into().unwrap()).unwrap()
    }

    #[test]
    fn opens_a_note_that_another_program_signed() {
        let text = format!("{TEXT}\n{SIGNATURE}");
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(note.open(&key()).unwrap(), TEXT);
        assert_eq!(note.to_text(), text);
        assert_eq!(
            key().to_line(),
            format!("PeterNeumann+c74f20a3+{KEY}"),
            "the verifier key of the same example"
        );
    }

    #[test]
    fn refuses_changed_texts_other_names_and_other_forms() {
        let text = format!("{TEXT}\n{SIGNATURE}");
        let open = |text: &str| {
            Note::parse(text.as_bytes()).and_then(|note| note.open(&key()).map(str::to_owned))
        };
        assert!(open(&text).is_ok());
        assert_eq!(
            open(&text.replacen("answer", "anzwer", 1)),
            Err(NoteError::Signature("PeterNeumann".to_owned()))
        );
        assert_eq!(
            open(&text.replacen("PeterNeumann", "PeterNewmann", 1)),
            Err(NoteError::Unsigned("PeterNeumann".to_owned()))
        );
        for wrong in [
            TEXT.to_owned(),
            text.trim_end().to_owned(),
            text.replacen("\n\n", "\n", 1),
            text.replacen(" x08", " !08", 1),
            text.replacen("answer", "ans\twer", 1),
            format!("{text}{}", SIGNATURE.repeat(SIGNATURE_LIMIT)),
        ] {
            assert_eq!(open(&wrong), Err(NoteError::Shape), "{wrong}");
        }
        for name in ["", "a b", "a+b", "a\n"] {
            assert!(NoteKey::new(name, [0; 32]).is_err(), "{name}");
        }
    }
}
