//! Evidence that refers to an image in its registry.

use crate::commands::image::registries::RegistryArguments;
use crate::print;
use anyhow::{Context as _, Result, anyhow};
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::{BundleLimits, Pool, read_bundle_lines};
use bessemer_attest::verify::shown;
use bessemer_digest::Digest;
use bessemer_registry::{Access, Evidence, Reference};
use flate2::read::MultiGzDecoder;
use std::io::{BufReader, Read as _};

/// Most bytes of all bundles of one image that are unpacked (1 GiB): it takes time.
const UNPACKED: u64 = 1 << 30;
/// Most bundles that cannot be read and are named.
const NAMED: usize = 10;

/// Adds what refers to an image, named by digest, and is signed by a key of one of the trust roots: strangers'
/// statements take no room. Anybody who may push adds some, so what cannot be read is named, and counts as nothing;
/// so does a list that cannot be had. What is missing then is missing in the chain.
pub(super) fn open_attached(
    image: &Reference,
    registries: &RegistryArguments,
    roots: &[TrustRoot],
    pool: &mut Pool,
) {
    let found = match look(image, registries) {
        Ok(found) => found,
        Err(error) => {
            let text = format!("whether evidence refers to {image} cannot be told: {error:#}");
            print::warning(&print::plain_line(&text));
            return;
        }
    };
    let mut unread: Vec<(Digest, String)> = Vec::new();
    for one in found.unread {
        let why = one.cause.map(|error| error.cause.to_string());
        unread.push((
            one.digest,
            why.unwrap_or_else(|| "it is too large, or one of too many".to_owned()),
        ));
    }
    let roots: Vec<&TrustRoot> = roots.iter().collect();
    let mut left = UNPACKED;
    for (name, blob) in found.bundles {
        let limits = BundleLimits {
            whole: BundleLimits::ATTACHED.whole.min(left),
            ..BundleLimits::ATTACHED
        };
        let packed = MultiGzDecoder::new(BufReader::new(blob));
        let mut unpacked = BufReader::new(packed.take(limits.whole));
        // What was read before something is wrong is as good as the rest.
        let read = read_bundle_lines(&mut unpacked, limits, |sidecar| {
            match sidecar.signed_by(&roots) {
                Ok(ours) if !ours.envelopes().is_empty() => pool.add(ours),
                _ => {}
            }
        });
        left -= limits.whole - unpacked.into_inner().limit();
        if let Err(error) = read {
            unread.push((name, print::sentence(&anyhow!(error))));
        }
    }
    for (name, why) in unread.iter().take(NAMED) {
        let text = format!(
            "the evidence {name} that refers to {image} cannot be read: {}",
            shown(why)
        );
        print::warning(&print::plain_line(&text));
    }
    if let Some(more) = unread.len().checked_sub(NAMED).filter(|more| *more > 0) {
        print::warning(&format!("{more} more that refer to {image} cannot be read"));
    }
}

fn look(image: &Reference, registries: &RegistryArguments) -> Result<Evidence> {
    let registry = registries.open()?.connect(image, Access::Pull, &[])?;
    let digest = image.digest().context("it is not named by digest")?;
    Ok(registry.evidence(digest)?)
}
