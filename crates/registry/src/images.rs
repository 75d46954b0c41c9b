//! Reading an image: its layers, from the bottom.

use crate::content::Content;
use crate::{Descriptor, ManifestError, Registry, RequestError};
use bessemer_digest::Digest;
use std::io::{self, Read, Seek, SeekFrom};

/// Content that was fetched whole and has its digest.
#[derive(Debug)]
pub struct Blob {
    content: Content,
    position: u64,
}

impl Registry {
    /// The layers of an image, the lowest first; none if the digest is that of an index.
    pub fn layers(&self, image: &Digest) -> Result<Vec<Descriptor>, ManifestError> {
        let stored = self.manifest(image)?;
        let stored = stored.ok_or_else(|| self.missing(image))?;
        Ok(stored.document.layers.unwrap_or_default())
    }

    /// Fetches a layer. What has another digest or size is an error.
    pub fn layer(&self, layer: &Descriptor) -> Result<Blob, RequestError> {
        let content = self.fetch_blob(layer)?;
        Ok(Blob {
            content,
            position: 0,
        })
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut part = self.content.part(self.position, u64::MAX);
        let count = part.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Blob {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.content.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
