//! Names of files that are being written, and the removal of those a killed process left.

use std::io;
use std::path::Path;

/// What the name of a file begins with until it is put in place.
pub const PARTIAL_PREFIX: &str = ".partial-";

/// The prefix of this process's own unfinished files: [`PARTIAL_PREFIX`], the process id, a dash.
pub fn partial_prefix() -> String {
    format!("{PARTIAL_PREFIX}{}-", std::process::id())
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
