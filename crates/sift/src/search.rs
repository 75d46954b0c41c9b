//! The search through a file and what is packed into it.

use crate::certificate::{Certificate, Plain};
use crate::form::{Form, MARK};
use crate::limits::{Limits, SearchError};
use crate::unpack::{self, Budget};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes looked at at a time.
pub(crate) const PIECE: usize = 1 << 18;

/// What can be read from any place on.
pub(crate) trait Content: Read + Seek {}

impl<C: Read + Seek> Content for C {}

/// One search through any number of files, with one budget for all of them.
#[derive(Debug)]
pub struct Search<'a> {
    certificate: &'a Certificate,
    depth: u8,
    budget: Budget<'a>,
}

impl<'a> Search<'a> {
    /// For this certificate; what is unpacked and large is kept in nameless files in `folder`.
    #[must_use]
    pub const fn new(certificate: &'a Certificate, limits: Limits, folder: &'a Path) -> Self {
        Self {
            certificate,
            depth: limits.depth,
            budget: Budget::new(limits, folder),
        }
    }

    /// Whether a file has the certificate: within which forms, from the outermost on. Nothing in the
    /// list when it is there as it is.
    ///
    /// # Errors
    /// When the file cannot be read, or goes beyond the limits: then it may have the certificate.
    pub fn find(
        &mut self,
        content: &mut (impl Read + Seek),
    ) -> Result<Option<Vec<Form>>, SearchError> {
        let mut within = Vec::new();
        let found = self.look(content, &mut within)?;
        Ok(found.then_some(within))
    }

    fn look(
        &mut self,
        content: &mut dyn Content,
        within: &mut Vec<Form>,
    ) -> Result<bool, SearchError> {
        content.rewind()?;
        let mut plain = Plain::new(self.certificate);
        let mut piece = vec![0; PIECE];
        // The bytes in which a stream may start, where they stand, and up to where all is searched.
        let (mut window, mut at, mut covered) = (Vec::new(), 0_u64, 0_u64);
        loop {
            let length = read(content, &mut piece)?;
            if plain.ends_in(&piece[..length]) {
                return Ok(true);
            }
            window.extend_from_slice(&piece[..length]);
            // What could be the beginning of a mark waits for the rest of it.
            let end = match length {
                0 => window.len(),
                _ => window.len().saturating_sub(MARK - 1),
            };
            for (place, form) in Form::starts(&window, end) {
                let place = at + place as u64;
                if place < covered {
                    continue;
                }
                if self.open(content, (place, form), &mut covered, within)? {
                    return Ok(true);
                }
            }
            if length == 0 {
                return Ok(false);
            }
            window.drain(..end);
            at += end as u64;
            content.seek(SeekFrom::Start(at + window.len() as u64))?;
        }
    }

    /// Looks into the stream that may start at this place. When it is one, `covered` becomes its
    /// end; leaves `within` as it was unless something is found.
    fn open(
        &mut self,
        content: &mut dyn Content,
        (place, form): (u64, Form),
        covered: &mut u64,
        within: &mut Vec<Form>,
    ) -> Result<bool, SearchError> {
        content.seek(SeekFrom::Start(place))?;
        if within.len() >= usize::from(self.depth) {
            return if unpack::is_stream(content, form, &mut self.budget)? {
                Err(SearchError::Depth(self.depth))
            } else {
                Ok(false)
            };
        }
        let mut unpacked = unpack::unpack(content, form, &mut self.budget)?;
        if unpacked.is_whole {
            *covered = place + unpacked.consumed;
        }
        within.push(form);
        if unpacked.length > 0 && self.look(&mut unpacked.content, within)? {
            return Ok(true);
        }
        within.pop();
        Ok(false)
    }
}

fn read(content: &mut dyn Content, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match content.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
