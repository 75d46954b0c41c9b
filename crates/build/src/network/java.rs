//! A trust store for Java, in its own format (JKS, as the JDK's `JavaKeyStore` reads it), with one
//! certificate in it.

use sha1::{Digest as _, Sha1};

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// A certificate that is trusted, among the kinds of entries.
const TRUSTED: u32 = 2;
const ALIAS: &str = "bessemer";
const KIND: &str = "X.509";
/// What every distribution's store is sealed with; it keeps nothing secret.
const PASSWORD: &str = "changeit";
/// The words that the format mixes into its seal.
const SALT: &[u8] = b"Mighty Aphrodite";

/// The store with this certificate (DER) alone.
pub(super) fn store(certificate: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
    for value in [MAGIC, VERSION, 1, TRUSTED] {
        bytes.extend(value.to_be_bytes());
    }
    text(&mut bytes, ALIAS);
    // When it was added: the same for every build.
    bytes.extend(0_u64.to_be_bytes());
    text(&mut bytes, KIND);
    bytes.extend(number(certificate.len()));
    bytes.extend(certificate);
    let mut seal = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        seal.update(unit.to_be_bytes());
    }
    seal.update(SALT);
    seal.update(&bytes);
    bytes.extend(seal.finalize());
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}
