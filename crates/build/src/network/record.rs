//! What the proxy told, as a document, and its bodies in the store.

use super::{NetworkError, Refused};
use bessemer_attest::documents::{
    GuestNetwork, Network as Mode, NetworkBody, NetworkExchange, NetworkRecord, NetworkRefusal,
    NetworkSchema, canonical_bytes,
};
use bessemer_digest::Digest;
use bessemer_proxy::protocol::{Body, Exchange};
use bessemer_store::Store;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// The network of one guest that has gone.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// What goes into the build's record.
    pub(crate) guest: GuestNetwork,
    /// The network record, canonical.
    pub(crate) bytes: Vec<u8>,
    /// The first request that was refused.
    pub(crate) refused: Option<Refused>,
}

impl Recorded {
    /// The same, as that of the test of a package.
    pub(crate) fn of_test(mut self, package: &str) -> Self {
        self.guest.test = Some(package.to_owned());
        self
    }
}

/// A document and its digest.
pub(super) struct Kept {
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
}

/// Puts every body into the store, and the document too. Nothing that the proxy says of a body is
/// believed: what is stored is digested again.
pub(super) fn keep(
    mode: Mode,
    exchanges: Vec<Exchange>,
    refusals: &[Refused],
    bodies: &File,
    store: &Store,
) -> Result<Kept, NetworkError> {
    let mut listed = Vec::new();
    for exchange in exchanges {
        let body = exchange.answer.body;
        let pieces = Pieces {
            file: bodies,
            left: &exchange.pieces,
            done: 0,
        };
        let wrong = || NetworkError::Body {
            url: exchange.asked.url.clone(),
        };
        if !store.contains(&body.sha256) || body.size == 0 {
            let object = store.insert(pieces, body.size)?;
            if object.digest != body.sha256 || object.size != body.size {
                return Err(wrong());
            }
        } else if Digest::of_reader(pieces)? != (body.sha256, body.size) {
            return Err(wrong());
        }
        listed.push(listing(exchange));
    }
    let record = NetworkRecord {
        schema: NetworkSchema::V1,
        mode,
        exchanges: listed,
        refusals: refusals
            .iter()
            .map(|refused| NetworkRefusal {
                url: refused.url.clone(),
                reason: refused.reason.clone(),
            })
            .collect(),
    };
    let bytes = canonical_bytes(&record).map_err(io::Error::other)?;
    let object = store.insert(bytes.as_slice(), bytes.len() as u64)?;
    Ok(Kept {
        digest: object.digest,
        bytes,
    })
}

fn listing(exchange: Exchange) -> NetworkExchange {
    let body = |body: Body| NetworkBody {
        sha256: body.sha256,
        size: body.size,
    };
    let (asked, answer) = (exchange.asked, exchange.answer);
    NetworkExchange {
        method: asked.method,
        url: asked.url,
        range: asked.range,
        sent: asked.body.map(body),
        status: answer.status,
        headers: answer.headers,
        body: body(answer.body),
        complete: answer.complete,
        failure: answer.failure,
        wanted: exchange.wanted,
    }
}

/// Parts of a file as one stream.
struct Pieces<'a> {
    file: &'a File,
    left: &'a [(u64, u64)],
    /// Bytes of the first part that were read.
    done: u64,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(((start, length), rest)) = self.left.split_first() {
            let rest_of_it = length.saturating_sub(self.done);
            if rest_of_it == 0 {
                (self.left, self.done) = (rest, 0);
                continue;
            }
            let most = usize::try_from(rest_of_it)
                .unwrap_or(usize::MAX)
                .min(out.len());
            let read = self
                .file
                .read_at(&mut out[..most], start.saturating_add(self.done))?;
            self.done += read as u64;
            return Ok(read);
        }
        Ok(0)
    }
}
