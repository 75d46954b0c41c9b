use super::*;
use proptest::prelude::*;

/// The form that is told of, and what packs so.
type Packer = (Option<Form>, fn(&[u8]) -> Vec<u8>);

/// How one layer packs; zip and xz start programs, so that they are rarer.
fn packer() -> impl Strategy<Value = Packer> {
    prop_oneof![
        4 => Just((Some(Form::Gzip), gzip as fn(&[u8]) -> Vec<u8>)),
        4 => Just((Some(Form::Bzip2), bzip2 as fn(&[u8]) -> Vec<u8>)),
        4 => Just((Some(Form::Zstd), zstd as fn(&[u8]) -> Vec<u8>)),
        4 => Just((None, tar as fn(&[u8]) -> Vec<u8>)),
        1 => Just((Some(Form::Xz), xz as fn(&[u8]) -> Vec<u8>)),
        1 => Just((Some(Form::Zip), zip as fn(&[u8]) -> Vec<u8>)),
    ]
}

/// What stands around the content of a layer: any bytes, as they come.
fn around() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    (bytes(), bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_certificate_is_found_wherever_it_is(
        layers in prop::collection::vec((packer(), around()), 0..6),
        spelling in 0..3,
    ) {
        let mut bytes = match spelling {
            0 => PEM.as_bytes().to_vec(),
            1 => hex::encode(own().der()).into_bytes(),
            _ => own().der().to_vec(),
        };
        let mut other = vec![b'-'; bytes.len()];
        let mut within = Vec::new();
        for ((form, pack), (before, after)) in &layers {
            if within.len() == usize::from(Limits::default().depth) && form.is_some() {
                break;
            }
            bytes = pack(&[before.as_slice(), &bytes, after].concat());
            other = pack(&[before.as_slice(), &other, after].concat());
            within.extend(*form);
        }
        within.reverse();
        // A layer that leaves its bytes as they are need not be opened.
        let found = find(&bytes);
        let found = found.as_deref();
        prop_assert!(found.is_some_and(|found| within.starts_with(found)), "{:?}", found);
        // The control run: the same layers around something else.
        prop_assert_eq!(find(&other), None);
    }

    #[test]
    fn any_bytes_after_any_mark_are_survived(
        mark in 0_usize..6,
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let marks: [&[u8]; 6] = [
            &[0x1f, 0x8b, 8],
            b"\xfd7zXZ\0",
            b"\x28\xb5\x2f\xfd",
            b"BZh91AY&SY",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d],
        ];
        // An error of a limit is an answer as well.
        if let Ok(found) = find_within(&[marks[mark], &bytes].concat(), Limits::default()) {
            prop_assert_eq!(found, None);
        }
    }
}
