//! Fetching sources on the control side, by checksum.

use crate::git::{self, GitError, Ground};
use crate::sources_disk::{DiskFile, files};
use bessemer_attest::documents::{LockedCommit, LockedSource};
use bessemer_digest::Digest;
use bessemer_recipe::{GitRequest, Plan, SourceRequest, test_of};
use bessemer_store::{
    Client, Expected, FetchError, ParseSha512Error, Request, Sha512, Store, Uri, shown,
    without_user,
};
use std::path::Path;

/// What the ids of files beside the recipe begin with; also their folder on the sources disk.
const WORKSPACE: &str = "workspace/";

/// Why a source could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No place had it, or every place had something else.
    #[error("cannot fetch source {uri}")]
    Fetch {
        /// As the recipe names it.
        uri: String,
        /// What each place answered.
        source: FetchError,
    },
    /// The recipe's checksum is not one.
    #[error("source {uri} has a malformed checksum")]
    Checksum {
        /// As the recipe names it.
        uri: String,
        /// What is wrong.
        source: ParseSha512Error,
    },
    /// The recipe's URI is not one.
    #[error("`{uri}` is no place to fetch a source from")]
    Uri {
        /// As written.
        uri: String,
        /// What is wrong.
        source: bessemer_store::ParseUriError,
    },
    /// A source without a checksum cannot be recorded before it is fetched.
    #[error("source {0} has no checksum; add `expected-sha256`")]
    NoChecksum(String),
    /// A repository could not be had, or is not what the recipe says.
    #[error("cannot check out source {uri}")]
    Git {
        /// As the recipe names it.
        uri: String,
        /// What is wrong.
        source: Box<GitError>,
    },
    /// The files beside the recipe cannot be read.
    #[error("cannot read the files beside the recipe")]
    Workspace(#[from] crate::sources_disk::SourcesDiskError),
    /// A file beside the recipe cannot be read.
    #[error("cannot read a file beside the recipe")]
    Io(#[from] std::io::Error),
}

/// Fetches what the plan asks for into the store.
pub fn fetch(
    plan: &Plan,
    mirrors: &[String],
    client: &Client,
    ground: Ground<'_>,
) -> Result<Vec<LockedSource>, SourceError> {
    let requests = plan.sources.iter();
    requests
        .map(|request| fetch_request(request, mirrors, client, ground))
        .collect()
}

/// Fetches one source into the store.
pub fn fetch_request(
    request: &SourceRequest,
    mirrors: &[String],
    client: &Client,
    ground: Ground<'_>,
) -> Result<LockedSource, SourceError> {
    match &request.git {
        Some(git) => check_out(request, git, ground),
        None => fetch_one(request, mirrors, client, ground.store),
    }
}

fn check_out(
    request: &SourceRequest,
    git: &GitRequest,
    ground: Ground<'_>,
) -> Result<LockedSource, SourceError> {
    let found = git::checkout(&request.uri, git, ground).map_err(|source| SourceError::Git {
        uri: shown(&request.uri),
        source: Box::new(source),
    })?;
    Ok(LockedSource {
        id: request.id.clone(),
        uri: without_user(&request.uri),
        sha256: found.object.digest,
        size: found.object.size,
        git: Some(LockedCommit {
            commit: found.commit,
            tree: found.tree,
        }),
    })
}

fn fetch_one(
    request: &SourceRequest,
    mirrors: &[String],
    client: &Client,
    store: &Store,
) -> Result<LockedSource, SourceError> {
    let uri = || shown(&request.uri);
    let sha512 = request.sha512.as_deref().map(Sha512::from_hex).transpose();
    let sha512 = sha512.map_err(|source| SourceError::Checksum { uri: uri(), source })?;
    if request.sha256.is_none() && sha512.is_none() {
        return Err(SourceError::NoChecksum(uri()));
    }
    let parse = |text: &str| {
        text.parse::<Uri>().map_err(|source| SourceError::Uri {
            uri: shown(text),
            source,
        })
    };
    let name = request.uri.rsplit('/').next().unwrap_or_default();
    let mut uris = Vec::new();
    for mirror in mirrors {
        uris.push(parse(&format!("{}/{name}", mirror.trim_end_matches('/')))?);
    }
    uris.push(parse(&request.uri)?);
    let mirrors = mirrors
        .iter()
        .map(|mirror| parse(mirror))
        .collect::<Result<_, _>>()?;
    let expected = Expected {
        sha256: request.sha256,
        sha512,
    };
    let fetched = client
        .fetch(
            &Request {
                uris,
                mirrors,
                expected,
                ..Request::default()
            },
            store,
        )
        .map_err(|source| SourceError::Fetch { uri: uri(), source })?;
    Ok(LockedSource {
        id: request.id.clone(),
        uri: without_user(&request.uri),
        sha256: fetched.object.digest,
        size: fetched.object.size,
        git: None,
    })
}

/// The guest whose steps ask for sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking<'a> {
    /// The build.
    Build,
    /// The test of this package.
    Test(&'a str),
}

/// What the sources disk of one guest holds: the sources that its own steps ask for, under the
/// names by which they look for them, and the files beside the recipe. `directory` is where the
/// latter are; without it the lock names none.
pub fn disk_files(
    asking: Asking<'_>,
    plan: &Plan,
    sources: &[LockedSource],
    store: &Store,
    directory: Option<&Path>,
) -> Vec<DiskFile> {
    let requests = plan
        .sources
        .iter()
        .filter(|request| enters(asking, &request.id));
    let mut found: Vec<DiskFile> = Vec::new();
    for request in requests {
        let locked = sources.iter().find(|source| source.id == request.id);
        found.extend(locked.map(|locked| DiskFile {
            name: format!("cache/{}", request.cache_name),
            path: store.object_path(&locked.sha256),
            sha256: locked.sha256,
            keep_executable: false,
        }));
    }
    for source in sources {
        let beside = source.id.strip_prefix(WORKSPACE);
        if let (Some(relative), Some(directory)) = (beside, directory) {
            found.push(DiskFile {
                name: source.id.clone(),
                path: directory.join(relative),
                sha256: source.sha256,
                keep_executable: true,
            });
        }
    }
    found
}

/// Whether a source of this id (of a request, or of a file beside the recipe) enters that guest.
pub fn enters(asking: Asking<'_>, id: &str) -> bool {
    let test = match asking {
        Asking::Build => None,
        Asking::Test(package) => Some(package),
    };
    id.starts_with(WORKSPACE) || test_of(id) == test
}

/// The files beside the recipe as the lock names them: they enter the guest's workspace.
pub fn workspace(directory: &Path) -> Result<Vec<LockedSource>, SourceError> {
    let mut locked = Vec::new();
    for relative in files(directory)? {
        let (sha256, size) = Digest::of_reader(fs_err::File::open(directory.join(&relative))?)?;
        locked.push(LockedSource {
            id: format!("{WORKSPACE}{relative}"),
            uri: format!("file:{relative}"),
            sha256,
            size,
            git: None,
        });
    }
    Ok(locked)
}
