//! Just enough DER to take a PKCS#1 key out of PKCS#8 (RFC 5208 §5): melange's keygen writes
//! PKCS#1, and the cryptographic library writes PKCS#8.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// The RSAPrivateKey inside a PrivateKeyInfo.
pub(crate) fn pkcs1_of(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let (info, _) = element(SEQUENCE, pkcs8)?;
    let (_, rest) = element(INTEGER, info)?;
    let (_, rest) = element(SEQUENCE, rest)?;
    let (key, _) = element(OCTET_STRING, rest)?;
    Some(key.to_vec())
}

/// The content of the element that `bytes` starts with, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, mut rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let mut count = usize::from(length);
    if length >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        count = digits
            .iter()
            .fold(0, |sum, &digit| (sum << 8) | usize::from(digit));
        rest = after;
    }
    rest.split_at_checked(count)
}
