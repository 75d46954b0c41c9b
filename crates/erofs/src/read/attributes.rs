//! Extended attributes, behind the inode and shared ones.

use super::{Found, ReadError, Reader, Source, u16_at, u32_at};
use std::collections::BTreeMap;

/// Bytes of `struct erofs_xattr_ibody_header`.
const HEADER: usize = 12;
/// Bytes of `struct erofs_xattr_entry` without name and value.
const ENTRY: usize = 4;
/// What the index of a name stands for. Nothing, as some writers say for namespaces without one; those of ACLs
/// are whole names.
const PREFIXES: [(u8, &str); 6] = [
    (0, ""),
    (1, "user."),
    (2, "system.posix_acl_access"),
    (3, "system.posix_acl_default"),
    (4, "trusted."),
    (6, "security."),
];

impl<S: Source + ?Sized> Reader<'_, S> {
    /// The extended attributes of something in this image, by full name.
    pub fn attributes(&mut self, found: &Found) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, ReadError> {
        let place = found.attributes.start;
        let form = |what| ReadError::Form {
            offset: place,
            what,
        };
        let length = usize::try_from(found.attributes.end - place).unwrap_or(0);
        let mut attributes = BTreeMap::new();
        if length == 0 {
            return Ok(attributes);
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, place)?;
        let mut at = HEADER + 4 * usize::from(bytes[4]);
        if at > length {
            return Err(form("there are fewer attributes than are shared"));
        }
        for shared in bytes[HEADER..at].chunks(4) {
            let (name, value) = self.shared(u32_at(shared, 0))?;
            attributes.insert(name, value);
        }
        // A rest of zeros is padding.
        while length - at >= ENTRY && bytes[at..at + ENTRY] != [0; ENTRY] {
            let (name_length, value_length) = lengths(&bytes[at..]);
            let start = at + ENTRY;
            let end = start + name_length + value_length;
            let both = bytes.get(start..end);
            let both = both.ok_or_else(|| form("an attribute is longer than its place"))?;
            let (name, value) = both.split_at(name_length);
            attributes.insert(full_name(bytes[at + 1], name)?, value.to_vec());
            at = end.next_multiple_of(4).min(length);
        }
        Ok(attributes)
    }

    fn shared(&mut self, number: u32) -> Result<(Vec<u8>, Vec<u8>), ReadError> {
        let place = self.shared + 4 * u64::from(number);
        let entry: [u8; ENTRY] = self.bytes(place)?;
        let (name_length, value_length) = lengths(&entry);
        let mut both = vec![0; name_length + value_length];
        self.fill(&mut both, place + ENTRY as u64)?;
        let value = both.split_off(name_length);
        Ok((full_name(entry[1], &both)?, value))
    }
}

fn lengths(entry: &[u8]) -> (usize, usize) {
    (usize::from(entry[0]), usize::from(u16_at(entry, 2)))
}

fn full_name(index: u8, name: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut known = PREFIXES.iter();
    let Some((_, prefix)) = known.find(|(number, _)| *number == index) else {
        return Err(ReadError::Unsupported("attributes of another namespace"));
    };
    Ok([prefix.as_bytes(), name].concat())
}
