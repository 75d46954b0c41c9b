//! Files that appear whole or not at all, and the removal of what a killed process left of them.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// What the name of a file begins with until it is put in place.
const PARTIAL_PREFIX: &str = ".partial-";

/// The prefix of this process's own unfinished files: `.partial-`, the process id, a dash.
pub fn partial_prefix() -> String {
    format!("{PARTIAL_PREFIX}{}-", std::process::id())
}

/// A new file in `directory` that everybody may read once it is in place; `persist` puts it there.
pub fn partial_file(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&partial_prefix())
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)
}

/// Writes a file whole or not at all, in the place of one that is there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = partial_file(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes the unfinished files and directories of processes that are gone; others may be writing beside this one.
pub fn remove_partial(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name
            .to_str()
            .and_then(|name| name.strip_prefix(PARTIAL_PREFIX));
        let pid = rest.and_then(|rest| rest.split('-').next());
        let numeric = |pid: &&str| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(pid) = pid.filter(numeric)
            && !Path::new("/proc").join(pid).exists()
        {
            let removed = if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())
            } else {
                std::fs::remove_file(entry.path())
            };
            match removed {
                // Another process cleared it first.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let own = format!("{}x", partial_prefix());
        let names = [own.as_str(), ".partial-4294967295-x", ".partial-x", "file"];
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let dead = directory.path().join(".partial-4294967295-build");
        std::fs::create_dir_all(dead.join("inside")).unwrap();
        remove_partial(directory.path()).unwrap();
        assert!(!dead.exists());
        let left = names.map(|name| directory.path().join(name).exists());
        assert_eq!(left, [true, false, true, true]);
    }
}
