//! Go programs that load a FIPS library when they run.
//!
//! The linker leaves what a program was built with in its initialised data (Go's
//! `debug/buildinfo`): a mark, two lengths and two texts, of which the second has one
//! `build<tab>KEY=VALUE` a line.

use crate::elf::Section;
use crate::tree::ContentReader;
use std::io::{self, Read, Seek, SeekFrom};

const MARK: &[u8] = b"\xff Go buildinf:";
/// The mark lies at a multiple of this.
const ALIGNMENT: usize = 16;
/// Bytes from the mark to the first length.
const HEADER: usize = 32;
/// Offset of the byte of flags, and the flag that says that the texts follow (Go 1.18 and later).
const FLAGS: usize = 15;
const INLINE: u8 = 2;
/// How much of the data is searched for the mark and read after it.
const SEARCHED: u64 = 1 << 20;
/// Values of `GOEXPERIMENT` whose cryptography is OpenSSL's.
const EXPERIMENTS: [&str; 3] = ["boringcrypto", "systemcrypto", "opensslcrypto"];

/// Whether `file` is a Go program that uses C and will load OpenSSL's library with a FIPS
/// configuration. `data` is where its initialised data lies.
pub(super) fn wants_openssl(mut file: ContentReader, data: Option<(u64, u64)>) -> io::Result<bool> {
    let section = Section::find(file.again(), ".go.buildinfo")?;
    let place = section.map(|section| (section.offset, section.size));
    let Some((offset, size)) = place.or(data) else {
        return Ok(false);
    };
    if offset >= file.size() {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(size.min(SEARCHED)).read_to_end(&mut bytes)?;
    Ok(settings(&bytes).is_some_and(|text| names_openssl(&text)))
}

/// The text with the settings.
fn settings(bytes: &[u8]) -> Option<String> {
    let at = bytes
        .chunks(ALIGNMENT)
        .position(|chunk| chunk.starts_with(MARK))?;
    let info = &bytes[at * ALIGNMENT..];
    if info.get(FLAGS)? & INLINE == 0 {
        return None;
    }
    let (_version, rest) = text(info.get(HEADER..)?)?;
    let (settings, _) = text(rest)?;
    Some(String::from_utf8_lossy(settings).into_owned())
}

/// A length in base 128, lowest first, and that many bytes; then the rest.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

fn names_openssl(text: &str) -> bool {
    let mut with_c = false;
    let mut with_openssl = false;
    let settings = text.lines().filter_map(|line| line.strip_prefix("build\t"));
    for (key, value) in settings.filter_map(|setting| setting.split_once('=')) {
        match key {
            "CGO_ENABLED" => with_c |= value == "1",
            "GOEXPERIMENT" => with_openssl |= EXPERIMENTS.contains(&value),
            "microsoft_systemcrypto" => with_openssl |= value == "1",
            _ => {}
        }
    }
    with_c && with_openssl
}

#[cfg(test)]
mod tests {
    use super::{ALIGNMENT, HEADER, INLINE, MARK, names_openssl, settings};

    fn info(text: &str) -> Vec<u8> {
        let mut bytes = vec![7; ALIGNMENT];
        bytes.extend(MARK);
        bytes.extend([8, INLINE]);
        bytes.resize(ALIGNMENT + HEADER, 0);
        bytes.extend(b"\x04go1.");
        bytes.push(u8::try_from(text.len() & 0x7f).unwrap() | 0x80);
        bytes.push(u8::try_from(text.len() >> 7).unwrap());
        bytes.extend(text.bytes());
        bytes
    }

    #[test]
    fn settings_say_whether_openssl_is_loaded() {
        let cases = [
            (
                "build\tCGO_ENABLED=1\nbuild\tGOEXPERIMENT=systemcrypto\n",
                true,
            ),
            (
                "build\tCGO_ENABLED=1\nbuild\tmicrosoft_systemcrypto=1\n",
                true,
            ),
            (
                "build\tCGO_ENABLED=0\nbuild\tGOEXPERIMENT=boringcrypto\n",
                false,
            ),
            ("build\tCGO_ENABLED=1\nbuild\tGOEXPERIMENT=arenas\n", false),
            ("path\tx\nCGO_ENABLED=1\nGOEXPERIMENT=boringcrypto\n", false),
        ];
        for (text, expected) in cases {
            let found = settings(&info(text)).unwrap();
            assert_eq!(found, text);
            assert_eq!(names_openssl(&found), expected, "{text}");
        }
        assert_eq!(settings(&info("build")[..58]), None);
        assert_eq!(settings(b""), None);
    }
}
