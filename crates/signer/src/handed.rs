//! Reading files that were handed over as descriptors. Positions are the reader's own, because the
//! other side shares the descriptor's; everything is read once, so what was hashed is what is used.

use bessemer_digest::{Digest, HashingReader};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// Why a handed-over file is not read.
#[derive(Debug, thiserror::Error)]
pub enum HandedError {
    /// Cannot be read.
    #[error("cannot read {0}")]
    Io(String, #[source] io::Error),
    /// A pipe, a socket, a directory, a device.
    #[error("{0} is not a regular file")]
    Kind(String),
    /// Too large.
    #[error("{name} has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// Which file.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// A regular file of limited size, read from its start.
pub(crate) struct Handed<'a> {
    name: &'a str,
    file: &'a File,
    position: u64,
    size: u64,
}

/// Digest and size of a whole file and of two parts of it.
pub(crate) struct Parts {
    pub(crate) whole: Digest,
    pub(crate) size: u64,
    pub(crate) control: Digest,
    pub(crate) data: Digest,
}

impl<'a> Handed<'a> {
    pub(crate) fn new(name: &'a str, file: &'a File, limit: u64) -> Result<Self, HandedError> {
        let metadata = file
            .metadata()
            .map_err(|error| HandedError::Io(name.to_owned(), error))?;
        if !metadata.is_file() {
            return Err(HandedError::Kind(name.to_owned()));
        }
        let size = metadata.len();
        if size > limit {
            return Err(HandedError::TooLarge {
                name: name.to_owned(),
                size,
                limit,
            });
        }
        Ok(Self {
            name,
            file,
            position: 0,
            size,
        })
    }

    /// The whole content.
    pub(crate) fn bytes(mut self) -> Result<Vec<u8>, HandedError> {
        let mut bytes = Vec::new();
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(HandedError::Io(self.name.to_owned(), error)),
        }
    }

    /// Digest of the whole content.
    pub(crate) fn digest(self) -> Result<Digest, HandedError> {
        let name = self.name;
        let measured = Digest::of_reader(self);
        measured
            .map(|(digest, _)| digest)
            .map_err(|error| HandedError::Io(name.to_owned(), error))
    }

    /// Digests of an apk: whole, control member (`control` bytes after `signature` bytes), rest.
    pub(crate) fn parts(self, signature: u64, control: u64) -> Result<Parts, HandedError> {
        let (name, size) = (self.name, self.size);
        let measure = || -> io::Result<Parts> {
            let mut whole = HashingReader::new(self);
            io::copy(&mut whole.by_ref().take(signature), &mut io::sink())?;
            let (control, _) = Digest::of_reader(whole.by_ref().take(control))?;
            let (data, _) = Digest::of_reader(whole.by_ref())?;
            Ok(Parts {
                whole: whole.digest(),
                size,
                control,
                data,
            })
        };
        measure().map_err(|error| HandedError::Io(name.to_owned(), error))
    }
}

impl Read for Handed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A file that grows while it is read stays within the size that was checked.
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..length], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}
