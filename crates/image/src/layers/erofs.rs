//! The whole file system as one erofs image.

use super::{Encoding, Layer, Layering, LayersError, intact};
use crate::tree::Tree;
use bessemer_install::Image;

/// Writes the image where it stays: the store names it by its digest. Nothing of it is compressed, so that
/// what it unpacks to is itself.
pub(super) fn whole(tree: Tree, layering: Layering<'_>) -> Result<Layer, LayersError> {
    let store = layering.store;
    let mut incoming = store.incoming()?;
    let image =
        Image::at(incoming.file(), tree.time).map_err(bessemer_install::ImageError::from)?;
    image.write(tree.root)?;
    let sealed = incoming.seal()?;
    let object = sealed.object();
    let cached = intact(Some(object.digest), store)?.is_some();
    if !cached {
        sealed.keep()?;
    }
    Ok(Layer {
        diff_id: object.digest,
        digest: object.digest,
        size: object.size,
        encoding: Encoding::Erofs,
        path: store.object_path(&object.digest),
        cached,
        base: false,
    })
}
