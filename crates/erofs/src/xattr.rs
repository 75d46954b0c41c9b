//! Extended attributes, stored behind the inode that has them.

use std::collections::BTreeMap;

/// Name prefixes that erofs knows by index; the rest of the name is stored.
const PREFIXES: [(&str, u8); 5] = [
    ("user.", 1),
    ("system.posix_acl_access", 2),
    ("system.posix_acl_default", 3),
    ("trusted.", 4),
    ("security.", 6),
];

/// Bytes of `struct erofs_xattr_ibody_header`, all zero here: nothing is shared.
const HEADER: usize = 12;

/// An attribute that cannot be stored, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unstorable {
    pub(crate) name: String,
    pub(crate) reason: &'static str,
}

/// The bytes that follow an inode: none without attributes, else the header and the entries.
pub(crate) fn encode(xattrs: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, Unstorable> {
    let mut bytes = Vec::new();
    for (name, value) in xattrs {
        let refuse = |reason| Unstorable {
            name: name.clone(),
            reason,
        };
        let (index, suffix) = split(name).ok_or_else(|| refuse("unknown namespace"))?;
        if suffix.is_empty() != name.starts_with("system.") || suffix.contains('\0') {
            return Err(refuse("invalid name"));
        }
        let name_length = u8::try_from(suffix.len()).map_err(|_| refuse("name too long"))?;
        let value_length = u16::try_from(value.len()).map_err(|_| refuse("value too long"))?;
        if bytes.is_empty() {
            bytes.resize(HEADER, 0);
        }
        bytes.extend([name_length, index]);
        bytes.extend(value_length.to_le_bytes());
        bytes.extend(suffix.as_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        if count(&bytes).is_none() {
            return Err(refuse("too many attributes"));
        }
    }
    Ok(bytes)
}

/// `i_xattr_icount` for encoded attributes; `None` when they are too long to count.
pub(crate) fn count(bytes: &[u8]) -> Option<u16> {
    match bytes.len() {
        0 => Some(0),
        length => u16::try_from((length - HEADER) / 4 + 1).ok(),
    }
}

fn split(name: &str) -> Option<(u8, &str)> {
    PREFIXES
        .iter()
        .find_map(|(prefix, index)| Some((*index, name.strip_prefix(prefix)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &[u8]) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([(name.to_owned(), value.to_vec())])
    }

    #[test]
    fn encodes_header_and_padded_entries() {
        let bytes = encode(&one("user.ab", b"xyz")).unwrap();
        let mut expected = vec![0; 12];
        expected.extend([2, 1, 3, 0]);
        expected.extend(b"abxyz\0\0\0");
        assert_eq!(bytes, expected);
        assert_eq!(count(&bytes), Some(4));
        assert_eq!(count(&encode(&BTreeMap::new()).unwrap()), Some(0));
    }

    #[test]
    fn refuses_what_erofs_cannot_store() {
        let long_name = format!("user.{}", "n".repeat(256));
        let cases = [
            ("foreign.x", 1, "unknown namespace"),
            ("system.posix_acl_accessory", 1, "invalid name"),
            ("user.", 1, "invalid name"),
            ("user.a\0b", 1, "invalid name"),
            (long_name.as_str(), 1, "name too long"),
            ("user.x", 65536, "value too long"),
        ];
        for (name, length, reason) in cases {
            let refused = encode(&one(name, &vec![0; length])).unwrap_err();
            assert_eq!(
                refused,
                Unstorable {
                    name: name.into(),
                    reason
                }
            );
        }
    }

    #[test]
    fn refuses_more_than_the_count_field_holds() {
        let many = (0..5)
            .map(|n| (format!("user.{n}"), vec![0; 65535]))
            .collect();
        assert_eq!(encode(&many).unwrap_err().reason, "too many attributes");
    }
}
