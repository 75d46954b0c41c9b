//! Package files that a person names.

use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::path::Path;

/// Opens one. Linux opens a folder too, and only reading it fails, in words about no package.
pub(crate) fn open(path: &Path) -> Result<File> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    if file.metadata()?.is_dir() {
        bail!("{shown} is a folder, and a package is a file");
    }
    Ok(file)
}
