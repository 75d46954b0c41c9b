//! Frames and descriptors on a Unix stream socket.
//!
//! A frame is a big-endian `u32` length and that many bytes of JSON. Descriptors travel after a
//! request's frame, in messages of one byte with up to [`BATCH`] of them. Nothing is ever read
//! past what was asked for, so that no descriptor is dropped by a plain read.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Descriptors in one message; Linux allows 253.
const BATCH: usize = 64;
/// The largest request in bytes (1 MiB).
pub(crate) const REQUEST_LIMIT: usize = 1 << 20;
/// The largest reply in bytes (256 MiB: SBOMs of every output).
pub(crate) const REPLY_LIMIT: usize = 256 << 20;

/// Why a frame or descriptor did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection broke.
    #[error("the connection to the other side broke")]
    Io(#[from] io::Error),
    /// More bytes than allowed.
    #[error("a frame of {size} bytes; at most {limit} are read")]
    TooLarge {
        /// Announced size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Not the JSON it should be.
    #[error("the frame does not follow the protocol")]
    Json(#[from] serde_json::Error),
    /// Fewer or more descriptors than announced.
    #[error("{found} descriptors came, {wanted} were announced")]
    Descriptors {
        /// How many came.
        found: usize,
        /// How many were announced.
        wanted: usize,
    },
}

/// Sends one value as a frame.
pub(crate) fn send<T: Serialize>(
    mut stream: &UnixStream,
    value: &T,
    limit: usize,
) -> Result<(), FrameError> {
    let body = serde_json::to_vec(value)?;
    let too_large = || FrameError::TooLarge {
        size: body.len(),
        limit,
    };
    let length = u32::try_from(body.len()).map_err(|_| too_large())?;
    if body.len() > limit {
        return Err(too_large());
    }
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&body)?;
    Ok(())
}

/// Receives one value, or `None` when the other side has gone between frames.
pub(crate) fn receive<T: DeserializeOwned>(
    mut stream: &UnixStream,
    limit: usize,
) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..])?;
    let size = u32::from_be_bytes(length) as usize;
    if size > limit {
        return Err(FrameError::TooLarge { size, limit });
    }
    let mut body = vec![0; size];
    stream.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Sends descriptors.
pub(crate) fn send_files(stream: &UnixStream, files: &[&File]) -> Result<(), FrameError> {
    for batch in files.chunks(BATCH) {
        let descriptors: Vec<BorrowedFd<'_>> = batch.iter().map(|file| file.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(FrameError::Descriptors {
                found: 0,
                wanted: batch.len(),
            });
        }
        let byte = [IoSlice::new(b"F")];
        rustix::io::retry_on_intr(|| sendmsg(stream, &byte, &mut control, SendFlags::NOSIGNAL))
            .map_err(io::Error::from)?;
    }
    Ok(())
}

/// Receives exactly `wanted` descriptors.
pub(crate) fn receive_files(stream: &UnixStream, wanted: usize) -> Result<Vec<File>, FrameError> {
    let mut files = Vec::new();
    while files.len() < wanted {
        let batch = receive_batch(stream)?;
        let announced = BATCH.min(wanted - files.len());
        if batch.len() != announced {
            return Err(FrameError::Descriptors {
                found: files.len() + batch.len(),
                wanted,
            });
        }
        files.extend(batch.into_iter().map(File::from));
    }
    Ok(files)
}

fn receive_batch(stream: &UnixStream) -> Result<Vec<OwnedFd>, FrameError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let read = loop {
        let mut buffers = [IoSliceMut::new(&mut byte)];
        match recvmsg(stream, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message.bytes,
            Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    };
    if read == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek as _;

    #[test]
    fn carries_values_and_many_descriptors() {
        let (left, right) = UnixStream::pair().unwrap();
        let files: Vec<File> = (0..130_u8)
            .map(|number| crate::memory_file(&[number]).unwrap())
            .collect();
        send(&left, &"request", REQUEST_LIMIT).unwrap();
        send_files(&left, &files.iter().collect::<Vec<_>>()).unwrap();
        send(&left, &"next", REQUEST_LIMIT).unwrap();
        let read: Option<String> = receive(&right, REQUEST_LIMIT).unwrap();
        assert_eq!(read.as_deref(), Some("request"));
        let received = receive_files(&right, files.len()).unwrap();
        for (number, mut file) in (0..130_u8).zip(received) {
            let mut content = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, [number]);
        }
        let read: Option<String> = receive(&right, REQUEST_LIMIT).unwrap();
        assert_eq!(read.as_deref(), Some("next"));
        drop(left);
        assert!(receive::<String>(&right, REQUEST_LIMIT).unwrap().is_none());
    }

    #[test]
    fn refuses_what_is_too_large_or_malformed() {
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(&u32::MAX.to_be_bytes()).unwrap();
        assert!(matches!(
            receive::<String>(&right, 10),
            Err(FrameError::TooLarge { .. })
        ));
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(&[0, 0, 0, 1, b'!']).unwrap();
        assert!(matches!(
            receive::<String>(&right, 10),
            Err(FrameError::Json(_))
        ));
        let (left, right) = UnixStream::pair().unwrap();
        send_files(&left, &[&crate::memory_file(b"").unwrap()]).unwrap();
        assert!(matches!(
            receive_files(&right, 2),
            Err(FrameError::Descriptors { .. })
        ));
    }
}
