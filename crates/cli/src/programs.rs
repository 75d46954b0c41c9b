//! The programs that `bessemer` starts: they stand beside it.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The path of a companion program.
pub(crate) fn companion(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find out where this program stands")?;
    let path = own.with_file_name(name);
    if !path.is_file() {
        bail!(
            "`{name}` is missing beside {}; install all of Bessemer's programs together",
            own.display()
        );
    }
    Ok(path)
}
