//! What is looked for, and the search for it in bytes as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::{Finder, find};

/// Before the point in a certificate: a bit string of 66 bytes, none unused, not compressed.
const BEFORE: [u8; 4] = [0x03, 0x42, 0x00, 0x04];
/// Its length: two coordinates of P-256.
const POINT: usize = 64;

/// A certificate with a key on the curve P-256, and every way in which its point may be written.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    /// Searched for in the bytes of a file.
    plain: Finder<'static>,
    /// Searched for in a file without its spaces and line breaks.
    written: Vec<Finder<'static>>,
    /// Of the longest of them.
    longest: usize,
}

impl Certificate {
    /// Of PEM; `None` when it has no point of P-256.
    #[must_use]
    pub fn of(pem: &str) -> Option<Self> {
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body).ok()?;
        let at = find(&der, &BEFORE)? + BEFORE.len();
        let point = der.get(at..at + POINT)?.to_vec();
        let hexadecimal = hex::encode(&point);
        let mut written = vec![
            hexadecimal.to_uppercase().into_bytes(),
            hexadecimal.into_bytes(),
        ];
        for skipped in 0..3 {
            // The digits that depend on nothing outside the point, wherever in three bytes it starts.
            let mut shifted = vec![0; skipped];
            shifted.extend(&point);
            shifted.truncate(shifted.len() / 3 * 3);
            let digits = STANDARD.encode(shifted).into_bytes();
            written.push(digits[skipped.div_ceil(3) * 4..].to_vec());
        }
        Some(Self {
            der,
            plain: Finder::new(&point).into_owned(),
            longest: written.iter().map(Vec::len).fold(POINT, usize::max),
            written: written
                .iter()
                .map(|needle| Finder::new(needle).into_owned())
                .collect(),
        })
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

/// Looks at one stream of bytes, piece by piece.
#[derive(Debug)]
pub(crate) struct Plain<'a> {
    certificate: &'a Certificate,
    raw: Vec<u8>,
    squeezed: Vec<u8>,
    /// A line break may be written as `\n`.
    escaped: bool,
}

impl<'a> Plain<'a> {
    pub(crate) const fn new(certificate: &'a Certificate) -> Self {
        Self {
            certificate,
            raw: Vec::new(),
            squeezed: Vec::new(),
            escaped: false,
        }
    }

    /// Whether the certificate ends in this piece.
    pub(crate) fn ends_in(&mut self, piece: &[u8]) -> bool {
        self.raw.extend_from_slice(piece);
        for byte in piece {
            let skipped = byte.is_ascii_whitespace()
                || matches!(byte, b'\\' | b'"' | b'\'' | b':')
                || (self.escaped && matches!(byte, b'n' | b'r' | b't'));
            self.escaped = *byte == b'\\';
            if !skipped {
                self.squeezed.push(*byte);
            }
        }
        let mut written = self.certificate.written.iter();
        let found = self.certificate.plain.find(&self.raw).is_some()
            || written.any(|finder| finder.find(&self.squeezed).is_some());
        for buffer in [&mut self.raw, &mut self.squeezed] {
            let from = buffer.len().saturating_sub(self.certificate.longest);
            buffer.drain(..from);
        }
        found
    }
}
