//! Advice for errors of the libraries, which do not know what flags there are.

use crate::uids;
use bessemer_attest::verify::{PASSING_TEST, VerifyError};
use bessemer_build::lock::ResolveError;
use bessemer_build::prepare::PrepareError;
use bessemer_build::worker::{
    GuestError, LintError, MachineError, OutputError, TestError, WorkError,
};
use bessemer_repository::OpenRepositoryError;
use std::io;

/// What a person may do about this error.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    let of_cause = error.chain().find_map(of_cause).map(str::to_owned);
    of_cause.or_else(|| of_permissions(error))
}

/// Root's own files are often out of reach of the uid that does the work.
fn of_permissions(error: &anyhow::Error) -> Option<String> {
    let refused = error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    });
    let divided = rustix::process::geteuid().as_raw() == uids::CONTROL;
    (refused && divided).then(|| {
        format!(
            "work started as root is done as uid {}, which must be let in; `chmod` the file and its folders, or copy them to a place that everybody may read",
            uids::CONTROL
        )
    })
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<GuestError>() {
        return of_guest(error);
    }
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
    if let Some(error) = cause.downcast_ref::<VerifyError>() {
        return of_verify(error);
    }
    if let Some(TestError::Work(error)) = cause.downcast_ref::<TestError>() {
        return of_work(error);
    }
    if let Some(error) = cause.downcast_ref::<WorkError>() {
        return of_work(error);
    }
    cause
        .downcast_ref::<ResolveError>()
        .and_then(of_resolve)
        .or_else(|| cause.downcast_ref::<MachineError>().and_then(of_machine))
}

fn of_work(error: &WorkError) -> Option<&'static str> {
    match error {
        WorkError::Resolve(error) => of_resolve(error),
        WorkError::Machine(error) => of_machine(error),
        WorkError::Guest(error) => of_guest(error),
        WorkError::Output(OutputError::Lint(LintError::Failed { hint, .. })) => Some(hint),
        _ => None,
    }
}

fn of_verify(error: &VerifyError) -> Option<&'static str> {
    match error {
        VerifyError::Missing(PASSING_TEST) => Some(
            "give the package a `test:` in its recipe, or admit it as it is with --allow-untested",
        ),
        VerifyError::FileName { .. } => Some("give the file its own name again"),
        VerifyError::Subject { .. } => {
            Some("these attestations are of another build of the file; build it again")
        }
        _ => None,
    }
}

/// A guest without a shell runs no step; what the agent says then is about a path.
fn of_guest(error: &GuestError) -> Option<&'static str> {
    let GuestError::Session { source, .. } = error else {
        return None;
    };
    source.to_string().contains("cannot run `/bin/").then_some(
        "the environment has no shell or no coreutils; add `busybox` to its `contents.packages` (a test has an environment of its own)",
    )
}

/// For whoever has no repository yet.
pub(crate) const NO_REPOSITORY: &str = "name a repository with --repository-append and its key with --keyring-append; `bessemer bootstrap debian --out DIR` makes one";

fn of_repository(error: &OpenRepositoryError) -> Option<&'static str> {
    match error {
        OpenRepositoryError::Untrusted { .. } => Some(
            "name the repository's public key with --keyring-append; the file's name must be the one in its signature",
        ),
        OpenRepositoryError::Read { source, .. } if source.is_refusal() => Some(
            "a repository's URL ends before the architecture: <URL>/x86_64/APKINDEX.tar.gz must be there; for one that asks who you are, set HTTP_AUTH=basic:HOST:USER:PASSWORD",
        ),
        OpenRepositoryError::Read { source, .. } if source.is_offline() => {
            Some("run once without --offline to fetch it")
        }
        OpenRepositoryError::Read { .. } => Some(
            "a repository is a folder that holds <architecture>/APKINDEX.tar.gz; `bessemer bootstrap debian --out DIR` makes one",
        ),
        _ => None,
    }
}

const fn of_resolve(error: &ResolveError) -> Option<&'static str> {
    match error {
        ResolveError::Unsolvable { .. } => {
            Some("add a repository that offers it with --repository-append, or change the recipe")
        }
        _ => None,
    }
}

const fn of_machine(error: &MachineError) -> Option<&'static str> {
    match error {
        MachineError::Accelerator { .. } => Some("leave --accelerator out to use what is there"),
        _ => None,
    }
}
