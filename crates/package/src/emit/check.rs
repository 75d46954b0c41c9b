//! What no package may hold, because installing it would give something else than was built.

use super::EmitError;
use crate::tree::Tree;
use bessemer_apk::EntryKind;

/// Checks a tree in which every parent directory is an entry. Paths occur once, as keys do.
pub(super) fn installable(tree: &Tree) -> Result<(), EmitError> {
    for (path, node) in tree.iter() {
        if path.is_package_metadata() {
            return Err(EmitError::Metadata(path.clone()));
        }
        // The directories further up are entries too, so each has its turn.
        if let Some(parent) = path.parent()
            && tree
                .get(&parent)
                .is_some_and(|node| node.entry.kind != EntryKind::Directory)
        {
            return Err(EmitError::Parent {
                path: path.clone(),
                parent,
            });
        }
        if let Some(attribute) = node.entry.overlay_attribute() {
            return Err(EmitError::Overlay {
                path: path.clone(),
                attribute: attribute.to_owned(),
            });
        }
    }
    Ok(())
}
