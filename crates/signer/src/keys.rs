//! The private keys: ECDSA P-256 for statements, RSA for apk signatures, Ed25519 for the log.

use crate::der;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use bessemer_attest::{
    PemError, PublicKey, SignError, Signer, decode_pem, ed25519_spki, encode_pem,
};
use bessemer_digest::Digest;
use bessemer_tlog::{Checkpoint, Note, NoteKey};

/// Why a key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PEM of a kind that is read.
    #[error("the key file is not a PEM private key")]
    Pem(#[from] PemError),
    /// Not a key of this kind.
    #[error("the key is not {0}")]
    Kind(&'static str),
    /// RSA keys have 2048, 3072 or 4096 bits here.
    #[error("an RSA key of {0} bits is not made; 2048, 3072 and 4096 are")]
    Size(u32),
    /// The library could not.
    #[error("the key could not be generated")]
    Generate,
}

/// An ECDSA P-256 private key.
#[derive(Debug)]
pub struct StatementKey(EcdsaKeyPair);

impl StatementKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, KeyError> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self)
            .map_err(|_| KeyError::Generate)
    }

    /// Reads a key in PKCS#8.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
            .map(Self)
            .map_err(|_| KeyError::Kind("an ECDSA P-256 key"))
    }

    /// The key in PKCS#8, unencrypted.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let document = self.0.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        Ok(document.as_ref().to_vec())
    }

    /// Its public half.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_point(self.0.public_key().as_ref())
            .map_err(|_| KeyError::Kind("an ECDSA P-256 key"))
    }
}

impl Signer for StatementKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self
            .0
            .sign(&SystemRandom::new(), message)
            .map_err(SignError::new)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// The log's key: Ed25519, and the name of the log that it signs checkpoints of.
#[derive(Debug)]
pub(crate) struct LogKey {
    pair: Ed25519KeyPair,
    note_key: NoteKey,
}

impl LogKey {
    /// Makes a key, in PKCS#8.
    pub(crate) fn generate_pkcs8() -> Result<Vec<u8>, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
        let document = pair.to_pkcs8().map_err(|_| KeyError::Generate)?;
        Ok(document.as_ref().to_vec())
    }

    /// Reads a key in PKCS#8 for the log called `origin`.
    pub(crate) fn from_pkcs8(pkcs8: &[u8], origin: &str) -> Result<Self, KeyError> {
        let kind = || KeyError::Kind("an Ed25519 key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| kind())?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| kind())?;
        let note_key =
            NoteKey::new(origin, public).map_err(|_| KeyError::Kind("a key of a log's name"))?;
        Ok(Self { pair, note_key })
    }

    /// Its public half as SubjectPublicKeyInfo, DER.
    pub(crate) fn spki(pkcs8: &[u8]) -> Result<Vec<u8>, KeyError> {
        let kind = || KeyError::Kind("an Ed25519 key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| kind())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| kind())?;
        Ok(ed25519_spki(&public))
    }

    /// What verifies it.
    pub(crate) const fn note_key(&self) -> &NoteKey {
        &self.note_key
    }

    /// The signed checkpoint over `size` entries. Ed25519 is deterministic: so are its bytes.
    pub(crate) fn checkpoint(&self, size: u64, root: Digest) -> String {
        let checkpoint = Checkpoint {
            origin: self.note_key.name().to_owned(),
            size,
            root,
        };
        let text = checkpoint.to_text();
        let signature = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        let signature = self.note_key.signed(signature);
        Note::new(text, vec![signature]).to_text()
    }
}

/// A private and a public key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// PKCS#1, `RSA PRIVATE KEY`: what melange's keygen writes to `<name>`.
    pub private_pem: String,
    /// PKIX, `PUBLIC KEY`: what it writes to `<name>.pub`.
    pub public_pem: String,
}

/// Makes an RSA key pair of 2048, 3072 or 4096 bits.
pub fn generate_rsa(bits: u32) -> Result<KeyFiles, KeyError> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        _ => return Err(KeyError::Size(bits)),
    };
    let pair = KeyPair::generate(size).map_err(|_| KeyError::Generate)?;
    let pkcs8 = pair.as_der().map_err(|_| KeyError::Generate)?;
    let pkcs1 = der::pkcs1_of(pkcs8.as_ref()).ok_or(KeyError::Generate)?;
    let public_pem = RsaKey(pair).public_pem()?;
    Ok(KeyFiles {
        private_pem: encode_pem("RSA PRIVATE KEY", &pkcs1),
        public_pem,
    })
}

/// Whatever signs with an RSA key, PKCS#1 v1.5 over SHA-256: the key itself, or a token that has it.
pub(crate) trait RsaKeeper: std::fmt::Debug + Send + Sync {
    /// The signature over the SHA-256 of `message`.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

impl RsaKeeper for RsaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Self::sign(self, message)
    }
}

/// An RSA private key. Its signatures are PKCS#1 v1.5 and therefore deterministic.
#[derive(Debug)]
pub struct RsaKey(KeyPair);

impl RsaKey {
    /// Reads a `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8) PEM block.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let kind = |_| KeyError::Kind("an RSA key of 2048 to 8192 bits");
        if let Ok(pkcs8) = decode_pem("PRIVATE KEY", text) {
            return KeyPair::from_pkcs8(&pkcs8).map(Self).map_err(kind);
        }
        let pkcs1 = decode_pem("RSA PRIVATE KEY", text)?;
        KeyPair::from_der(&pkcs1).map(Self).map_err(kind)
    }

    /// The public key as SubjectPublicKeyInfo, PEM.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        Ok(encode_pem("PUBLIC KEY", &self.public_spki()?))
    }

    /// The public key as SubjectPublicKeyInfo, DER.
    pub fn public_spki(&self) -> Result<Vec<u8>, KeyError> {
        let der: PublicKeyX509Der<'_> = self
            .0
            .public_key()
            .as_der()
            .map_err(|_| KeyError::Generate)?;
        Ok(der.as_ref().to_vec())
    }

    /// RSA PKCS#1 v1.5 over the SHA-256 of `message`: the body of `.SIGN.RSA256.…`.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(SignError::new)?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    #[test]
    fn makes_rsa_keys_that_read_back_and_sign_deterministically() {
        let files = generate_rsa(2048).unwrap();
        let key = RsaKey::from_pem(&files.private_pem).unwrap();
        assert_eq!(key.public_pem().unwrap(), files.public_pem);
        let signature = key.sign(b"control").unwrap();
        assert_eq!(signature, key.sign(b"control").unwrap());
        let public =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_spki().unwrap());
        assert!(public.verify(b"control", &signature).is_ok());
        assert!(matches!(generate_rsa(1024), Err(KeyError::Size(1024))));
    }

    #[test]
    fn tells_the_kinds_of_keys_apart() {
        let statement = StatementKey::generate().unwrap().to_pkcs8().unwrap();
        let text = encode_pem("PRIVATE KEY", &statement);
        assert!(matches!(RsaKey::from_pem(&text), Err(KeyError::Kind(_))));
        assert!(matches!(RsaKey::from_pem("nothing"), Err(KeyError::Pem(_))));
        assert!(matches!(
            StatementKey::from_pkcs8(b"x"),
            Err(KeyError::Kind(_))
        ));
    }
}
