//! Layers: a file system as one tar archive or several, compressed, or as one erofs image.

mod compress;
mod encoding;
mod erofs;
mod groups;
mod split;

pub use compress::Compression;
pub use encoding::Encoding;

use crate::configuration::Format;
use crate::tree::Tree;
use bessemer_apk::install::WriteLayerError;
use bessemer_digest::Digest;
use bessemer_store::{Store, StoreError, in_parallel};
use split::Archive;
use std::io;
use std::path::{Path, PathBuf};

/// What the store calls compressed layers, by what was compressed and how.
const COMPRESSED: &str = "layer";

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Of the archive or erofs image.
    pub diff_id: Digest,
    /// Of the compressed archive; of an erofs image the same.
    pub digest: Digest,
    /// Bytes of the compressed archive or erofs image.
    pub size: u64,
    /// How these hold what is in it.
    pub encoding: Encoding,
    /// The compressed archive or erofs image.
    pub path: PathBuf,
    /// Whether it had been made before.
    pub cached: bool,
    /// Whether it is one of the base's.
    pub base: bool,
}

/// Why layers cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// An archive cannot be written.
    #[error("cannot write a layer")]
    Write(#[from] WriteLayerError),
    /// The records of packages cannot be written.
    #[error("cannot write apk's database of a layer")]
    Database(#[from] bessemer_apk::index::RenderIndexError),
    /// An erofs image cannot be written.
    #[error("cannot write a layer")]
    Erofs(#[from] bessemer_install::ImageError),
    /// An archive cannot be compressed.
    #[error("cannot compress a layer")]
    Io(#[from] io::Error),
    /// A compressed archive cannot be kept.
    #[error("cannot keep a layer")]
    Store(#[from] StoreError),
}

/// How layers are made.
#[derive(Debug, Clone, Copy)]
pub struct Layering<'a> {
    /// Tar archives, or one erofs image, which has neither budget nor compression.
    pub format: Format,
    /// The most layers with packages; one layer for everything without.
    pub budget: Option<usize>,
    /// How they are compressed.
    pub compression: Compression,
    /// Where compressed layers are kept, also for the next time.
    pub store: &'a Store,
    /// Directory for archives while they are written.
    pub scratch: &'a Path,
}

/// Writes a file system as layers, the lowest first.
///
/// Archives are compressed in parallel, and in parallel pieces; one that was compressed before is not
/// compressed again. What they are depends on the tree, the format, the budget and the compression alone.
pub fn layers(tree: Tree, layering: Layering<'_>) -> Result<Vec<Layer>, LayersError> {
    if layering.format == Format::Erofs {
        return Ok(vec![erofs::whole(tree, layering)?]);
    }
    let archives = match layering.budget {
        None => split::single(tree, layering.scratch)?,
        Some(budget) => split::by_origin(tree, budget, layering.scratch)?,
    };
    in_parallel(&archives, |archive| finish(archive, layering))
}

/// The digest of a compressed layer that is there and is what it was; a damaged one goes.
fn intact(digest: Option<Digest>, store: &Store) -> Result<Option<Digest>, StoreError> {
    let Some(digest) = digest else {
        return Ok(None);
    };
    match store.read(&digest) {
        Ok(file) => Ok(file.map(|_| digest)),
        Err(StoreError::Corrupt { .. }) => {
            store.remove(&digest)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn finish(archive: &Archive, layering: Layering<'_>) -> Result<Layer, LayersError> {
    let Layering {
        compression, store, ..
    } = layering;
    let key = format!("{}-{}", compression.recipe(), archive.diff_id.hex());
    let known = intact(store.bound(COMPRESSED, &key)?, store)?;
    let digest = if let Some(digest) = known {
        digest
    } else {
        let mut file = tempfile::tempfile_in(layering.scratch)?;
        compression.compress(archive.file.path(), &mut file)?;
        let size = file.metadata()?.len();
        io::Seek::rewind(&mut file)?;
        let digest = store.insert(file, size)?.digest;
        store.bind(COMPRESSED, &key, &digest)?;
        digest
    };
    let path = store.object_path(&digest);
    Ok(Layer {
        diff_id: archive.diff_id,
        digest,
        size: fs_err::metadata(&path)?.len(),
        encoding: Encoding::Tar(compression),
        path,
        cached: known.is_some(),
        base: false,
    })
}
