//! What lies beside the packages of images.

use crate::commands::image::session::Session;
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_attest::Sidecar;
use bessemer_attest::documents::ImageRecord;
use bessemer_repository::{AttestationsError, attestations};
use bessemer_store::in_parallel;

/// The attestations of each package, in the record's order. What is there and is no attestation is as
/// good as nothing: the signer says that nothing verified.
pub(super) fn beside(record: &ImageRecord, session: &Session) -> Result<Vec<Option<Sidecar>>> {
    let packages = record.platforms.iter().flat_map(|image| &image.packages);
    let packages: Vec<_> = packages.collect();
    let all = in_parallel(&packages, |package| {
        match attestations(&package.uri, &package.sha256, session.access()) {
            Err(AttestationsError::Sidecar(error)) => {
                let error = anyhow::Error::new(error);
                Ok(Err(format!("{}: {error:#}", package.name)))
            }
            Err(error) => Err((package.uri.clone(), error)),
            Ok(found) => Ok(Ok(found)),
        }
    });
    let all = all.map_err(|(uri, error)| {
        let shown = print::plain_line(&uri);
        anyhow::Error::new(error).context(format!("cannot tell what is attested of {shown}"))
    });
    let mut beside = Vec::new();
    for one in all.context("nothing was signed")? {
        match one {
            Ok(found) => beside.push(found),
            Err(text) => {
                print::warning(&print::plain_line(&text));
                beside.push(None);
            }
        }
    }
    Ok(beside)
}
