//! A folder that was named as a repository and has no index: what it is instead.

use bessemer_repository::INDEX;
use std::path::Path;

/// What a person is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingIndex {
    /// Goes on behind the repository's name.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

/// Looks at the folder.
pub(crate) fn missing_index(folder: &Path, arch: &str) -> MissingIndex {
    let (what, advice) = if !folder.exists() {
        ("does not exist".to_owned(), None)
    } else if folder.join(INDEX).is_file() {
        let above = match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => above.display().to_string(),
            _ => "..".to_owned(),
        };
        (
            format!("has no folder {arch}, but an index itself"),
            Some(format!(
                "a repository is the folder above those of the architectures: {above}"
            )),
        )
    } else if has_packages(&folder.join(arch)) {
        let folder = folder.display();
        (
            format!("has packages, but no index for {arch}"),
            Some(format!(
                "`bessemer build --generate-index` writes one, and so does `bessemer index --signing-key KEY -o {folder}/{arch}/{INDEX} {folder}/{arch}/*.apk`"
            )),
        )
    } else {
        (format!("has no index for {arch}"), None)
    };
    MissingIndex { what, advice }
}

fn has_packages(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| Path::new(&entry.file_name()).extension() == Some("apk".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::missing_index;
    use std::fs;

    #[test]
    fn says_what_is_there_instead() {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("packages");
        let said = || missing_index(&folder, "x86_64");
        assert_eq!(said().what, "does not exist");
        fs::create_dir_all(folder.join("x86_64")).unwrap();
        assert_eq!(said().what, "has no index for x86_64");
        assert_eq!(said().advice, None);
        fs::write(folder.join("x86_64/a-1-r0.apk"), "").unwrap();
        assert_eq!(said().what, "has packages, but no index for x86_64");
        let advice = said().advice.unwrap();
        assert!(advice.contains("--generate-index"), "{advice}");
        fs::write(folder.join("x86_64/APKINDEX.tar.gz"), "").unwrap();
        let below = missing_index(&folder.join("x86_64"), "x86_64");
        assert_eq!(below.what, "has no folder x86_64, but an index itself");
        let advice = below.advice.unwrap();
        assert!(advice.ends_with(folder.to_str().unwrap()), "{advice}");
    }
}
