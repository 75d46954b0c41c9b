use super::*;
use crate::search::PIECE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[test]
fn a_certificate_is_found_in_every_spelling() {
    let der = own().der().to_vec();
    let long = |bytes: &[u8]| {
        // Across the end of a piece.
        let mut all = vec![b'.'; PIECE - 100];
        all.extend(bytes);
        all
    };
    let wrapped = |text: String, width: usize| -> Vec<u8> {
        let lines = text.as_bytes().chunks(width);
        lines.flat_map(|line| [line, b"\r\n"].concat()).collect()
    };
    let base64 = |before: usize| {
        let mut bytes = vec![b'x'; before];
        bytes.extend(&der);
        STANDARD.encode(bytes)
    };
    let spellings: Vec<(&str, Vec<u8>)> = vec![
        ("bundle", PEM.as_bytes().to_vec()),
        ("der", der.clone()),
        ("far", long(&der)),
        ("far-pem", long(PEM.as_bytes())),
        ("aligned", base64(0).into_bytes()),
        ("by-one", base64(1).into_bytes()),
        ("by-two", wrapped(base64(2), 76)),
        ("narrow", wrapped(base64(1), 7)),
        ("json", PEM.replace('\n', "\\n").into_bytes()),
        ("digits", hex::encode(&der).into_bytes()),
        ("upper", hex::encode_upper(&der).into_bytes()),
    ];
    for (name, bytes) in spellings {
        assert_eq!(find(&bytes), Some(vec![]), "{name}");
        assert!(find(&gzip(&bytes)).is_some(), "{name}");
    }
}

#[test]
fn other_certificates_are_not_it() {
    let other = own().der().iter().rev().copied().collect::<Vec<u8>>();
    for bytes in [
        other,
        STANDARD.encode("text").into_bytes(),
        vec![0; 3 * PIECE],
    ] {
        assert_eq!(find(&bytes), None);
        for pack in [gzip, bzip2, zstd, xz, tar, zip] {
            assert_eq!(find(&pack(&bytes)), None);
        }
    }
    assert!(Certificate::of("-----BEGIN CERTIFICATE-----\nAAAA\n").is_none());
    assert!(Certificate::of("no certificate").is_none());
}

/// Within the digits of the certificate, where half of those of its point are over.
fn middle() -> usize {
    let point = memchr::memmem::find(own().der(), &[3, 0x42, 0, 4]).unwrap() + 4;
    (point + 32) * 2
}

#[test]
fn it_is_found_in_every_form() {
    // Digits whose end was there before: none of them leaves such as they are.
    let digits = hex::encode(own().der()).into_bytes();
    let middle = middle();
    let content = [&digits[middle..], &vec![b'x'; 70_000], &digits].concat();
    let halves = |pack: fn(&[u8]) -> Vec<u8>| {
        // The certificate is in neither of them.
        let (one, two) = content.split_at(content.len() - digits.len() + middle);
        [pack(one), pack(two)].concat()
    };
    let cases = [
        ("gzip", gzip(&content), vec![Form::Gzip]),
        ("xz", xz(&content), vec![Form::Xz]),
        ("bzip2", bzip2(&content), vec![Form::Bzip2]),
        ("zstd", zstd(&content), vec![Form::Zstd]),
        ("zip", zip(&content), vec![Form::Zip]),
        ("tar", tar(&content), vec![]),
        ("in a tar", tar(&xz(&content)), vec![Form::Xz]),
        ("two gzip members", halves(gzip), vec![Form::Gzip]),
        ("two zstd frames", halves(zstd), vec![Form::Zstd]),
        ("two xz streams", halves(xz), vec![Form::Xz]),
        ("two bzip2 streams", halves(bzip2), vec![Form::Bzip2]),
        (
            "after another stream",
            [gzip(b"text"), bzip2(&content)].concat(),
            vec![Form::Bzip2],
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(find(&bytes), Some(expected), "{name}");
    }
}

/// The first member ends just before what is read at a time does.
#[test]
fn members_that_follow_one_another_are_one_wherever_they_meet() {
    let stored = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let digits = hex::encode(own().der()).into_bytes();
    let middle = middle();
    let other = stored(b"").len() + digits[..middle].len();
    for before in 0..12 {
        let filling = vec![b'-'; (16 << 10) - other - before];
        let one = stored(&[&filling, &digits[..middle]].concat());
        assert_eq!(one.len(), (16 << 10) - before);
        let both = [one, gzip(&digits[middle..])].concat();
        assert_eq!(find(&both), Some(vec![Form::Gzip]), "{before}");
    }
}

/// What only looks like a stream hides nothing that stands behind it, and neither does damage.
#[test]
fn what_is_no_stream_hides_nothing() {
    let inner = gzip(hex::encode(own().der()).as_bytes());
    for mark in [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0][..],
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d],
    ] {
        for between in [0, 7, PIECE - 12, PIECE - 3] {
            let bytes = [mark, &vec![0xff; between], &inner].concat();
            assert_eq!(find(&bytes), Some(vec![Form::Gzip]), "{mark:?} {between}");
        }
    }
    let content = [own().der().to_vec(), vec![b'x'; 3_000_000]].concat();
    for pack in [gzip, xz, zstd] {
        let whole = pack(&content);
        let found = find(&whole[..whole.len() - 8]);
        assert!(found.is_some(), "a truncated stream, {:?}", &whole[..6]);
    }
}
