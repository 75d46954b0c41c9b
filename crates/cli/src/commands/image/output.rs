//! Files that appear whole or not at all.

use anyhow::{Context as _, Result};
use bessemer_package::{partial_file, remove_partial};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a file with what `fill` writes.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    remove_partial(parent).with_context(|| format!("cannot clear up in {}", parent.display()))?;
    let mut file = partial_file(parent)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
