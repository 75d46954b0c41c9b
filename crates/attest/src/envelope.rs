//! DSSE envelopes with one signature.
//!
//! Source: DSSE v1.0.2 `protocol.md`. The payload type is always in-toto's; the key id is left
//! empty, because it is unauthenticated and tools disagree about its form; base64 is the standard
//! alphabet with padding and no line ends, so that `base64 -d` reads it.

use crate::documents::{CanonicalError, canonical_bytes};
use crate::{PublicKey, Statement};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The payload type of every envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Whoever can sign with one ECDSA P-256 key. There is no private key type in this crate.
pub trait Signer {
    /// The ASN.1 DER signature over the SHA-256 of `message`.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A signer that could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the key could not sign")]
pub struct SignError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SignError {
    /// Wraps what the key's keeper said.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Why an envelope does not hold.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON of the envelope's shape.
    #[error("the envelope is not a DSSE envelope")]
    Shape(#[source] serde_json::Error),
    /// The payload is something else than an in-toto statement.
    #[error("the payload type is `{0}`, not `{PAYLOAD_TYPE}`")]
    PayloadType(String),
    /// None, or several.
    #[error("the envelope has {0} signatures; exactly one is read")]
    SignatureCount(usize),
    /// Payload or signature is not standard base64.
    #[error("the {0} is not standard base64 with padding")]
    Base64(&'static str),
    /// The signature is not this key's.
    #[error("the signature was not made by this key over this payload and payload type")]
    Signature,
    /// The signer did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The envelope cannot be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The payload in base64.
    payload: String,
    /// What the payload is.
    payload_type: String,
    /// One signature.
    #[serde(deserialize_with = "few")]
    signatures: Vec<EnvelopeSignature>,
}

/// Most signatures that are held in memory; one is read, and others may have more.
const SIGNATURES_LIMIT: usize = 16;

/// Reads a few signatures: an empty one is nine bytes of text and a hundred of memory.
fn few<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<EnvelopeSignature>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<EnvelopeSignature>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "at most {SIGNATURES_LIMIT} signatures")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut signatures = Vec::new();
            while let Some(signature) = from.next_element()? {
                if signatures.len() == SIGNATURES_LIMIT {
                    return Err(A::Error::invalid_length(SIGNATURES_LIMIT + 1, &self));
                }
                signatures.push(signature);
            }
            Ok(signatures)
        }
    }
    from.deserialize_seq(Few)
}

/// A signature over the pre-authentication encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// DSSE's pre-authentication encoding: what is signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs `payload` and wraps it.
    pub fn seal(payload: &[u8], signer: &dyn Signer) -> Result<Self, EnvelopeError> {
        let signature = signer.sign(&pae(PAYLOAD_TYPE, payload))?;
        Ok(Self {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![EnvelopeSignature {
                keyid: String::new(),
                sig: STANDARD.encode(signature),
            }],
        })
    }

    /// Reads one envelope. Nothing is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(bytes).map_err(EnvelopeError::Shape)
    }

    /// The envelope as one line of JSON, without the line end.
    pub fn to_line(&self) -> Result<Vec<u8>, EnvelopeError> {
        Ok(canonical_bytes(self)?)
    }

    /// What names the attestation: the SHA-256 of its line.
    pub fn digest(&self) -> Result<Digest, EnvelopeError> {
        self.to_line().map(Digest::of)
    }

    /// Whether it is as [`Envelope::seal`] makes it. The key's name is signed by nobody: anybody can make many
    /// envelopes of one by it.
    pub fn is_plain(&self) -> bool {
        matches!(self.signatures.as_slice(), [one] if one.keyid.is_empty())
    }

    /// Whether it says what another says, whoever signed.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.payload, &self.payload_type) == (&other.payload, &other.payload_type)
    }

    /// The statement in it, unverified and without its predicate: for finding an envelope, never for judging
    /// by it.
    pub fn claimed(&self) -> Option<Statement<IgnoredAny>> {
        let payload = STANDARD.decode(&self.payload).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// Verifies with `key` and hands out exactly the bytes that were verified.
    pub fn open(&self, key: &PublicKey) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType(
                self.payload_type.chars().take(100).collect(),
            ));
        }
        let [signature] = self.signatures.as_slice() else {
            return Err(EnvelopeError::SignatureCount(self.signatures.len()));
        };
        let decode = |what, text: &str| {
            STANDARD
                .decode(text)
                .map_err(|_| EnvelopeError::Base64(what))
        };
        let payload = decode("payload", &self.payload)?;
        let signature = decode("signature", &signature.sig)?;
        if !key.verifies(&pae(&self.payload_type, &payload), &signature) {
            return Err(EnvelopeError::Signature);
        }
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::TestKey;

    #[test]
    fn pae_has_the_known_answer() {
        // DSSE v1.0.2 protocol.md, test vector.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn opens_with_its_key_only() {
        let (key, other) = (TestKey::generate(), TestKey::generate());
        let envelope = Envelope::seal(b"{}", &key).unwrap();
        let read = Envelope::parse(&envelope.to_line().unwrap()).unwrap();
        assert_eq!(read.open(&key.public()).unwrap(), b"{}");
        assert!(matches!(
            read.open(&other.public()),
            Err(EnvelopeError::Signature)
        ));
    }

    #[test]
    fn signatures_without_end_are_not_held() {
        let text = |count: usize| {
            let signatures = vec![r#"{"sig":""}"#; count].join(",");
            format!(r#"{{"payload":"","payloadType":"","signatures":[{signatures}]}}"#)
        };
        let most = Envelope::parse(text(SIGNATURES_LIMIT).as_bytes());
        assert_eq!(most.unwrap().signatures.len(), SIGNATURES_LIMIT);
        let more = Envelope::parse(text(SIGNATURES_LIMIT + 1).as_bytes()).unwrap_err();
        let EnvelopeError::Shape(cause) = more else {
            panic!("{more}")
        };
        assert!(
            cause.to_string().contains("at most 16 signatures"),
            "{cause}"
        );
    }

    #[test]
    fn refuses_every_change() {
        type Change = fn(&mut Envelope);
        let key = TestKey::generate();
        let envelope = Envelope::seal(b"{\"a\":1}", &key).unwrap();
        let cases: [(&str, Change); 7] = [
            ("not made by this key", |e| {
                e.payload = STANDARD.encode(b"{\"a\":2}");
            }),
            ("payload type", |e| e.payload_type.push('x')),
            ("not made by this key", |e| {
                let mut sig = STANDARD.decode(&e.signatures[0].sig).unwrap();
                let last = sig.len() - 1;
                sig[last] ^= 1;
                e.signatures[0].sig = STANDARD.encode(sig);
            }),
            ("0 signatures", |e| e.signatures.clear()),
            ("2 signatures", |e| e.signatures.extend_from_within(..)),
            ("payload is not standard base64", |e| e.payload.push('\n')),
            ("signature is not standard base64", |e| {
                e.signatures[0].sig.insert(0, '-');
            }),
        ];
        for (message, change) in cases {
            let mut copy = envelope.clone();
            change(&mut copy);
            let found = copy.open(&key.public()).unwrap_err().to_string();
            assert!(found.contains(message), "{found} / {message}");
        }
    }

    #[test]
    fn refuses_other_shapes() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"payload":"","payloadType":"","signatures":[],"x":1}"#,
        ] {
            assert!(matches!(
                Envelope::parse(text.as_bytes()),
                Err(EnvelopeError::Shape(_))
            ));
        }
    }
}
