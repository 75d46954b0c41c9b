//! Writing headers.

use super::{BLOCK, FILE, PAX};
use std::collections::BTreeMap;

const NAME: usize = 100;
const PREFIX: usize = 155;

/// The header of one entry to write.
#[derive(Debug, Clone)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: u8,
    pub(crate) link: &'a str,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) mtime: u64,
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    /// Name of the owner; `None` is `root` for 0 and nothing for others.
    pub(crate) user: Option<&'a str>,
    /// Name of the group, likewise.
    pub(crate) group: Option<&'a str>,
    /// Further PAX records.
    pub(crate) records: BTreeMap<String, Vec<u8>>,
}

/// How many zero bytes follow `size` bytes of content.
pub(crate) fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    usize::try_from((block - size % block) % block).unwrap_or_default()
}

impl<'a> Header<'a> {
    /// An empty entry owned by root with mode 0 and time 0.
    pub(crate) fn new(name: &'a str, kind: u8) -> Self {
        Self {
            name,
            kind,
            link: "",
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 0,
            device: (0, 0),
            user: None,
            group: None,
            records: BTreeMap::new(),
        }
    }

    /// This entry with its content and padding: a complete piece of an archive.
    pub(crate) fn with_content(&self, content: &[u8]) -> Vec<u8> {
        let mut bytes = self.encode();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len() + padding(content.len() as u64), 0);
        bytes
    }

    /// The blocks that come before the content: one in USTAR, three or more with PAX records.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut records = self.records.clone();
        let mut add = |key: &str, value: String| records.insert(key.to_owned(), value.into_bytes());
        let split = split_name(self.name);
        let pax_needed = !self.records.is_empty()
            || (!fits_text(self.name) && split.is_none())
            || !fits_text(self.link)
            || [
                (self.size, 12),
                (self.mtime, 12),
                (self.uid.into(), 8),
                (self.gid.into(), 8),
            ]
            .iter()
            .any(|&(value, width)| !fits_octal(value, width));
        if !pax_needed {
            let (prefix, name) = split.unwrap_or(("", self.name));
            return self.block(name, self.link, prefix).to_vec();
        }
        if !fits_text(self.name) {
            add("path", self.name.to_owned());
        }
        if !fits_text(self.link) {
            add("linkpath", self.link.to_owned());
        }
        for (key, value, width) in [
            ("size", self.size, 12),
            ("mtime", self.mtime, 12),
            ("uid", self.uid.into(), 8),
            ("gid", self.gid.into(), 8),
        ] {
            if !fits_octal(value, width) {
                add(key, value.to_string());
            }
        }
        let mut bytes = pax_entry(self.name, &records);
        // To apk-tools a header without a name ends the archive, whatever its records say.
        let name = match ascii(self.name) {
            empty if empty.is_empty() => "_".to_owned(),
            name => name,
        };
        bytes.extend_from_slice(&self.block(&name, &ascii(self.link), ""));
        bytes
    }

    fn block(&self, name: &str, link: &str, prefix: &str) -> [u8; BLOCK] {
        let mut block = plain_block(name, self.kind, self.size);
        put_octal(&mut block[100..108], self.mode.into());
        put_octal(&mut block[108..116], self.uid.into());
        put_octal(&mut block[116..124], self.gid.into());
        put_octal(&mut block[136..148], self.mtime);
        put_text(&mut block[157..257], link);
        let usual = |id: u32| if id == 0 { "root" } else { "" };
        put_text(
            &mut block[265..297],
            self.user.unwrap_or_else(|| usual(self.uid)),
        );
        put_text(
            &mut block[297..329],
            self.group.unwrap_or_else(|| usual(self.gid)),
        );
        put_octal(&mut block[329..337], self.device.0.into());
        put_octal(&mut block[337..345], self.device.1.into());
        put_text(&mut block[345..500], prefix);
        seal(&mut block);
        block
    }
}

fn plain_block(name: &str, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put_text(&mut block[..NAME], name);
    for range in [100..108, 108..116, 116..124, 136..148] {
        put_octal(&mut block[range], 0);
    }
    put_octal(
        &mut block[124..136],
        if kind == FILE || kind == PAX { size } else { 0 },
    );
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block
}

fn seal(block: &mut [u8; BLOCK]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    put_octal(&mut block[148..155], sum);
    block[155] = b' ';
}

fn pax_entry(name: &str, records: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let body: Vec<u8> = records
        .iter()
        .flat_map(|(key, value)| pax_record(key, value))
        .collect();
    let name = match name.rsplit_once('/') {
        Some((directory, file)) => format!("{directory}/PaxHeaders.0/{file}"),
        None => format!("PaxHeaders.0/{name}"),
    };
    let mut name = ascii(&name);
    name.truncate(NAME);
    let mut block = plain_block(name.trim_end_matches('/'), PAX, body.len() as u64);
    seal(&mut block);
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(&body);
    bytes.resize(bytes.len() + padding(body.len() as u64), 0);
    bytes
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() != rest.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

/// Splits a long name at a slash so that the parts fit the prefix and name fields.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME || !name.is_ascii() {
        return None;
    }
    let slash = name[..name.len().min(PREFIX + 1)].rfind('/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (slash > 0 && !rest.is_empty() && rest.len() <= NAME).then_some((prefix, rest))
}

fn fits_text(text: &str) -> bool {
    text.is_ascii() && text.len() <= NAME
}

fn fits_octal(value: u64, width: u32) -> bool {
    value < 1 << (3 * (width - 1))
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

fn put_text(field: &mut [u8], text: &str) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
    // A cut name must not look like a directory's to readers that ignore PAX records.
    if text.len() > field.len() {
        let end = field
            .iter()
            .rposition(|&byte| byte != b'/')
            .map_or(0, |last| last + 1);
        field[end..].fill(0);
    }
}

fn put_octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let fits = value < 1 << (3 * width);
    let text = format!("{:0width$o}", if fits { value } else { 0 });
    field[..width].copy_from_slice(text.as_bytes());
    field[width] = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_lengths_count_themselves() {
        for (value, length) in [
            (1, 6),
            (3, 8),
            (4, 9),
            (5, 11),
            (92, 98),
            (93, 99),
            (94, 101),
        ] {
            let record = pax_record("k", &vec![b'v'; value]);
            assert_eq!(record.len(), length, "{value}");
            assert!(
                record.starts_with(format!("{length} k=").as_bytes()),
                "{value}"
            );
        }
    }

    #[test]
    fn long_names_use_the_prefix_or_a_record() {
        let splits = format!("{}/{}", "d".repeat(120), "f".repeat(90));
        assert_eq!(Header::new(&splits, FILE).encode().len(), BLOCK);
        let whole = "f".repeat(120);
        assert_eq!(Header::new(&whole, FILE).encode().len(), 3 * BLOCK);
        assert_eq!(Header::new("naïve", FILE).encode().len(), 3 * BLOCK);
    }
}
