//! Evidence that refers to an image in its registry.

use crate::commands::image::registries::RegistryArguments;
use crate::print;
use anyhow::{Result, anyhow};
use bessemer_attest::chain::{Pool, read_bundle};
use bessemer_digest::Digest;
use bessemer_registry::{Access, Reference};
use flate2::read::MultiGzDecoder;
use std::io::{BufReader, Read as _};

/// Most bytes of all evidence of one image, after decompression (512 MiB): it is held in memory.
const UNPACKED: u64 = 512 << 20;

/// Adds everything that refers to the manifest of this digest. Anybody who may push adds some: what cannot be
/// read is named, and counts as nothing.
pub(crate) fn open_attached(
    image: &Reference,
    digest: &Digest,
    registries: &RegistryArguments,
    pool: &mut Pool,
) -> Result<()> {
    let registry = registries.open()?.connect(image, Access::Pull, &[])?;
    let found = registry.evidence(digest)?;
    let unreadable = |name: &Digest, why: &str| {
        let text = format!("the evidence {name} that refers to {digest} cannot be read: {why}");
        print::warning(&print::plain_line(&text));
    };
    for one in found.unread {
        let why = one.cause.map(|error| error.cause.to_string());
        unreadable(&one.digest, why.as_deref().unwrap_or("it is too large"));
    }
    let mut left = UNPACKED;
    for (name, blob) in found.bundles {
        let mut unpacked = BufReader::new(MultiGzDecoder::new(BufReader::new(blob)).take(left));
        let read = read_bundle(&mut unpacked, pool);
        left = unpacked.into_inner().limit();
        if let Err(error) = read {
            let why = match left {
                0 => "it is too large".to_owned(),
                _ => print::sentence(&anyhow!(error)),
            };
            unreadable(&name, &why);
        }
    }
    Ok(())
}
