//! One attempt to bring content from one place into an incoming object.

use crate::failure::FailureCause;
use crate::incoming::{Incoming, Sealed};
use crate::settings::Limits;
use crate::store::{Store, StoreError};
use crate::uri::{Scheme, Uri};
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Instant;

const OK: u16 = 200;
const CHUNK: usize = 64 << 10;

/// Transfers the content of `uri`, within the limits and before `deadline`.
pub(crate) fn transfer(
    agent: &ureq::Agent,
    uri: &Uri,
    store: &Store,
    limits: &Limits,
    deadline: Instant,
) -> Result<Sealed, FailureCause> {
    let mut incoming = store.incoming().map_err(FailureCause::Store)?;
    if uri.scheme() == Scheme::File {
        let file = open_regular(uri)?;
        receive(file, &mut incoming, limits, deadline, FailureCause::File)?;
    } else {
        let body = request(agent, uri, limits, deadline)?;
        receive(body, &mut incoming, limits, deadline, FailureCause::from)?;
    }
    incoming.seal().map_err(FailureCause::Store)
}

/// Opens nothing that could block or be endless.
fn open_regular(uri: &Uri) -> Result<File, FailureCause> {
    let path = uri.file_path();
    let metadata = std::fs::metadata(&path).map_err(FailureCause::File)?;
    if !metadata.is_file() {
        return Err(FailureCause::NotAFile);
    }
    File::open(&path).map_err(FailureCause::File)
}

fn request(
    agent: &ureq::Agent,
    uri: &Uri,
    limits: &Limits,
    deadline: Instant,
) -> Result<impl Read, FailureCause> {
    let remaining = deadline.saturating_duration_since(Instant::now());
    let response = agent
        .get(uri.secret_text())
        .config()
        .https_only(uri.scheme() == Scheme::Https)
        .timeout_global(Some(remaining))
        .build()
        .call()?;
    let status = response.status().as_u16();
    if status != OK {
        return Err(FailureCause::Status(status));
    }
    if response
        .body()
        .content_length()
        .is_some_and(|length| length > limits.bytes)
    {
        return Err(FailureCause::TooLarge {
            limit: limits.bytes,
        });
    }
    Ok(response.into_body().into_reader())
}

fn receive(
    mut content: impl Read,
    incoming: &mut Incoming,
    limits: &Limits,
    deadline: Instant,
    read_failed: impl Fn(io::Error) -> FailureCause,
) -> Result<(), FailureCause> {
    let mut buffer = vec![0; CHUNK];
    let mut left = limits.bytes;
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_failed(error)),
        };
        left = left
            .checked_sub(count as u64)
            .ok_or(FailureCause::TooLarge {
                limit: limits.bytes,
            })?;
        if Instant::now() >= deadline {
            return Err(FailureCause::Deadline);
        }
        incoming
            .file()
            .write_all(&buffer[..count])
            .map_err(|error| FailureCause::Store(StoreError::Content(error)))?;
    }
}
