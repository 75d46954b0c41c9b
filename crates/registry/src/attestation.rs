//! What is attached to images: attestations in DSSE envelopes, and signatures of cosign's kind.
//!
//! Both come finished from whoever has the keys. What is checked here is that readers will not
//! stumble: one envelope that cannot be read makes cosign fail for all that are beside it.
//!
//! Source: DSSE v1.0.2, in-toto attestation framework v1 (and v0.1, which cosign writes), cosign's
//! `specs/SIGNATURE_SPEC.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most bytes of an envelope: what cosign reads.
const ENVELOPE_LIMIT: usize = 128 << 20;
/// Most bytes of a signature's payload.
const PAYLOAD_LIMIT: usize = 1 << 20;
/// The payload type of statements.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The types of statements that are read.
const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
/// What cosign writes into the payload of a signature.
const SIGNATURE_TYPE: &str = "cosign container image signature";

/// A finished envelope with a statement about images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    envelope: Vec<u8>,
    predicate_type: String,
    subjects: Vec<Digest>,
    proof: Option<String>,
}

/// A finished signature of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    payload: Vec<u8>,
    value: Vec<u8>,
    subject: Digest,
    proof: Option<String>,
}

/// Why bytes cannot be attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// More than readers take.
    #[error("it has more than {0} bytes")]
    Size(usize),
    /// Not JSON of an envelope's, a statement's or a payload's shape.
    #[error("it is not {what}")]
    Shape {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        #[source]
        source: serde_json::Error,
    },
    /// Not base64.
    #[error("its {0} is not standard base64 with padding")]
    Base64(&'static str),
    /// No signature, or none that is anything.
    #[error("it has no signature")]
    Signature,
    /// Another kind of payload, statement or signature.
    #[error("its type is `{0}`")]
    Type(String),
    /// The statement says nothing about a SHA-256 digest.
    #[error("its statement has no subject with a sha256 digest")]
    Subject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

impl Attestation {
    /// Reads a finished envelope. Signatures are looked for, and not verified.
    pub fn read(envelope: &[u8]) -> Result<Self, AttestationError> {
        if envelope.len() > ENVELOPE_LIMIT {
            return Err(AttestationError::Size(ENVELOPE_LIMIT));
        }
        let read: Envelope = parse("a DSSE envelope", envelope)?;
        if read.payload_type != PAYLOAD_TYPE {
            return Err(wrong_type(&read.payload_type));
        }
        if read.signatures.is_empty() {
            return Err(AttestationError::Signature);
        }
        for signature in &read.signatures {
            if decoded("signature", &signature.sig)?.is_empty() {
                return Err(AttestationError::Signature);
            }
        }
        let payload = decoded("payload", &read.payload)?;
        let statement: Statement = parse("an in-toto statement", &payload)?;
        if !STATEMENT_TYPES.contains(&statement.kind.as_str()) {
            return Err(wrong_type(&statement.kind));
        }
        let digests = statement.subject.iter();
        let digests = digests.filter_map(|subject| subject.digest.get("sha256"));
        let subjects: Vec<_> = digests
            .filter_map(|hex| Digest::from_hex(hex).ok())
            .collect();
        if subjects.is_empty() {
            return Err(AttestationError::Subject);
        }
        Ok(Self {
            envelope: envelope.to_vec(),
            predicate_type: statement.predicate_type,
            subjects,
            proof: None,
        })
    }

    /// The same with the proof that it stands in a log (c2sp.org/tlog-proof), which is not checked.
    #[must_use]
    pub fn with_proof(mut self, proof: impl Into<String>) -> Self {
        self.proof = Some(proof.into());
        self
    }

    pub(crate) fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    /// The predicate's type, a URI.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// Whether it says something about this manifest.
    pub fn is_about(&self, digest: &Digest) -> bool {
        self.subjects.contains(digest)
    }

    /// The envelope, byte for byte.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }
}

impl Signature {
    /// Takes a payload in cosign's form and the signature over its bytes (ECDSA: ASN.1 DER), which
    /// is not verified.
    pub fn read(payload: &[u8], signature: &[u8]) -> Result<Self, AttestationError> {
        if payload.len() > PAYLOAD_LIMIT {
            return Err(AttestationError::Size(PAYLOAD_LIMIT));
        }
        let read: Payload = parse("the payload of an image's signature", payload)?;
        if read.critical.kind != SIGNATURE_TYPE {
            return Err(wrong_type(&read.critical.kind));
        }
        if signature.is_empty() {
            return Err(AttestationError::Signature);
        }
        Ok(Self {
            payload: payload.to_vec(),
            value: signature.to_vec(),
            subject: read.critical.image.digest,
            proof: None,
        })
    }

    /// The same with the proof that it stands in a log (c2sp.org/tlog-proof), which is not checked.
    #[must_use]
    pub fn with_proof(mut self, proof: impl Into<String>) -> Self {
        self.proof = Some(proof.into());
        self
    }

    pub(crate) fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    /// The manifest that it signs.
    pub const fn subject(&self) -> &Digest {
        &self.subject
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn base64(&self) -> String {
        STANDARD.encode(&self.value)
    }
}

fn parse<'a, T: Deserialize<'a>>(
    what: &'static str,
    bytes: &'a [u8],
) -> Result<T, AttestationError> {
    serde_json::from_slice(bytes).map_err(|source| AttestationError::Shape { what, source })
}

fn decoded(what: &'static str, text: &str) -> Result<Vec<u8>, AttestationError> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| AttestationError::Base64(what))
}

fn wrong_type(found: &str) -> AttestationError {
    let shown = found.chars().filter(|char| !char.is_control());
    AttestationError::Type(shown.take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(statement: &str) -> String {
        format!(
            r#"{{"payloadType":"{PAYLOAD_TYPE}","payload":"{}","signatures":[{{"keyid":"","sig":"AAAA"}}]}}"#,
            STANDARD.encode(statement)
        )
    }

    fn statement() -> String {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","predicate":{{}},"subject":[{{"name":"x","digest":{{"sha256":"{}"}}}}]}}"#,
            Digest::of(b"image").hex()
        )
    }

    #[test]
    fn reads_what_cosign_reads() {
        for statement in [
            statement(),
            statement().replace("Statement/v1", "Statement/v0.1"),
        ] {
            let read = Attestation::read(envelope(&statement).as_bytes()).unwrap();
            assert_eq!(read.predicate_type(), "p");
            assert!(read.is_about(&Digest::of(b"image")) && !read.is_about(&Digest::of(b"")));
        }
    }

    #[test]
    fn refuses_what_readers_would_stumble_over() {
        let right = envelope(&statement());
        for (text, message) in [
            ("{}".to_owned(), "not a DSSE envelope"),
            (right.replace("in-toto", "other"), "its type is"),
            (right.replace("AAAA", ""), "no signature"),
            (
                right.replace("AAAA", "A"),
                "signature is not standard base64",
            ),
            (
                right.replace(r#"{"keyid":"","sig":"AAAA"}"#, ""),
                "no signature",
            ),
            (
                right.replace(r#""payload":""#, r#""payload":"-"#),
                "payload is not standard base64",
            ),
            (envelope("{}"), "not an in-toto statement"),
            (
                envelope(&statement().replace("Statement/v1", "Statement/v2")),
                "its type is",
            ),
            (
                envelope(&statement().replace("sha256", "sha512")),
                "no subject",
            ),
        ] {
            let error = Attestation::read(text.as_bytes())
                .expect_err(&text)
                .to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn reads_the_payload_that_cosign_writes() {
        let digest = Digest::of(b"image");
        let payload = serde_json::json!({ "critical": {
            "identity": { "docker-reference": "r.io/a" },
            "image": { "docker-manifest-digest": digest },
            "type": SIGNATURE_TYPE,
        }});
        let payload = payload.to_string().into_bytes();
        assert_eq!(*Signature::read(&payload, b"s").unwrap().subject(), digest);
        assert!(Signature::read(&payload, b"").is_err());
        assert!(Signature::read(b"{}", b"s").is_err());
        let other = String::from_utf8(payload)
            .unwrap()
            .replace("cosign", "other");
        assert!(Signature::read(other.as_bytes(), b"s").is_err());
    }
}
