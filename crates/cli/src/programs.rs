//! The programs that `bessemer` starts: they stand beside it, or where their packages put them.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Where the package of the guests' agent has it, seen from `bessemer`'s own folder: it is no program
/// for people to call.
const PACKAGED: &str = "../libexec/bessemer";

/// The path of a companion program.
pub(crate) fn companion(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find out where this program stands")?;
    let beside = own.with_file_name(name);
    let packaged = own.with_file_name(PACKAGED).join(name);
    let found = [beside, packaged].into_iter().find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!(
            "`{name}` is missing beside {}; install all of Bessemer's programs together",
            own.display()
        ),
    }
}
