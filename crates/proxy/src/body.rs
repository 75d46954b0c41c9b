//! Bodies, as they are delimited on the wire.

use crate::head::{Framing, HttpError};
use crate::wire::{Connection, ReadError};
use std::io::Read;

/// Longest line between pieces, extensions included.
const MAX_CHUNK_LINE: usize = 1024;
/// Most lines after the last piece.
const MAX_TRAILERS: usize = 32;

/// What is left of a body.
#[derive(Debug)]
pub(crate) enum Left {
    Bytes(u64),
    /// Of the current piece; `first` before any.
    Chunk {
        left: u64,
        first: bool,
    },
    UntilClose,
    Nothing,
}

impl From<Framing> for Left {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::Nothing,
            Framing::Length(length) => Self::Bytes(length),
            Framing::Chunked => Self::Chunk {
                left: 0,
                first: true,
            },
            Framing::UntilClose => Self::UntilClose,
        }
    }
}

impl Left {
    /// Reads some of the body; 0 at its end. An end of the connection anywhere else is an error.
    pub(crate) fn read<S: Read>(
        &mut self,
        connection: &mut Connection<S>,
        out: &mut [u8],
    ) -> Result<usize, ReadError> {
        match self {
            Self::Nothing | Self::Bytes(0) => Ok(0),
            Self::UntilClose => Ok(connection.read(out)?),
            Self::Bytes(left) => some(connection, left, out),
            Self::Chunk { left, first } => {
                if *left == 0 {
                    *left = next_chunk(connection, *first)?;
                    *first = false;
                    if *left == 0 {
                        trailers(connection)?;
                        *self = Self::Nothing;
                        return Ok(0);
                    }
                }
                some(connection, left, out)
            }
        }
    }
}

fn some<S: Read>(
    connection: &mut Connection<S>,
    left: &mut u64,
    out: &mut [u8],
) -> Result<usize, ReadError> {
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(out.len());
    let length = connection.read(&mut out[..most])?;
    if length == 0 && most > 0 {
        return Err(HttpError::Cut.into());
    }
    *left -= length as u64;
    Ok(length)
}

/// The length of the next piece: hexadecimal digits, perhaps extensions that mean nothing here.
fn next_chunk<S: Read>(connection: &mut Connection<S>, first: bool) -> Result<u64, ReadError> {
    if !first && !connection.line(0)?.is_empty() {
        return Err(HttpError::Chunk.into());
    }
    let line = connection.line(MAX_CHUNK_LINE)?;
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits)
        .unwrap_or_default()
        .trim_end_matches([' ', '\t']);
    let plain = (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let length = u64::from_str_radix(digits, 16).ok().filter(|_| plain);
    Ok(length.ok_or(HttpError::Chunk)?)
}

/// Headers after the body are dropped: nothing is passed on that is not recorded.
fn trailers<S: Read>(connection: &mut Connection<S>) -> Result<(), ReadError> {
    for _ in 0..MAX_TRAILERS {
        if connection.line(MAX_CHUNK_LINE)?.is_empty() {
            return Ok(());
        }
    }
    Err(HttpError::Chunk.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(framing: Framing, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
        let mut connection = Connection::new(bytes);
        let mut left = Left::from(framing);
        let (mut all, mut buffer) = (Vec::new(), [0; 3]);
        loop {
            match left.read(&mut connection, &mut buffer)? {
                0 => return Ok(all),
                length => all.extend_from_slice(&buffer[..length]),
            }
        }
    }

    #[test]
    fn bodies_are_read_by_their_framing() {
        assert_eq!(read(Framing::None, b"abc").unwrap(), b"");
        assert_eq!(read(Framing::Length(2), b"abc").unwrap(), b"ab");
        assert_eq!(read(Framing::UntilClose, b"abcd").unwrap(), b"abcd");
        let chunked = b"4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\nTrailer: x\r\n\r\nrest";
        assert_eq!(read(Framing::Chunked, chunked).unwrap(), b"abcde");
    }

    #[test]
    fn what_is_cut_or_crooked_is_an_error() {
        assert!(read(Framing::Length(4), b"abc").is_err());
        for bytes in [
            "4\r\nabc",
            "4\nabcd\r\n0\r\n\r\n",
            "4\r\nabcdX\r\n0\r\n\r\n",
            "4\r\nabcd\r\n0\r\n",
            "+4\r\nabcd\r\n0\r\n\r\n",
            " 4\r\nabcd\r\n0\r\n\r\n",
            "0x4\r\nabcd\r\n0\r\n\r\n",
            "\r\n",
            "fffffffffffffffff\r\n",
            "4\r\r\nabcd\r\n0\r\n\r\n",
        ] {
            assert!(
                read(Framing::Chunked, bytes.as_bytes()).is_err(),
                "{bytes:?}"
            );
        }
    }
}
