//! Reading headers: one block, or one block of PAX records, to values.

use super::BLOCK;
use std::collections::BTreeMap;

/// Why an archive cannot be read. Offsets count bytes from the start of the decompressed archive.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Reading or decompressing failed.
    #[error("cannot read the archive at offset {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ends inside an entry.
    #[error("archive ends early at offset {0}")]
    Truncated(u64),
    /// A header is not a header.
    #[error("archive header at offset {offset} is not valid: {what}")]
    Header {
        /// Where the header starts.
        offset: u64,
        /// What about it.
        what: &'static str,
    },
    /// More entries than allowed.
    #[error("archive has more than {0} entries")]
    TooManyEntries(u64),
}

/// A header as it was found, long names and PAX records applied.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawEntry {
    pub(crate) name: String,
    /// Whether the name has a part in the header's prefix field.
    pub(crate) has_prefix: bool,
    pub(crate) kind: u8,
    pub(crate) link: String,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// Seconds since 1970, to the nearest; what is earlier counts as 1970.
    pub(crate) mtime: u64,
    pub(crate) device: (u32, u32),
    pub(crate) records: BTreeMap<String, Vec<u8>>,
}

type Field<T> = Result<T, &'static str>;

/// Sizes from here on have no room in a header (8 GiB).
const NO_ROOM_FOR_SIZE: u64 = 1 << 33;
/// Owners and groups from here on have no room in a header.
const NO_ROOM_FOR_ID: u64 = 1 << 21;

/// Decodes one header block that is not empty (POSIX.1-2017 `pax`, "ustar Interchange Format").
///
/// What apk-tools reads in another way (`apk_tar_parse`) is refused: a name field that is empty ends
/// the archive there, a type of NUL is nothing, and a prefix counts in GNU's headers, too.
pub(crate) fn header(block: &[u8; BLOCK]) -> Field<RawEntry> {
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, &byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(byte)
            }
        })
        .sum();
    if number(&block[148..156])? != sum {
        return Err("wrong checksum");
    }
    let mut name = text(&block[..100])?;
    if name.is_empty() {
        return Err("empty name");
    }
    if block[156] == 0 {
        return Err("type is NUL");
    }
    let has_prefix = block[345] != 0;
    if has_prefix {
        if &block[257..263] != b"ustar\0" {
            return Err("prefix in a header that is not POSIX's");
        }
        name = format!("{}/{name}", text(&block[345..500])?);
    }
    Ok(RawEntry {
        name,
        has_prefix,
        kind: block[156],
        link: text(&block[157..257])?,
        mode: small(&block[100..108])? & 0o7777,
        uid: id(number(&block[108..116])?)?,
        gid: id(number(&block[116..124])?)?,
        size: number(&block[124..136])?,
        mtime: time(&block[136..148])?,
        device: (small(&block[329..337])?, small(&block[337..345])?),
        records: BTreeMap::new(),
    })
}

/// Applies PAX records to the header that follows them. Where they speak of a number that the header
/// has room for, both must say the same: apk-tools reads the header's alone.
pub(crate) fn apply(entry: &mut RawEntry, records: BTreeMap<String, Vec<u8>>) -> Field<()> {
    for (key, value) in &records {
        match key.as_str() {
            "path" => entry.name = utf8(value)?,
            "linkpath" => entry.link = utf8(value)?,
            "size" => entry.size = same(decimal(value)?, entry.size, NO_ROOM_FOR_SIZE)?,
            "mtime" => entry.mtime = seconds(value)?,
            "uid" => entry.uid = id(same(decimal(value)?, entry.uid.into(), NO_ROOM_FOR_ID)?)?,
            "gid" => entry.gid = id(same(decimal(value)?, entry.gid.into(), NO_ROOM_FOR_ID)?)?,
            _ => {}
        }
    }
    entry.records = records;
    Ok(())
}

fn same(record: u64, header: u64, no_room: u64) -> Field<u64> {
    if record == header || record >= no_room {
        return Ok(record);
    }
    Err("size, owner or group is not that of the extended record")
}

/// An owner or a group. The highest number is nobody's: to system calls it means "leave it".
fn id(number: u64) -> Field<u32> {
    match u32::try_from(number) {
        Ok(u32::MAX) | Err(_) => Err("owner or group is too large"),
        Ok(id) => Ok(id),
    }
}

/// Decodes the body of a PAX header.
pub(crate) fn pax_records(mut body: &[u8]) -> Field<BTreeMap<String, Vec<u8>>> {
    const BAD: &str = "malformed extended record";
    let mut records = BTreeMap::new();
    while !body.is_empty() {
        let space = body
            .iter()
            .take(20)
            .position(|&byte| byte == b' ')
            .ok_or(BAD)?;
        let length = usize::try_from(decimal(&body[..space])?).map_err(|_| BAD)?;
        let record = body.get(space + 1..length).ok_or(BAD)?;
        let record = record.strip_suffix(b"\n").ok_or(BAD)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(BAD)?;
        records.insert(utf8(&record[..equals])?, record[equals + 1..].to_vec());
        body = &body[length..];
    }
    Ok(records)
}

/// A NUL-terminated text that fills its field at most.
pub(crate) fn text(field: &[u8]) -> Field<String> {
    utf8(field.split(|&byte| byte == 0).next().unwrap_or_default())
}

fn utf8(bytes: &[u8]) -> Field<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "name is not UTF-8")
}

fn decimal(digits: &[u8]) -> Field<u64> {
    let text = std::str::from_utf8(digits).map_err(|_| "malformed number")?;
    if text.starts_with('+') {
        return Err("malformed number");
    }
    text.parse().map_err(|_| "malformed number")
}

/// A time as PAX records have it: decimal, perhaps negative, perhaps with a fraction.
fn seconds(value: &[u8]) -> Field<u64> {
    let (negative, rest) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut parts = rest.splitn(2, |&byte| byte == b'.');
    let whole = decimal(parts.next().unwrap_or_default())?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err("malformed number");
    }
    if negative {
        return Ok(0);
    }
    let up = fraction.first().is_some_and(|digit| *digit >= b'5');
    Ok(whole.saturating_add(u64::from(up)))
}

/// A time as the header has it; base 256 may be negative.
fn time(field: &[u8]) -> Field<u64> {
    if field[0] == 0xff {
        return Ok(0);
    }
    number(field)
}

fn small(field: &[u8]) -> Field<u32> {
    number(field)?.try_into().map_err(|_| "number too large")
}

/// An octal number, or GNU's base 256 when the first bit is set.
fn number(field: &[u8]) -> Field<u64> {
    if field[0] & 0x80 != 0 {
        return base256(field);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field
        .iter()
        .position(|byte| *byte != b' ')
        .unwrap_or(field.len());
    let digits = field[start..].split(is_blank).next().unwrap_or_default();
    if !field[start + digits.len()..].iter().all(is_blank) {
        return Err("malformed number");
    }
    digits.iter().try_fold(0_u64, |value, &digit| match digit {
        b'0'..=b'7' if value < 1 << 60 => Ok(value * 8 + u64::from(digit - b'0')),
        _ => Err("malformed number"),
    })
}

fn base256(field: &[u8]) -> Field<u64> {
    let (head, tail) = field.split_at(field.len().saturating_sub(8));
    let marker_only = match head {
        [] => true,
        [first, rest @ ..] => *first == 0x80 && rest.iter().all(|&byte| byte == 0),
    };
    let mut bytes = [0; 8];
    bytes.copy_from_slice(tail);
    if head.is_empty() {
        bytes[0] &= 0x7f;
    }
    if !marker_only || bytes[0] & 0x80 != 0 || (head.is_empty() && bytes[0] & 0x40 != 0) {
        return Err("number is negative or too large");
    }
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_number_forms() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"   644 \0"), Ok(0o644));
        assert_eq!(number(&[0; 8]), Ok(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Ok(0x02_0000_0000));
        assert_eq!(number(b"\x80\0\0\0\0\0\x01\0"), Ok(256));
        for bad in [
            b"000064x\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"1 2    \0",
        ] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_are_rounded_and_begin_in_1970() {
        for (text, expected) in [
            ("1700000000", Ok(1_700_000_000)),
            ("1700000000.499999999", Ok(1_700_000_000)),
            ("1700000000.5", Ok(1_700_000_001)),
            ("-62135596800", Ok(0)),
            ("1.x", Err("malformed number")),
            ("", Err("malformed number")),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(time(&[0xff; 12]), Ok(0));
        assert_eq!(time(b"00000000012\0"), Ok(10));
    }

    #[test]
    fn records_and_header_agree() {
        for (key, value, header, expected) in [
            ("size", "5", 5, Ok(5)),
            ("size", "5", 0, Err(())),
            ("size", "8589934591", 0, Err(())),
            ("size", "8589934592", 0, Ok(8_589_934_592)),
            ("uid", "1000", 1000, Ok(1000)),
            ("uid", "1000", 0, Err(())),
            ("gid", "2097151", 0, Err(())),
            ("gid", "2097152", 0, Ok(2_097_152)),
            ("uid", "4294967294", 0, Ok(4_294_967_294)),
            ("uid", "4294967295", 0, Err(())),
            ("gid", "4294967295", 0, Err(())),
            ("gid", "4294967296", 0, Err(())),
        ] {
            let mut entry = RawEntry {
                size: header,
                uid: u32::try_from(header).unwrap(),
                gid: u32::try_from(header).unwrap(),
                ..RawEntry::default()
            };
            let records = BTreeMap::from([(key.to_owned(), value.as_bytes().to_vec())]);
            let found = apply(&mut entry, records)
                .map_err(|_| ())
                .map(|()| match key {
                    "size" => entry.size,
                    "uid" => entry.uid.into(),
                    _ => entry.gid.into(),
                });
            assert_eq!(found, expected, "{key}={value} over {header}");
        }
    }

    #[test]
    fn refuses_malformed_records() {
        assert_eq!(pax_records(b"6 a=b\n").unwrap()["a"], b"b");
        for bad in [
            &b"7 a=b\n"[..],
            b"5 a=b\n",
            b"x a=b\n",
            b"6 a b\n",
            b"0 ",
            b"99999999999999999999 a=b\n",
        ] {
            assert!(pax_records(bad).is_err(), "{bad:?}");
        }
    }
}
