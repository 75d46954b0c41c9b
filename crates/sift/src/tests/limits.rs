use super::*;

const SMALL: Limits = Limits {
    depth: 3,
    total: 1 << 22,
    ratio: 100,
    ratio_from: 1 << 20,
};

#[test]
fn a_bomb_is_an_error_and_not_silence() {
    let zeros = vec![0; 3 << 20];
    for pack in [gzip, xz, bzip2, zstd, zip] {
        let bomb = pack(&zeros);
        let error = find_within(&bomb, SMALL).unwrap_err();
        assert!(matches!(error, SearchError::Ratio(100)), "{error:?}");
        let patient = Limits {
            ratio: u64::MAX,
            ..SMALL
        };
        // The control run: within its limits the same file is only a file without it.
        assert_eq!(find_within(&bomb, patient).unwrap(), None);
        let error = find_within(&[bomb.clone(), bomb].concat(), patient).unwrap_err();
        assert!(matches!(error, SearchError::Total(_)), "{error:?}");
    }
}

#[test]
fn the_total_is_of_all_files_together() {
    let folder = tempfile::tempdir().unwrap();
    let own = own();
    let mut search = Search::new(&own, SMALL, folder.path());
    let file = gzip(&vec![0; 1 << 20]);
    let count = std::iter::repeat_with(|| search.find(&mut Cursor::new(&file)))
        .take_while(Result::is_ok)
        .take(10)
        .count();
    assert_eq!(count, 3, "with what starts cost, a fourth exceeds it");
}

#[test]
fn streams_in_one_another_end_at_a_depth() {
    let mut nested = own().der().to_vec();
    for depth in 1..=SMALL.depth {
        nested = gzip(&tar(&nested));
        let found = find_within(&nested, SMALL).unwrap();
        assert_eq!(found.map(|within| within.len()), Some(depth.into()));
    }
    let deeper = gzip(&nested);
    let error = find_within(&deeper, SMALL).unwrap_err();
    assert!(matches!(error, SearchError::Depth(3)), "{error:?}");
    // What only looks like a stream there is none.
    let mut looks = b"BZh91AY&SY and \x1f\x8b\x08\0 and PK\x03\x04".to_vec();
    for _ in 0..SMALL.depth {
        looks = gzip(&looks);
    }
    assert_eq!(find_within(&looks, SMALL).unwrap(), None);
}

/// Many starts, each of which would be unpacked to the end of the file.
#[test]
fn overlapping_starts_cost_no_more_than_the_total() {
    // Stored blocks of deflate whose content is the beginning of another stream.
    let start = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
    let block = [&[0, 10, 0, 0xf5, 0xff][..], &start].concat();
    let bytes = [&start[..], &block.repeat(40_000)].concat();
    let begun = std::time::Instant::now();
    let error = find_within(&bytes, SMALL).unwrap_err();
    assert!(matches!(error, SearchError::Total(_)), "{error:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_window_that_is_too_large_is_an_error() {
    let large = through("xz", &["-c", "--lzma2=dict=512MiB"], b"text");
    // A frame that says so of itself: a window of 256 MiB, and one block of four bytes.
    let mut long = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 0x21, 0, 0];
    long.extend(b"text");
    for bytes in [large, long.clone()] {
        let error = find_within(&bytes, Limits::default()).unwrap_err();
        assert!(matches!(error, SearchError::Window(_)), "{error:?}");
    }
    // A window that no program asks for.
    long[5] = 31 << 3;
    assert_eq!(find(&long), None);
}

/// A few bytes that ask for two thousand million rounds of a password.
#[test]
fn rounds_of_a_password_are_work() {
    let sealed = |rounds: [u8; 4]| {
        let derivation = [
            &[4, 8, 7, 7, 7, 7, 7, 7, 7, 7, 2, 4][..],
            &rounds,
            &hex::decode("300c06082a864886f70d02090500").unwrap(),
        ]
        .concat();
        let element = |tag: u8, value: &[u8]| {
            let length = u8::try_from(value.len()).unwrap();
            [&[tag, length], value].concat()
        };
        let derivation = [
            element(6, &hex::decode("2a864886f70d01050c").unwrap()),
            element(0x30, &derivation),
        ];
        let encryption = [
            element(6, &hex::decode("60864801650304012a").unwrap()),
            element(4, &[9; 16]),
        ];
        let parameters = [
            element(0x30, &derivation.concat()),
            element(0x30, &encryption.concat()),
        ];
        [
            element(6, &hex::decode("2a864886f70d01050d").unwrap()),
            element(0x30, &parameters.concat()),
            element(0x80, &[5; 32]),
        ]
        .concat()
    };
    let begun = std::time::Instant::now();
    let many = sealed([0x7f, 0xff, 0xff, 0xff]);
    let error = find_within(&many, Limits::default()).unwrap_err();
    assert!(matches!(error, SearchError::Total(_)), "{error:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    // The control run: the same with few.
    assert_eq!(find(&sealed([0, 0, 0x08, 0])), None);
}

/// What is kept beside the memory is in the folder, and gone with the search.
#[test]
fn nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let own = own();
    let mut search = Search::new(&own, Limits::default(), folder.path());
    let file = gzip(&[vec![1; 20 << 20], own.der().to_vec()].concat());
    let found = search.find(&mut Cursor::new(&file)).unwrap();
    assert_eq!(found, Some(vec![Form::Gzip]));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0);
    let absent = folder.path().join("absent");
    let mut search = Search::new(&own, Limits::default(), &absent);
    let error = search.find(&mut Cursor::new(&file)).unwrap_err();
    assert!(matches!(error, SearchError::Io(_)), "{error:?}");
}
