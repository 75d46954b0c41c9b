//! RSA public keys in PEM, from their two numbers (RFC 8017, A.1.1; RFC 5280, 4.1.2.7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The algorithm identifier: `rsaEncryption` and a NULL.
const RSA: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// Characters in a line of PEM.
const LINE: usize = 64;

/// SubjectPublicKeyInfo in PEM; both numbers are big-endian and unsigned.
pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> String {
    let numbers = [integer(modulus), integer(exponent)].concat();
    let mut bits = vec![0];
    bits.extend(element(SEQUENCE, &numbers));
    let key = element(SEQUENCE, &[&RSA[..], &element(BIT_STRING, &bits)].concat());
    let text = STANDARD.encode(key);
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for line in text.as_bytes().chunks(LINE) {
        pem.extend(line.iter().map(|&byte| char::from(byte)));
        pem.push('\n');
    }
    pem + "-----END PUBLIC KEY-----\n"
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let mut bytes = number[zeros..].to_vec();
    // A set first bit would make it negative; no byte at all would be no number.
    if bytes.first().is_none_or(|&byte| byte >= 0x80) {
        bytes.insert(0, 0);
    }
    element(INTEGER, &bytes)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|&&byte| byte == 0).count();
    let length = &length[zeros..];
    let mut bytes = vec![tag];
    match *length {
        [] => bytes.push(0),
        [short] if short < 0x80 => bytes.push(short),
        _ => {
            // At most 8 bytes of length.
            bytes.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            bytes.extend(length);
        }
    }
    bytes.extend(content);
    bytes
}
