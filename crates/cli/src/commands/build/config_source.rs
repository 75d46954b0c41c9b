//! Where a recipe comes from. A local build records its recipe by file digest alone.

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
