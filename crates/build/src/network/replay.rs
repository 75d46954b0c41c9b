//! What a replay is given: the record, and its bodies in one file.

use super::NetworkError;
use bessemer_attest::documents::{NetworkBody, NetworkRecord};
use bessemer_digest::Digest;
use bessemer_proxy::protocol::{Answer, Asked, Body, Recorded};
use bessemer_store::Store;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;

/// Copies the bodies from the store, where each is hashed again, into `file`.
pub(super) fn gather(
    record: &NetworkRecord,
    store: &Store,
    mut file: File,
) -> Result<(Vec<Recorded>, File), NetworkError> {
    let mut places = BTreeMap::<Digest, u64>::new();
    let mut next = 0;
    let mut recorded = Vec::new();
    for exchange in &record.exchanges {
        let body = exchange.body;
        let known = places.get(&body.sha256).copied();
        let offset = known.unwrap_or(next);
        if known.is_none() {
            let object = store.read(&body.sha256)?;
            let object = object.ok_or_else(|| NetworkError::Missing {
                url: exchange.url.clone(),
                sha256: body.sha256,
            })?;
            next += io::copy(&mut io::BufReader::new(object), &mut file)?;
            places.insert(body.sha256, offset);
        }
        let plain = |body: NetworkBody| Body {
            sha256: body.sha256,
            size: body.size,
        };
        recorded.push(Recorded {
            asked: Asked {
                method: exchange.method.clone(),
                url: exchange.url.clone(),
                range: exchange.range.clone(),
                body: exchange.sent.map(plain),
            },
            answer: Answer {
                status: exchange.status,
                headers: exchange.headers.clone(),
                body: plain(body),
                complete: exchange.complete,
                failure: exchange.failure.clone(),
            },
            offset,
        });
    }
    Ok((recorded, file))
}
