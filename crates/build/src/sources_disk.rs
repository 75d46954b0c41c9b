//! The sources disk: what the control side fetched, and the files beside the recipe.

use bessemer_digest::{Digest, HashingReader};
use bessemer_erofs::{Directory, InsertError, Metadata, Node, Options, WriteError, Writer};
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const UUID: [u8; 16] = *b"bessemer-source1";
/// Most files that are taken from beside a recipe.
const MAX_WORKSPACE_FILES: usize = 10_000;

/// A file for the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFile {
    /// Its path on the disk: `cache/sha256:<hex>` or `workspace/…`.
    pub name: String,
    /// The file on this host.
    pub path: PathBuf,
    /// What the lock says its bytes are.
    pub sha256: Digest,
    /// Whether its executable bits are kept; otherwise it has none in the guest.
    pub keep_executable: bool,
}

/// Why no sources disk could be made.
#[derive(Debug, thiserror::Error)]
pub enum SourcesDiskError {
    /// The file system refused.
    #[error("cannot write the sources disk")]
    Io(#[from] std::io::Error),
    /// The image writer refused.
    #[error("cannot write the sources disk's file system")]
    Image(#[from] WriteError),
    /// A file is not what the lock says.
    #[error("{} has digest {found}, and the lock says {expected}", path.display())]
    #[allow(missing_docs, reason = "the message says it")]
    Digest {
        path: PathBuf,
        expected: Digest,
        found: Digest,
    },
    /// A name that no document can hold.
    #[error("{} has a name that is not UTF-8", .0.display())]
    Name(PathBuf),
    /// A symbolic link or special file beside the recipe: the lock has no words for it.
    #[error("{} is no regular file; only regular files can enter the workspace", .0.display())]
    Kind(PathBuf),
    /// A name fits nowhere.
    #[error("cannot place a file on the sources disk")]
    Place(#[from] InsertError),
    /// More files than a recipe's folder may have.
    #[error("{} holds more than {MAX_WORKSPACE_FILES} files; give the recipe a source directory of its own", .0.display())]
    TooMany(PathBuf),
}

/// Writes the files' bytes, each checked against its digest on the way; returns the image's digest.
pub fn sources_disk(files: &[DiskFile], image: &Path) -> Result<Digest, SourcesDiskError> {
    let file = File::create(image)?;
    let mut writer = Writer::new(
        BufWriter::new(file),
        Options {
            uuid: UUID,
            mtime: 0,
        },
    )?;
    let mut tree = Directory::new(Metadata::root(0o755));
    for folder in ["cache", "workspace"] {
        tree.insert(
            folder,
            Node::Directory(Directory::new(Metadata::root(0o755))),
        )?;
    }
    for file in files {
        add(file, &mut tree, &mut writer)?;
    }
    writer.finish(tree)?;
    let (digest, _) = Digest::of_reader(fs_err::File::open(image)?)?;
    Ok(digest)
}

fn add<W: std::io::Write + std::io::Seek>(
    item: &DiskFile,
    tree: &mut Directory,
    writer: &mut Writer<W>,
) -> Result<(), SourcesDiskError> {
    let file = fs_err::File::open(&item.path)?;
    let metadata = file.metadata()?;
    let executable = item.keep_executable && metadata.permissions().mode() & 0o111 != 0;
    let mut reader = HashingReader::new(file);
    let data = writer.append_file(&mut reader, metadata.len())?;
    let found = reader.digest();
    if found != item.sha256 {
        return Err(SourcesDiskError::Digest {
            path: item.path.clone(),
            expected: item.sha256,
            found,
        });
    }
    tree.insert(
        &item.name,
        Node::File {
            meta: Metadata::root(if executable { 0o755 } else { 0o644 }),
            data,
            inode_id: None,
        },
    )?;
    Ok(())
}

/// The regular files below `directory` as paths relative to it, sorted.
pub fn files(directory: &Path) -> Result<Vec<String>, SourcesDiskError> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        for entry in fs_err::read_dir(directory.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file() {
                let name = path.into_os_string().into_string();
                found.push(name.map_err(|name| SourcesDiskError::Name(name.into()))?);
            } else {
                return Err(SourcesDiskError::Kind(directory.join(path)));
            }
            if found.len() > MAX_WORKSPACE_FILES {
                return Err(SourcesDiskError::TooMany(directory.to_path_buf()));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_locked_one_does_not_enter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.tar");
        fs_err::write(&path, "as locked").unwrap();
        let item = DiskFile {
            name: "cache/sha256:00".to_owned(),
            path: path.clone(),
            sha256: Digest::of("as locked"),
            keep_executable: false,
        };
        let image = folder.path().join("image");
        sources_disk(std::slice::from_ref(&item), &image).unwrap();
        fs_err::write(&path, "exchanged").unwrap();
        let error = sources_disk(&[item], &image).unwrap_err();
        assert!(matches!(error, SourcesDiskError::Digest { .. }), "{error}");
    }

    #[test]
    fn a_link_beside_the_recipe_is_refused_and_not_dropped() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("patches")).unwrap();
        fs_err::write(folder.path().join("patches/one.patch"), "").unwrap();
        assert_eq!(files(folder.path()).unwrap(), ["patches/one.patch"]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("passwd")).unwrap();
        let error = files(folder.path()).unwrap_err();
        assert!(matches!(error, SourcesDiskError::Kind(_)), "{error}");
    }
}
