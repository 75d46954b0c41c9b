//! Advice for errors of the libraries, which do not know what flags there are.

use bessemer_build::lock::ResolveError;
use bessemer_build::prepare::PrepareError;
use bessemer_build::repository::OpenRepositoryError;
use bessemer_build::worker::{MachineError, WorkError};

/// What a person may do about this error.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(of_cause).map(str::to_owned)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<OpenRepositoryError>() {
        return of_repository(error);
    }
    if let Some(error) = cause.downcast_ref::<PrepareError>() {
        return match error {
            PrepareError::Resolve(error) => of_resolve(error),
            PrepareError::NoKernel => Some(NO_REPOSITORY),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<WorkError>() {
        return match error {
            WorkError::Resolve(error) => of_resolve(error),
            WorkError::Machine(error) => of_machine(error),
            _ => None,
        };
    }
    cause
        .downcast_ref::<ResolveError>()
        .and_then(of_resolve)
        .or_else(|| cause.downcast_ref::<MachineError>().and_then(of_machine))
}

/// For whoever has no repository yet.
pub(crate) const NO_REPOSITORY: &str = "name a repository with --repository-append and its key with --keyring-append; `bessemer bootstrap debian --out DIR` makes one";

fn of_repository(error: &OpenRepositoryError) -> Option<&'static str> {
    match error {
        OpenRepositoryError::Untrusted { .. } => Some(
            "name the repository's public key with --keyring-append; the file's name must be the one in its signature",
        ),
        OpenRepositoryError::Read { .. } => Some(
            "a repository is a folder that holds <architecture>/APKINDEX.tar.gz; `bessemer bootstrap debian --out DIR` makes one",
        ),
        _ => None,
    }
}

fn of_resolve(error: &ResolveError) -> Option<&'static str> {
    match error {
        ResolveError::Unsolvable { .. } => {
            Some("add a repository that offers it with --repository-append, or change the recipe")
        }
        _ => None,
    }
}

fn of_machine(error: &MachineError) -> Option<&'static str> {
    match error {
        MachineError::Accelerator { .. } => Some("leave --accelerator out to use what is there"),
        _ => None,
    }
}
