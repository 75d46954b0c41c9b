//! Layers of a base: taken into the store, held against manifest and configuration.

use super::OpenBaseError;
use super::layout::{Descriptor, FoundImage, Layout, open};
use crate::layers::{Compression, Encoding, Layer};
use bessemer_digest::Digest;
use bessemer_store::{Store, in_parallel};
use flate2::read::MultiGzDecoder;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// The most layers that a base has: what container runtimes can put on each other, less one for the new.
const MAX_LAYERS: usize = 126;
/// Largest layer, in bytes.
const MAX_LAYER: u64 = 16 << 30;
/// Most bytes in an unpacked layer.
const MAX_UNPACKED: u64 = 64 << 30;
/// The binary logarithm of the largest window that a zstd layer may need: 128 MiB, the format's
/// recommendation for decoders.
const ZSTD_WINDOW: u32 = 27;

/// Takes all layers of an image into the store, each checked by size, by digest, and by the digest of what
/// it unpacks to.
pub(super) fn take(
    layout: &Layout,
    image: &FoundImage,
    store: &Store,
) -> Result<Vec<Layer>, OpenBaseError> {
    let diff_ids = image.config.diff_ids();
    if image.layers.len() != diff_ids.len() || diff_ids.len() > MAX_LAYERS {
        return Err(OpenBaseError::Layers {
            path: image.path.clone(),
            layers: image.layers.len(),
            diff_ids: diff_ids.len(),
            limit: MAX_LAYERS,
        });
    }
    let mut layers = Vec::new();
    for (descriptor, diff_id) in image.layers.iter().zip(diff_ids) {
        let compression = match Encoding::of(&descriptor.media_type) {
            Some(Encoding::Tar(compression)) => compression,
            Some(Encoding::Erofs) => return Err(OpenBaseError::Erofs(image.path.clone())),
            None => {
                return Err(OpenBaseError::MediaType {
                    path: image.path.clone(),
                    found: descriptor.media_type.clone(),
                });
            }
        };
        layers.push((descriptor, *diff_id, compression));
    }
    in_parallel(&layers, |(descriptor, diff_id, compression)| {
        let place = layout.path(&descriptor.digest);
        let path = keep(&place, descriptor, store)?;
        let found = unpacked(&path, *compression).map_err(|source| OpenBaseError::Read {
            path: place.clone(),
            source,
        })?;
        if found != *diff_id {
            return Err(OpenBaseError::DiffId {
                path: place,
                diff_id: *diff_id,
                found,
            });
        }
        Ok(Layer {
            diff_id: *diff_id,
            digest: descriptor.digest,
            size: descriptor.size,
            encoding: Encoding::Tar(*compression),
            path,
            cached: true,
            base: true,
        })
    })
}

/// The layer's place in the store; what is there already was measured just now.
fn keep(place: &Path, descriptor: &Descriptor, store: &Store) -> Result<PathBuf, OpenBaseError> {
    let failed = |source| OpenBaseError::Store {
        path: place.to_owned(),
        source,
    };
    if descriptor.size > MAX_LAYER {
        return Err(OpenBaseError::Large {
            path: place.to_owned(),
            limit: MAX_LAYER,
        });
    }
    let file = open(place)?.into_file();
    // One byte more, so that a longer file is another one and not too large.
    let object = store.insert(
        std::io::Read::take(file, descriptor.size + 1),
        MAX_LAYER + 1,
    );
    let object = object.map_err(failed)?;
    if object.digest != descriptor.digest || object.size != descriptor.size {
        return Err(OpenBaseError::Mismatch {
            path: place.to_owned(),
            digest: descriptor.digest,
            expected: descriptor.size,
            found: object.digest,
            size: object.size,
        });
    }
    Ok(store.object_path(&object.digest))
}

/// The digest of what a layer unpacks to; nothing of it is kept.
fn unpacked(path: &Path, compression: Compression) -> io::Result<Digest> {
    let file = BufReader::with_capacity(1 << 18, fs_err::File::open(path)?.into_file());
    let unpacked: Box<dyn Read> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
    };
    let (digest, size) = Digest::of_reader(unpacked.take(MAX_UNPACKED + 1))?;
    if size > MAX_UNPACKED {
        let text = format!("it unpacks to more than {MAX_UNPACKED} bytes");
        return Err(io::Error::other(text));
    }
    Ok(digest)
}
