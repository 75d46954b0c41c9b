//! The sources disk: what the control side fetched, and the files beside the recipe.

use bessemer_digest::Digest;
use bessemer_erofs::{Directory, InsertError, Metadata, Node, Options, WriteError, Writer};
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const UUID: [u8; 16] = *b"bessemer-source1";
/// Most files that are taken from beside a recipe.
const MAX_WORKSPACE_FILES: usize = 10_000;

/// A fetched source and the name under which the recipe's steps look for it.
#[derive(Debug, Clone)]
pub struct CachedSource {
    /// `sha256:<hex>` or `sha512:<hex>`.
    pub name: String,
    /// The file on this host.
    pub path: PathBuf,
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
    /// A name fits nowhere.
    #[error("cannot place a file on the sources disk")]
    Place(#[from] InsertError),
    /// More files than a recipe's folder may have.
    #[error("{} holds more than {MAX_WORKSPACE_FILES} files; give the recipe a source directory of its own", .0.display())]
    TooMany(PathBuf),
}

/// Writes `cache/<name>` for each source and `workspace/…` for the files in `source_directory`;
/// returns the image's digest.
pub fn sources_disk(
    sources: &[CachedSource],
    source_directory: Option<&Path>,
    image: &Path,
) -> Result<Digest, SourcesDiskError> {
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
    for source in sources {
        add(
            &source.path,
            &format!("cache/{}", source.name),
            0o644,
            &mut tree,
            &mut writer,
        )?;
    }
    if let Some(directory) = source_directory {
        for relative in files(directory)? {
            let path = directory.join(&relative);
            let executable = fs_err::metadata(&path)?.permissions().mode() & 0o111 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            let name = format!("workspace/{}", relative.display());
            add(&path, &name, mode, &mut tree, &mut writer)?;
        }
    }
    writer.finish(tree)?;
    let (digest, _) = Digest::of_reader(fs_err::File::open(image)?)?;
    Ok(digest)
}

fn add<W: std::io::Write + std::io::Seek>(
    path: &Path,
    name: &str,
    mode: u32,
    tree: &mut Directory,
    writer: &mut Writer<W>,
) -> Result<(), SourcesDiskError> {
    let file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    let data = writer.append_file(file, size)?;
    tree.insert(
        name,
        Node::File {
            meta: Metadata::root(mode),
            data,
            inode_id: None,
        },
    )?;
    Ok(())
}

/// Regular files below `directory`, sorted; links and special files are not followed or taken.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, SourcesDiskError> {
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
                found.push(path);
            }
            if found.len() > MAX_WORKSPACE_FILES {
                return Err(SourcesDiskError::TooMany(directory.to_path_buf()));
            }
        }
    }
    found.sort();
    Ok(found)
}
