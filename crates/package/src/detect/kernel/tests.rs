//! One table: what a file is, where it lies, and the version that is found.

use super::{BOOT_SECTORS, Budget, versions};
use crate::Tree;
use crate::tree::ContentReader;
use bessemer_apk::EntryPath;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

const BANNER: &[u8] = b"\0Linux version 6.17.7-test (a@b) (gcc) #1 SMP\n\0";
const MODULE: &[u8] = b"x\0vermagic=6.17.7-test SMP mod_unload \0";
/// [`MODULE`], compressed by `xz --check=crc32`.
const XZ: &str = "fd377a585a0000016922de360200210116000000742fe5a301002678007665726d616769633d362e31372e372d7465737420534d50206d6f645f756e6c6f616420000000dbeea68a00013b2778ef3eb99042990d010000000001595a";
/// [`MODULE`], compressed by `zstd -19`.
const ZSTD: &str = "28b52ffd006839010078007665726d616769633d362e31372e372d7465737420534d50206d6f645f756e6c6f61642000";

fn file(bytes: Vec<u8>) -> ContentReader {
    let mut tree = Tree::new();
    let path = EntryPath::new("boot/x").unwrap();
    tree.insert_file(path.clone(), 0o644, bytes);
    tree.open(tree.get(&path).unwrap()).unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn boot_image() -> Vec<u8> {
    let mut image = vec![0; 0x400];
    image[514..518].copy_from_slice(b"HdrS");
    image[526..528].copy_from_slice(&0x100_u16.to_le_bytes());
    let at = BOOT_SECTORS + 0x100;
    image[at..at + 14].copy_from_slice(b"6.17.7-test (a");
    image
}

/// A PE file with one section `.linux` that is `kernel`.
fn unified(kernel: &[u8]) -> Vec<u8> {
    let mut image = b"MZ".to_vec();
    image.resize(0x3c, 0);
    image.extend(0x40_u32.to_le_bytes());
    image.extend(b"PE\0\0");
    image.extend([0x64, 0x86, 1, 0]);
    image.resize(0x40 + 24, 0);
    image.extend(b".linux\0\0");
    let offset = u32::try_from(image.len() + 32).unwrap();
    let size = u32::try_from(kernel.len()).unwrap();
    for word in [size, 0, size, offset] {
        image.extend(word.to_le_bytes());
    }
    image.resize(image.len() + 16, 0);
    image.extend(kernel);
    image
}

/// What the file is, its content, and the versions of kernel and module in it.
type Case = (&'static str, Vec<u8>, Option<String>, Option<String>);

#[test]
fn versions_are_found_in_every_wrapping() {
    let zimage = [&[7; 5000][..], &gzipped(BANNER), b"table behind"].concat();
    let own = || Some("6.17.7-test".to_owned());
    let cases: Vec<Case> = vec![
        ("plain kernel", BANNER.to_vec(), own(), None),
        ("gzipped kernel", gzipped(BANNER), own(), None),
        ("gzipped boot image", gzipped(&boot_image()), own(), None),
        ("boot image", boot_image(), own(), None),
        ("unified image", unified(&boot_image()), own(), None),
        ("unified plain kernel", unified(BANNER), own(), None),
        ("zImage", zimage, own(), None),
        ("module", MODULE.to_vec(), None, own()),
        ("module.gz", gzipped(MODULE), None, own()),
        ("module.xz", hex::decode(XZ).unwrap(), None, own()),
        ("module.zst", hex::decode(ZSTD).unwrap(), None, own()),
        (
            "half of a module.xz",
            hex::decode(&XZ[..80]).unwrap(),
            None,
            None,
        ),
        (
            "a format string",
            b"Linux version %s\0".to_vec(),
            None,
            None,
        ),
        ("nothing", Vec::new(), None, None),
    ];
    for (name, bytes, kernel, module) in cases {
        let found = versions(&file(bytes), &mut Budget::default()).unwrap();
        assert_eq!((found.kernel, found.module), (kernel, module), "{name}");
    }
}

#[test]
fn decompression_ends_with_the_budget() {
    let bomb = gzipped(&vec![0; 1 << 20]);
    let mut budget = Budget(1 << 18);
    versions(&file(bomb), &mut budget).unwrap();
    assert_eq!(budget.0, 0);
}
