//! The authority of one guest's proxy, and the search for it in what the guest made.
//!
//! What is looked for is the point of its public key: every form of the certificate has it, and
//! nothing else does. It is found as bytes (DER, JKS, PKCS#12 without encryption), as base64 with
//! whatever line breaks and alignment (PEM, JSON, YAML), and as hexadecimal digits. What is compressed
//! or encrypted is not looked into.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_package::Tree;
use memchr::memmem::Finder;
use std::io::{self, Read};

/// Before the point in a certificate: a bit string of 66 bytes, none unused, not compressed.
const BEFORE: [u8; 4] = [0x03, 0x42, 0x00, 0x04];
/// Its length: two coordinates of P-256.
const POINT: usize = 64;
/// Bytes looked at at a time.
const PIECE: usize = 1 << 20;

/// A certificate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authority {
    der: Vec<u8>,
    /// As they are searched for in the bytes of a file.
    plain: Vec<Vec<u8>>,
    /// As they are searched for in a file without its spaces and line breaks.
    written: Vec<Vec<u8>>,
}

/// A file that has the certificate in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{path}` has the certificate of this guest's network in it, which no other machine should trust"
)]
pub struct Found {
    /// Which file of what the guest made.
    pub path: String,
}

impl Authority {
    /// Of a certificate, PEM; `None` when it is not of the kind that proxies make.
    pub(crate) fn of(pem: &str) -> Option<Self> {
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body).ok()?;
        let at = memchr::memmem::find(&der, &BEFORE)? + BEFORE.len();
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
            plain: vec![point],
            written,
        })
    }

    /// The certificate itself.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The first file of a tree that has it.
    pub(crate) fn find(&self, tree: &Tree) -> io::Result<Option<Found>> {
        for (path, node) in tree.iter() {
            if node.size() > 0 && self.is_in(tree.open(node)?)? {
                return Ok(Some(Found {
                    path: path.as_str().to_owned(),
                }));
            }
        }
        Ok(None)
    }

    fn is_in(&self, mut reader: impl Read) -> io::Result<bool> {
        let finders = |needles: &[Vec<u8>]| -> Vec<Finder<'static>> {
            needles
                .iter()
                .map(|needle| Finder::new(needle).into_owned())
                .collect()
        };
        let (plain, written) = (finders(&self.plain), finders(&self.written));
        let overlap = self.plain.iter().chain(&self.written).map(Vec::len).max();
        let overlap = overlap.unwrap_or(0);
        let (mut raw, mut squeezed) = (Vec::new(), Vec::new());
        let mut piece = vec![0; PIECE];
        // A line break may be written as `\n`.
        let mut escaped = false;
        loop {
            let length = match reader.read(&mut piece) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if length == 0 {
                return Ok(false);
            }
            raw.extend_from_slice(&piece[..length]);
            for byte in &piece[..length] {
                let skipped = byte.is_ascii_whitespace()
                    || matches!(byte, b'\\' | b'"' | b'\'' | b':')
                    || (escaped && matches!(byte, b'n' | b'r' | b't'));
                escaped = *byte == b'\\';
                if !skipped {
                    squeezed.push(*byte);
                }
            }
            let in_raw = plain.iter().any(|finder| finder.find(&raw).is_some());
            if in_raw
                || written
                    .iter()
                    .any(|finder| finder.find(&squeezed).is_some())
            {
                return Ok(true);
            }
            for buffer in [&mut raw, &mut squeezed] {
                let from = buffer.len().saturating_sub(overlap);
                buffer.drain(..from);
            }
        }
    }
}

#[cfg(test)]
mod tests;
