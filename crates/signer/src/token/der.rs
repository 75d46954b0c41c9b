//! What tokens give, in DER: signatures (RFC 3279 §2.2.3), RSA keys (RFC 3279 §2.3.1), and the
//! DigestInfo that PKCS#1 v1.5 signs (RFC 8017 §9.2).

use bessemer_digest::Digest;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// rsaEncryption with its NULL.
const RSA: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// What stands before a SHA-256 in a DigestInfo.
const SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let first = length.iter().position(|&byte| byte != 0).unwrap_or(7);
    let digits = &length[first..];
    if content.len() >= 0x80 {
        // At most 8 digits.
        bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
    }
    bytes.extend_from_slice(digits);
    bytes.extend_from_slice(content);
    bytes
}

/// A number that is not negative: no needless zeros, and one where the first bit is set.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let digits = &bytes[zeros.min(bytes.len().saturating_sub(1))..];
    if digits.first().is_none_or(|&byte| byte >= 0x80) {
        return element(INTEGER, &[&[0], digits].concat());
    }
    element(INTEGER, digits)
}

/// An ECDSA signature out of its two halves of equal length.
pub(super) fn signature(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(32)?;
    (s.len() == 32).then(|| element(SEQUENCE, &[integer(r), integer(s)].concat()))
}

/// An RSA key as SubjectPublicKeyInfo.
pub(super) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[integer(modulus), integer(exponent)].concat());
    let bits = element(BIT_STRING, &[&[0], &key[..]].concat());
    element(SEQUENCE, &[&RSA[..], &bits].concat())
}

/// What PKCS#1 v1.5 signs for a SHA-256.
pub(super) fn digest_info(digest: &Digest) -> Vec<u8> {
    [&SHA256[..], digest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{RsaKey, generate_rsa};
    use bessemer_attest::decode_pem;

    #[test]
    fn numbers_have_one_spelling() {
        for (bytes, expected) in [
            (&[0, 0, 0][..], &[2, 1, 0][..]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0, 0x80], &[2, 2, 0, 0x80]),
            (&[1, 0], &[2, 2, 1, 0]),
        ] {
            assert_eq!(integer(bytes), expected);
        }
        assert_eq!(signature(&[1; 63]), None);
        assert_eq!(signature(&[1; 65]), None);
        assert_eq!(signature(&[1; 64]).unwrap().len(), 2 + 2 * 34);
    }

    #[test]
    fn a_key_is_written_as_the_library_writes_it() {
        let files = generate_rsa(2048).unwrap();
        let spki = RsaKey::from_pem(&files.private_pem)
            .unwrap()
            .public_spki()
            .unwrap();
        assert_eq!(spki, decode_pem("PUBLIC KEY", &files.public_pem).unwrap());
        // SEQUENCE, algorithm, BIT STRING, SEQUENCE, INTEGER with a zero, 256 bytes, exponent.
        let modulus = &spki[33..33 + 256];
        assert_eq!(rsa_spki(modulus, &[1, 0, 1]), spki);
    }
}
