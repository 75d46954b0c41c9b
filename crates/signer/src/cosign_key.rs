//! cosign's encrypted private key format.
//!
//! Source: sigstore `pkg/cryptoutils/password.go` and `encrypted` (behaviour, as described in
//! cosign's documentation): a PEM block whose body is JSON that names scrypt and NaCl's secretbox;
//! the plaintext is the key in PKCS#8. Only the scrypt strengths that cosign accepts are read, so
//! that a file cannot make the signer use gigabytes.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_attest::{PemError, decode_pem, encode_pem};
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};

/// Label that cosign writes today.
const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// Label that older versions wrote.
const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// The scrypt cost that is written: the least of those that cosign accepts.
const WRITTEN_COST: u64 = 1 << 15;
/// The scrypt costs that are read.
const READ_COSTS: [u64; 3] = [1 << 15, 1 << 16, 1 << 17];
const BLOCK_SIZE: u32 = 8;
const PARALLELISM: u32 = 1;
const SALT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;

/// Why a key file does not open, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum CosignKeyError {
    /// Not the PEM block.
    #[error("the key file is not an encrypted sigstore key")]
    Pem(#[from] PemError),
    /// The body is not the JSON.
    #[error("the key file's body does not follow cosign's format")]
    Body(#[from] serde_json::Error),
    /// Another function or strength.
    #[error("the key file uses {0}, which is not read")]
    Unsupported(String),
    /// One field is not base64 of the right length.
    #[error("the key file's {0} is malformed")]
    Field(&'static str),
    /// Wrong password, or a changed file.
    #[error("the key does not open: wrong password (COSIGN_PASSWORD), or the file was changed")]
    Password,
    /// No entropy.
    #[error("the system gave no random bytes")]
    Random,
}

#[derive(Serialize, Deserialize)]
struct Body {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: KdfParameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct KdfParameters {
    #[serde(rename = "N")]
    cost: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Opens and writes key files with one password. Deriving a key from a password is slow on
/// purpose; files written by one `Vault` share a salt, so that opening all of them costs it once.
pub struct Vault {
    password: Vec<u8>,
    derived: Option<(u64, Vec<u8>, Key)>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault that opens with `password`, which may be empty.
    pub fn new(password: impl Into<Vec<u8>>) -> Self {
        Self {
            password: password.into(),
            derived: None,
        }
    }

    /// Encrypts a private key in PKCS#8; returns the file's text.
    pub fn seal(&mut self, pkcs8: &[u8]) -> Result<String, CosignKeyError> {
        let salt = match &self.derived {
            Some((WRITTEN_COST, salt, _)) => salt.clone(),
            _ => random(SALT_LENGTH)?,
        };
        let nonce = random(NONCE_LENGTH)?;
        let key = self.key(WRITTEN_COST, &salt)?;
        let ciphertext = XSalsa20Poly1305::new(&key)
            .encrypt(Nonce::from_slice(&nonce), pkcs8)
            .map_err(|_| CosignKeyError::Field("plaintext"))?;
        let body = Body {
            kdf: Kdf {
                name: "scrypt".to_owned(),
                params: KdfParameters {
                    cost: WRITTEN_COST,
                    r: BLOCK_SIZE,
                    p: PARALLELISM,
                },
                salt: STANDARD.encode(salt),
            },
            cipher: Cipher {
                name: "nacl/secretbox".to_owned(),
                nonce: STANDARD.encode(nonce),
            },
            ciphertext: STANDARD.encode(ciphertext),
        };
        Ok(encode_pem(LABEL, &serde_json::to_vec(&body)?))
    }

    /// Decrypts a key file's text; returns the private key in PKCS#8.
    pub fn open(&mut self, text: &str) -> Result<Vec<u8>, CosignKeyError> {
        let body = decode_pem(LABEL, text)
            .or_else(|error| decode_pem(OLD_LABEL, text).map_err(|_| error))?;
        let body: Body = serde_json::from_slice(&body)?;
        let KdfParameters { cost, r, p } = body.kdf.params;
        if body.kdf.name != "scrypt" || body.cipher.name != "nacl/secretbox" {
            let names = format!("`{}` and `{}`", body.kdf.name, body.cipher.name);
            return Err(CosignKeyError::Unsupported(
                names.chars().take(100).collect(),
            ));
        }
        if !READ_COSTS.contains(&cost) || r != BLOCK_SIZE || p != PARALLELISM {
            return Err(CosignKeyError::Unsupported(format!(
                "scrypt with N={cost}, r={r}, p={p}"
            )));
        }
        let salt = field("salt", &body.kdf.salt, Some(SALT_LENGTH))?;
        let nonce = field("nonce", &body.cipher.nonce, Some(NONCE_LENGTH))?;
        let ciphertext = field("ciphertext", &body.ciphertext, None)?;
        let key = self.key(cost, &salt)?;
        XSalsa20Poly1305::new(&key)
            .decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice())
            .map_err(|_| CosignKeyError::Password)
    }

    fn key(&mut self, cost: u64, salt: &[u8]) -> Result<Key, CosignKeyError> {
        if let Some((known, own, key)) = &self.derived
            && *known == cost
            && own == salt
        {
            return Ok(*key);
        }
        let unsupported = || CosignKeyError::Unsupported(format!("scrypt with N={cost}"));
        let exponent = u8::try_from(cost.trailing_zeros()).map_err(|_| unsupported())?;
        let mut key = Key::default();
        let parameters = scrypt::Params::new(exponent, BLOCK_SIZE, PARALLELISM, key.len())
            .map_err(|_| unsupported())?;
        scrypt::scrypt(&self.password, salt, &parameters, &mut key).map_err(|_| unsupported())?;
        self.derived = Some((cost, salt.to_vec(), key));
        Ok(key)
    }
}

fn field(name: &'static str, text: &str, length: Option<usize>) -> Result<Vec<u8>, CosignKeyError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| CosignKeyError::Field(name))?;
    match length {
        Some(length) if bytes.len() != length => Err(CosignKeyError::Field(name)),
        _ => Ok(bytes),
    }
}

fn random(length: usize) -> Result<Vec<u8>, CosignKeyError> {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).map_err(|_| CosignKeyError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatementKey;
    use bessemer_attest::PublicKey;

    const PUBLIC: &str = include_str!("../test-data/key.pub");
    const KEYS: [&str; 3] = [
        include_str!("../test-data/n32768.key"),
        include_str!("../test-data/n65536.key"),
        include_str!("../test-data/n131072.key"),
    ];

    #[test]
    fn opens_keys_that_other_implementations_wrote() {
        for text in KEYS {
            let pkcs8 = Vault::new("correct horse").open(text).unwrap();
            let key = StatementKey::from_pkcs8(&pkcs8).unwrap();
            assert_eq!(key.public().unwrap(), PublicKey::from_pem(PUBLIC).unwrap());
        }
        let old = KEYS[0].replace("SIGSTORE", "COSIGN");
        assert!(Vault::new("correct horse").open(&old).is_ok());
    }

    #[test]
    fn reads_back_what_it_writes() {
        let mut vault = Vault::new("");
        let texts = [b"one", b"two"].map(|content| vault.seal(content).unwrap());
        assert_eq!(vault.open(&texts[1]).unwrap(), b"two");
        assert_eq!(Vault::new("").open(&texts[0]).unwrap(), b"one");
        assert!(matches!(
            Vault::new("x").open(&texts[0]),
            Err(CosignKeyError::Password)
        ));
    }

    #[test]
    fn refuses_changed_and_expensive_files() {
        let body = decode_pem(LABEL, KEYS[0]).unwrap();
        let changed = |from: &str, to: &str| {
            let text = String::from_utf8(body.clone())
                .unwrap()
                .replacen(from, to, 1);
            encode_pem(LABEL, text.as_bytes())
        };
        let cases = [
            (changed("\"N\":32768", "\"N\":1073741824"), "N=1073741824"),
            (changed("\"r\":8", "\"r\":9"), "r=9"),
            (changed("scrypt", "argon2"), "argon2"),
            (
                changed("\"salt\":\"AAEC", "\"salt\":\""),
                "salt is malformed",
            ),
            (
                changed("\"ciphertext\":\"", "\"ciphertext\":\"AAAA"),
                "wrong password",
            ),
            (changed("kdf", "kdg"), "cosign's format"),
            (String::new(), "not an encrypted sigstore key"),
        ];
        for (text, message) in cases {
            let error = Vault::new("correct horse")
                .open(&text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error} / {message}");
        }
    }
}
