//! What is encrypted by PBES2 with a password that everybody knows: key stores of Java and others.
//!
//! Read as `keytool` and OpenSSL write it (RFC 8018 appendix A, RFC 7292): PBKDF2, AES in CBC, DER.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm as Cipher, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{
    self, Algorithm as Kdf, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384,
    PBKDF2_HMAC_SHA512,
};
use std::io::{self, Read};
use std::num::NonZeroU32;

/// Java's convention, and none.
const PASSWORDS: [&str; 2] = ["changeit", ""];
/// Most bytes of parameters.
const PARAMETERS: usize = 1 << 10;
/// Most bytes that are encrypted: trust stores of distributions have some hundred kibibytes.
const ENCRYPTED: usize = 16 << 20;
/// What one round of one password costs, in bytes of a search's total.
const ROUND: u64 = 512;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const OBJECT: u8 = 6;
/// `[0]` implicit, as in PKCS#7's encrypted content.
const CONTENT: u8 = 0x80;

const PBKDF2: &str = "2a864886f70d01050c";
/// Object identifiers of HMACs below 1.2.840.113549.2, by their last number.
const HMACS: [(&str, Kdf); 4] = [
    ("2a864886f70d0207", PBKDF2_HMAC_SHA1),
    ("2a864886f70d0209", PBKDF2_HMAC_SHA256),
    ("2a864886f70d020a", PBKDF2_HMAC_SHA384),
    ("2a864886f70d020b", PBKDF2_HMAC_SHA512),
];

/// AES in CBC by its object identifier, with the length of its key in bytes.
fn cipher(object: &[u8]) -> Option<(&'static Cipher, usize)> {
    match hex::encode(object).as_str() {
        "608648016503040102" => Some((&AES_128, 16)),
        "608648016503040116" => Some((&AES_192, 24)),
        "60864801650304012a" => Some((&AES_256, 32)),
        _ => None,
    }
}

/// Something encrypted, with all but the password.
pub(crate) struct Store {
    salt: Vec<u8>,
    rounds: NonZeroU32,
    hmac: Kdf,
    cipher: (&'static Cipher, usize),
    vector: [u8; 16],
    encrypted: Vec<u8>,
}

impl Store {
    /// From the object identifier of PBES2 on.
    pub(crate) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut source = source;
        element(&mut source, OBJECT, PARAMETERS)?;
        let parameters = element(&mut source, SEQUENCE, PARAMETERS)?;
        let (tag, length) = header(&mut source)?;
        if !matches!(tag, CONTENT | OCTETS) {
            return Err(invalid());
        }
        let encrypted = bytes(&mut source, length, ENCRYPTED)?;
        let mut parameters = parameters.as_slice();
        let derivation = element(&mut parameters, SEQUENCE, PARAMETERS)?;
        let encryption = element(&mut parameters, SEQUENCE, PARAMETERS)?;
        let (salt, rounds, hmac) = derived(&derivation)?;
        let mut encryption = encryption.as_slice();
        let object = element(&mut encryption, OBJECT, PARAMETERS)?;
        let vector = element(&mut encryption, OCTETS, PARAMETERS)?;
        Ok(Self {
            salt,
            rounds,
            hmac,
            cipher: cipher(&object).ok_or_else(invalid)?,
            vector: vector.try_into().map_err(|_| invalid())?,
            encrypted,
        })
    }

    /// What [`Store::open`] costs, in bytes of a search's total.
    pub(crate) fn work(&self) -> u64 {
        u64::from(self.rounds.get()) * ROUND * PASSWORDS.len() as u64
    }

    /// What is in it, when a password fits; a wrong one may give nonsense, which is no harm.
    pub(crate) fn open(&self) -> Vec<u8> {
        let opened = PASSWORDS
            .iter()
            .filter_map(|password| self.try_with(password));
        opened.flatten().collect()
    }

    fn try_with(&self, password: &str) -> Option<Vec<u8>> {
        let (cipher, length) = self.cipher;
        let mut key = vec![0; length];
        let secret = password.as_bytes();
        pbkdf2::derive(self.hmac, self.rounds, &self.salt, secret, &mut key);
        let key = UnboundCipherKey::new(cipher, &key).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::from(self.vector));
        let mut text = self.encrypted.clone();
        let length = key.decrypt(&mut text, context).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

/// Salt, rounds and HMAC of PBKDF2.
fn derived(derivation: &[u8]) -> io::Result<(Vec<u8>, NonZeroU32, Kdf)> {
    let mut derivation = derivation;
    if hex::encode(element(&mut derivation, OBJECT, PARAMETERS)?) != PBKDF2 {
        return Err(invalid());
    }
    let parameters = element(&mut derivation, SEQUENCE, PARAMETERS)?;
    let mut parameters = parameters.as_slice();
    let salt = element(&mut parameters, OCTETS, PARAMETERS)?;
    let rounds = element(&mut parameters, INTEGER, PARAMETERS)?;
    let rounds = rounds
        .iter()
        .try_fold(0_u32, |rounds, byte| {
            Some(rounds.checked_mul(256)? | u32::from(*byte))
        })
        .and_then(NonZeroU32::new);
    let mut hmac = PBKDF2_HMAC_SHA1;
    // The length of the key may be left out, and so may the HMAC.
    while !parameters.is_empty() {
        let (tag, length) = header(&mut parameters)?;
        let value = bytes(&mut parameters, length, PARAMETERS)?;
        if tag == SEQUENCE {
            let object = hex::encode(element(&mut value.as_slice(), OBJECT, PARAMETERS)?);
            let known = HMACS.iter().find(|(known, _)| *known == object);
            hmac = known.ok_or_else(invalid)?.1;
        }
    }
    Ok((salt, rounds.ok_or_else(invalid)?, hmac))
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// The value of an element with this tag.
fn element(source: &mut impl Read, expected: u8, most: usize) -> io::Result<Vec<u8>> {
    let (tag, length) = header(source)?;
    if tag == expected {
        bytes(source, length, most)
    } else {
        Err(invalid())
    }
}

/// Tag and length.
fn header(source: &mut impl Read) -> io::Result<(u8, usize)> {
    let mut start = [0; 2];
    source.read_exact(&mut start)?;
    let [tag, first] = start;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let mut rest = vec![0; usize::from(first & 0x7f)];
            source.read_exact(&mut rest)?;
            rest.iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return Err(invalid()),
    };
    Ok((tag, length))
}

fn bytes(source: &mut impl Read, length: usize, most: usize) -> io::Result<Vec<u8>> {
    if length > most {
        return Err(invalid());
    }
    let mut bytes = Vec::new();
    source.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
