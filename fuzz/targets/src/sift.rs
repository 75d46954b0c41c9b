//! What is packed into outputs, where a certificate is looked for.

use crate::Target;
use bessemer_sift::{Certificate, Limits, Search};
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::LazyLock;

const PEM: &str = include_str!("../../../crates/sift/src/tests/certificate.pem");

/// Small, so that a finding is about bounds and not about patience.
const LIMITS: Limits = Limits {
    depth: 3,
    total: 1 << 23,
    ratio: 100,
    ratio_from: 1 << 16,
};

pub(crate) const PACKED: Target = Target {
    name: "sift_packed",
    run: packed,
    seeds,
    words: &["BZh91AY&SY", "PK\x03\x04", "ustar", "\x06\x09\x2a"],
};

/// A certificate that is there as it is is found behind whatever stands before it, unless a limit
/// is exceeded; so is a packed one behind what was unpacked before.
fn packed(bytes: &[u8]) {
    static OWN: LazyLock<Certificate> = LazyLock::new(|| Certificate::of(PEM).unwrap());
    // Nothing is kept there: the limits are below what goes to a file.
    let search = |bytes: &[u8]| {
        let mut search = Search::new(&OWN, LIMITS, Path::new("/nonexistent"));
        search.find(&mut Cursor::new(bytes))
    };
    drop(search(bytes));
    let followed = [bytes, b"\n", OWN.der()].concat();
    if let Ok(found) = search(&followed) {
        assert!(found.is_some(), "the certificate is not found");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let deflate = |bytes: &[u8]| {
        let level = flate2::Compression::fast();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let inner = gzip(PEM.as_bytes());
    let mut header = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    header.extend([0; 16]);
    header.extend([3, 0, 0, 0]);
    let zip = [&header[..], b"own", &deflate(&inner), b"PK\x05\x06"].concat();
    // A frame of one block that is kept as it is, and one of many bytes that are the same.
    let kept = b"\x28\xb5\x2f\xfd\x00\x58\x21\x00\x00text";
    let same = b"\x28\xb5\x2f\xfd\x00\x58\x03\x00\x10x";
    // "text" as these programs pack it.
    let bzip2 =
        hex("425a6839314159265359cb28d32d0000008180020004402000219819832c2ee48a70a1219651a65a");
    let xz = hex(
        "fd377a585a0000016922de360200210116000000742fe5a30100037465787400c7a78b3b000118046be9f0a59042990d010000000001595a",
    );
    vec![
        gzip(&[b"before ", &zip[..]].concat()),
        [&zip[..], kept, same].concat(),
        [bzip2, xz].concat(),
        sealed(),
    ]
}

/// What OpenSSL writes before and after what is encrypted.
fn sealed() -> Vec<u8> {
    let mut store = hex("06092a864886f70d01050d3049302906092a864886f70d01050c301c0408");
    store.extend([7; 8]);
    store.extend(hex(
        "02020800300c06082a864886f70d02090500301d060960864801650304012a0410",
    ));
    store.extend([9; 16]);
    store.extend([0x80, 32]);
    store.extend([5; 32]);
    store
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
