//! The reader of the socket, without a service behind it: for fuzzing.

use crate::frame::{self, REQUEST_LIMIT};
use crate::protocol::Request;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// Reads requests until the first that is refused; what is read can be written and read again.
///
/// # Errors
/// When the system gives no socket. `bytes` must fit into a socket's buffer.
pub fn requests(bytes: &[u8]) -> io::Result<()> {
    let (mut writer, reader) = UnixStream::pair()?;
    writer.write_all(bytes)?;
    writer.shutdown(Shutdown::Write)?;
    while let Ok(Some(request)) = frame::receive::<Request>(&reader, REQUEST_LIMIT) {
        let again =
            serde_json::to_vec(&request).map(|bytes| serde_json::from_slice::<Request>(&bytes));
        assert!(
            matches!(again, Ok(Ok(again)) if again == request),
            "{request:?}"
        );
    }
    Ok(())
}
