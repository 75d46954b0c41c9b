//! Index files of this machine.

use anyhow::{Result, bail};
use bessemer_apk::Limits;
use std::io::{self, Read as _};
use std::path::Path;

/// The file's bytes; one larger than an index may be is refused before it is in memory.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let most = Limits::default().index;
    let mut bytes = Vec::new();
    fs_err::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        bail!("{} is larger than {most} bytes", path.display());
    }
    Ok(bytes)
}

/// The same; none when there is no such file.
pub(crate) fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::NotFound)
}
