//! What an entry may be, wherever it goes: an archive, a directory or an image.

use super::ReadError;
use crate::tar::{self, RawEntry};
use crate::{EntryKind, EntryPath};
use std::collections::BTreeMap;

/// The longest target of a symbolic link, in bytes (Linux's `PATH_MAX` without the final NUL).
const MAX_TARGET: usize = 4095;
/// The longest name of an extended attribute, in bytes (Linux's `XATTR_NAME_MAX`).
const MAX_XATTR_NAME: usize = 255;
/// The longest value of an extended attribute, in bytes: erofs has 16 bits for it, which is one less
/// than Linux's `XATTR_SIZE_MAX`.
const MAX_XATTR_VALUE: usize = 65_535;
/// The highest numbers of a device: 12 and 20 bits (Linux's `kdev_t.h`).
const MAX_DEVICE: (u32, u32) = (0xfff, 0xf_ffff);
/// The latest time, in seconds since 1970: what a ustar header has room for, the year 2242.
const MAX_TIME: u64 = (1 << 33) - 1;

/// Holds an entry to what all systems can have.
pub(super) fn check_entry(
    path: &EntryPath,
    kind: &EntryKind,
    raw: &RawEntry,
    xattrs: &BTreeMap<String, Vec<u8>>,
) -> Result<(), ReadError> {
    let found = match kind {
        EntryKind::Symlink { target } => target_mistake(target),
        EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            let fits = *major <= MAX_DEVICE.0 && *minor <= MAX_DEVICE.1;
            (!fits).then_some("a device number that is too large")
        }
        _ => None,
    };
    let late = (raw.mtime > MAX_TIME).then_some("a time after the year 2242");
    let mistake = found
        .or(late)
        .or_else(|| xattrs.iter().find_map(xattr_mistake));
    mistake.map_or(Ok(()), |what| {
        let path = path.clone();
        Err(ReadError::Entry { path, what })
    })
}

fn target_mistake(target: &str) -> Option<&'static str> {
    if target.is_empty() {
        return Some("a link target that is empty");
    }
    if target.contains('\0') {
        return Some("a link target with a NUL byte");
    }
    (target.len() > MAX_TARGET).then_some("a link target that is too long")
}

fn xattr_mistake((name, value): (&String, &Vec<u8>)) -> Option<&'static str> {
    // A namespace alone is no name either.
    let nameless = name.is_empty() || name.find('.') == Some(name.len() - 1);
    if nameless || name.contains('\0') || name.len() > MAX_XATTR_NAME {
        return Some("an extended attribute with an impossible name");
    }
    (value.len() > MAX_XATTR_VALUE).then_some("an extended attribute that is too long")
}

/// The extended attributes by full name.
pub(super) fn xattrs(raw: &RawEntry) -> BTreeMap<String, Vec<u8>> {
    let name = |key: &str| Some(key.strip_prefix(tar::XATTR_RECORD)?.to_owned());
    raw.records
        .iter()
        .filter_map(|(key, value)| Some((name(key)?, value.clone())))
        .collect()
}
