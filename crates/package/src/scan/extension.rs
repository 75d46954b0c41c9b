//! Extension headers: PAX records and GNU long names, which describe the entry after them.
//!
//! Formats: POSIX.1-2017 `pax`, "pax Header Block"; GNU tar manual, "Basic Tar Format".

use super::ScanError;
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::io::Read;
use tar::EntryType;

/// What extension headers said about the next entry.
#[derive(Debug, Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
}

impl Extension {
    /// Bytes of link target and attributes.
    pub(super) fn held(&self) -> usize {
        let xattrs = self
            .xattrs
            .iter()
            .map(|(name, value)| name.len() + value.len());
        self.link.as_ref().map_or(0, Vec::len) + xattrs.sum::<usize>()
    }

    /// Reads `entry` if it is an extension header; whether it was one.
    pub(super) fn take<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        limits: &Limits,
    ) -> Result<bool, ScanError> {
        match entry.header().entry_type() {
            EntryType::GNULongName => self.path = Some(long_name(entry, limits)?),
            EntryType::GNULongLink => self.link = Some(long_name(entry, limits)?),
            EntryType::XHeader => self.pax(entry, limits)?,
            // Global headers carry comments (git's commit); overriding fields of every later entry
            // has no use in a package.
            EntryType::XGlobalHeader => drop(contents(entry, limits)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn pax<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        limits: &Limits,
    ) -> Result<(), ScanError> {
        let offset = entry.raw_header_position();
        let wrong = |reason: String| ScanError::Entry {
            path: "(PAX header)".into(),
            offset,
            reason,
        };
        let bytes = contents(entry, limits)?;
        for record in tar::PaxExtensions::new(&bytes) {
            let record = record.map_err(|error| wrong(error.to_string()))?;
            let key = record.key().map_err(|error| wrong(error.to_string()))?;
            let value = record.value_bytes();
            self.record(key, value).map_err(wrong)?;
        }
        Ok(())
    }

    fn record(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let number = || {
            let text = std::str::from_utf8(value).ok();
            let number = text.and_then(|text| text.parse().ok());
            number.ok_or_else(|| format!("`{key}` is not a number"))
        };
        match key {
            "path" => self.path = Some(value.to_vec()),
            "linkpath" => self.link = Some(value.to_vec()),
            "size" => self.size = Some(number()?),
            "uid" => self.uid = Some(number()?),
            "gid" => self.gid = Some(number()?),
            _ if key.starts_with("GNU.sparse.") => {
                return Err("sparse files are not supported in packages".into());
            }
            _ => {
                if let Some(name) = key
                    .strip_prefix("SCHILY.xattr.")
                    .filter(|name| is_kept(name))
                {
                    self.xattrs.insert(name.to_owned(), value.to_vec());
                }
            }
        }
        Ok(())
    }
}

fn contents<R: Read>(entry: &mut tar::Entry<'_, R>, limits: &Limits) -> Result<Vec<u8>, ScanError> {
    let offset = entry.raw_header_position();
    let limit = limits.extension;
    if entry.size() > limit {
        return Err(ScanError::Limit {
            what: "an extension header",
            limit,
            offset,
        });
    }
    let mut bytes = Vec::new();
    entry
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| ScanError::Read { offset, source })?;
    Ok(bytes)
}

fn long_name<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    limits: &Limits,
) -> Result<Vec<u8>, ScanError> {
    let mut bytes = contents(entry, limits)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

/// Attributes that describe the host or the guest's file system, not the package
/// (melange ignores the same ones).
fn is_kept(xattr: &str) -> bool {
    let ignored = [
        "security.selinux",
        "security.csm",
        "com.apple.provenance",
        "com.docker.grpcfuse.ownership",
    ];
    !xattr.starts_with("trusted.") && !ignored.contains(&xattr)
}
