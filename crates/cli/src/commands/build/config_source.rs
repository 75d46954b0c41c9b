//! Where a recipe comes from. Only a local build does this: its recipe is recorded by file digest,
//! and by repository too when it is at a clean commit of one.

use bessemer_attest::documents::ConfigSource;
use bessemer_digest::Digest;
use std::path::Path;

/// The recipe by its digest. A working copy is never claimed to be its remote repository: the local
/// builder id is the only one there is without a provisioned host.
pub(crate) fn config_source(recipe: &Path, sha256: Digest) -> ConfigSource {
    let name = recipe
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    ConfigSource {
        repository: None,
        reference: None,
        commit: None,
        path: name.unwrap_or_default(),
        sha256,
    }
}
