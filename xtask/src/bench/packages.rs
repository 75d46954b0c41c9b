//! Packages that are made to be measured.

use anyhow::Result;
use bessemer_apk::PkgInfo;
use bessemer_apk::package::control_member;
use bessemer_digest::Digest;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a package without a signature: the control member for `info`, then the data member, which
/// `datahash` is of.
pub(super) fn write(
    path: &Path,
    mut info: PkgInfo,
    mut data: impl io::Read,
    datahash: Digest,
) -> Result<()> {
    info.datahash = Some(datahash);
    let control = control_member(&info, &BTreeMap::new(), &BTreeMap::new(), 0)?;
    let mut file = File::create(path)?;
    file.write_all(&control)?;
    io::copy(&mut data, &mut file)?;
    Ok(())
}

/// A name and a version for x86-64.
pub(super) fn info(name: &str, version: &str) -> PkgInfo {
    PkgInfo {
        name: name.into(),
        version: version.into(),
        arch: "x86_64".into(),
        ..PkgInfo::default()
    }
}

/// Numbers that look like chance and are always the same (xorshift64).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) const fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
