//! Licence files of a recipe's sources, which the control side fetches and never unpacks.

use crate::git::Ground;
use crate::reporter::{Event, Reporter};
use crate::source::{SourceError, fetch_request};
use bessemer_license::{ArchiveError, Collector, Placement};
use bessemer_recipe::Unpacking;
use bessemer_store::{Client, StoreError, shown};

/// How sources are had.
#[derive(Debug, Clone, Copy)]
pub struct Fetching<'a> {
    /// Places tried before a source's own.
    pub mirrors: &'a [String],
    /// Fetches them.
    pub client: &'a Client,
    /// Where they go.
    pub ground: Ground<'a>,
}

/// Why the licences of a source are not known.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// It could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store lost it.
    #[error("cannot read a source from the store")]
    Store(#[from] StoreError),
    /// It was had, and is damaged, or larger than is looked at.
    #[error("cannot look into {uri}")]
    Archive {
        /// As the recipe names it.
        uri: String,
        /// What is wrong.
        source: ArchiveError,
    },
}

/// Fetches every source and hands its files to the collector, under the paths they have in the
/// workspace. Later sources go over earlier ones, as unpacking would.
pub fn gather(
    unpackings: &[Unpacking],
    fetching: Fetching<'_>,
    collector: &mut Collector,
    reporter: &mut dyn Reporter,
) -> Result<(), GatherError> {
    for unpacking in unpackings {
        let request = &unpacking.request;
        reporter.report(Event::Stage {
            name: "source",
            detail: &shown(&request.uri),
        });
        let Fetching {
            mirrors,
            client,
            ground,
        } = fetching;
        let locked = fetch_request(request, mirrors, client, ground)?;
        let missing = || StoreError::Content(std::io::ErrorKind::NotFound.into());
        let file = ground.store.read(&locked.sha256)?.ok_or_else(missing)?;
        if !look(unpacking, file, collector)? {
            reporter.report(Event::Warning(&format!(
                "{} is no archive that can be looked into, left out",
                shown(&request.uri)
            )));
        }
    }
    Ok(())
}

/// Whether it could be looked into.
fn look(
    unpacking: &Unpacking,
    mut file: std::fs::File,
    collector: &mut Collector,
) -> Result<bool, GatherError> {
    let looked = if unpacking.extract {
        let placement = Placement {
            folder: unpacking.folder.clone(),
            strip: unpacking.strip,
        };
        collector.archive(file, &placement)
    } else {
        let path = file_path(unpacking);
        collector.file(path, &mut file).map(|()| true)
    };
    looked.map_err(|source| GatherError::Archive {
        uri: shown(&unpacking.request.uri),
        source,
    })
}

/// The path of a source that is not unpacked: the last component of its address.
fn file_path(unpacking: &Unpacking) -> String {
    let uri = unpacking.request.uri.split(['?', '#']).next();
    let name = uri.and_then(|uri| uri.rsplit('/').next());
    let name = name.unwrap_or_default();
    match unpacking.folder.as_str() {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}
