//! Writing the control member.

use super::{PkgInfo, PkgInfoError};
use crate::tar::{FILE, Header, gzip};
use std::collections::BTreeMap;

/// An install script in the control member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// `.post-deinstall`.
    PostDeinstall,
    /// `.post-install`.
    PostInstall,
    /// `.post-upgrade`.
    PostUpgrade,
    /// `.pre-deinstall`.
    PreDeinstall,
    /// `.pre-install`.
    PreInstall,
    /// `.pre-upgrade`.
    PreUpgrade,
    /// `.trigger`.
    Trigger,
}

impl Script {
    /// All of them, in the order in which apk-tools keeps them (`apk_script_types`).
    pub const ALL: [Self; 7] = [
        Self::PreInstall,
        Self::PostInstall,
        Self::PreDeinstall,
        Self::PostDeinstall,
        Self::PreUpgrade,
        Self::PostUpgrade,
        Self::Trigger,
    ];

    /// The entry's name in the control member.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::PostDeinstall => ".post-deinstall",
            Self::PostInstall => ".post-install",
            Self::PostUpgrade => ".post-upgrade",
            Self::PreDeinstall => ".pre-deinstall",
            Self::PreInstall => ".pre-install",
            Self::PreUpgrade => ".pre-upgrade",
            Self::Trigger => ".trigger",
        }
    }
}

/// The control member, compressed: `.PKGINFO` and `files` (such as `.melange.yaml`) with mode 0644,
/// `scripts` with 0755, sorted by name, owned by root, all at `mtime` (seconds since 1970).
///
/// There are no end blocks: the data member's archive continues this one. The SHA-1 of the result
/// is the package's identity in an index; its SHA-256 is what gets signed.
pub fn control_member(
    info: &PkgInfo,
    files: &BTreeMap<String, Vec<u8>>,
    scripts: &BTreeMap<Script, Vec<u8>>,
    mtime: u64,
) -> Result<Vec<u8>, PkgInfoError> {
    let pkginfo = info.render()?;
    let mut entries = BTreeMap::new();
    for (name, content) in files {
        if name.len() < 2 || !name.starts_with('.') || name.contains(['/', '\0']) || name == ".." {
            return Err(PkgInfoError::Unwritable {
                key: "file name",
                value: name.clone(),
            });
        }
        entries.insert(name.as_str(), (0o644, content.as_slice()));
    }
    for (script, content) in scripts {
        entries.insert(script.file_name(), (0o755, content.as_slice()));
    }
    entries.insert(".PKGINFO", (0o644, pkginfo.as_bytes()));

    let mut archive = Vec::new();
    for (name, (mode, content)) in entries {
        let size = content.len() as u64;
        let header = Header {
            mode,
            size,
            mtime,
            ..Header::new(name, FILE)
        };
        archive.extend(header.with_content(content));
    }
    Ok(gzip(&archive))
}
