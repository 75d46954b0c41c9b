//! Advice for errors of the libraries, which do not know what flags there are.

use crate::uids;
use bessemer_apk::VerifyError;
use bessemer_attest::verify::{self, PASSING_TEST};
use bessemer_build::lock::ResolveError;
use bessemer_build::network::{AuthorityError, RefusalKind};
use bessemer_build::prepare::PrepareError;
use bessemer_build::worker::{
    GuestError, LintError, MachineError, MissedNetwork, OutputError, TestError, WorkError,
};
use bessemer_registry::RequestCause;
use bessemer_repository::OpenRepositoryError;
use bessemer_store::{FailureCause, FetchError};
use std::io;

/// What a person may do about this error.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    // What is out of reach looks like a mistake in its place, and is none.
    of_permissions(error).or_else(|| error.chain().find_map(of_cause).map(str::to_owned))
}

/// Root's own files are often out of reach of the uid that does the work.
fn of_permissions(error: &anyhow::Error) -> Option<String> {
    let divided = rustix::process::geteuid().as_raw() == uids::CONTROL;
    (divided && error.chain().any(is_refused)).then(|| {
        format!(
            "work started as root is done as uid {}, which must be able to read what it is given and to write to the folder for results; `chmod` the file and its folders, or copy them to a place that everybody may read",
            uids::CONTROL
        )
    })
}

fn is_refused(cause: &(dyn std::error::Error + 'static)) -> bool {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    if let Some(FetchError::Failed(failures)) = cause.downcast_ref() {
        let files = failures.iter().filter_map(|failure| match &failure.cause {
            FailureCause::File(error) => Some(error),
            _ => None,
        });
        return files.into_iter().any(refused);
    }
    cause.downcast_ref().is_some_and(refused)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<GuestError>() {
        return of_guest(error);
    }
    if let Some(error) = cause.downcast_ref::<RequestCause>() {
        return of_registry(error);
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
    if let Some(error) = cause.downcast_ref::<verify::VerifyError>() {
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

/// Registries are logged in to with the tools that people have.
fn of_registry(error: &RequestCause) -> Option<&'static str> {
    match error {
        RequestCause::Unauthorized { known: false, .. } => Some(
            "log in with `docker login` or `skopeo login --authfile ~/.docker/config.json`, or name the folder of a config.json with --docker-config",
        ),
        RequestCause::InsecureLogin => {
            Some("a registry elsewhere that wants a login must speak TLS; leave out --plain-http")
        }
        _ => None,
    }
}

fn of_work(error: &WorkError) -> Option<&'static str> {
    match error {
        WorkError::Resolve(error) => of_resolve(error),
        WorkError::Machine(error) => of_machine(error),
        WorkError::Guest(error) => of_guest(error),
        WorkError::Output(OutputError::Lint(LintError::Failed { hint, .. })) => Some(hint),
        WorkError::Output(OutputError::Authority(AuthorityError::NotSearched { .. })) => {
            Some(NOT_SEARCHED)
        }
        _ => None,
    }
}

fn of_verify(error: &verify::VerifyError) -> Option<&'static str> {
    match error {
        verify::VerifyError::Missing(PASSING_TEST) => Some(
            "give the package a `test:` in its recipe, or admit it as it is with --allow-untested",
        ),
        verify::VerifyError::FileName { .. } => Some("give the file its own name again"),
        verify::VerifyError::Subject { .. } => Some(ANOTHER_FILE),
        _ => None,
    }
}

const NO_ACCELERATOR: &str = "leave --accelerator out to use what is there; where it was not given, the signer's builder id demands it, and `bessemer doctor` says which id this host can carry";

const ANOTHER_FILE: &str = "these attestations are of another build of the file, or of the one before `bessemer sign`, which makes another file; build it again, with --signing-key to have your key's signature attested";

const NOT_SEARCHED: &str = "leave the file out of the package, or pack it less; without `--network` there is no certificate to look for";

/// A guest without a shell runs no step; what the agent says then is about a path.
fn of_guest(error: &GuestError) -> Option<&'static str> {
    if let GuestError::Refused { refused, .. } = error {
        return of_refusal(refused.kind);
    }
    if let GuestError::Step(failed) = error {
        return failed.missed.map(of_missed_network);
    }
    let GuestError::Session { source, .. } = error else {
        return None;
    };
    source.to_string().contains("cannot run `/bin/").then_some(
        "the environment has no shell or no coreutils; add `busybox` to its `contents.packages` (a test has an environment of its own)",
    )
}

/// What a step had instead of a network is not always told by the agent.
const fn of_missed_network(missed: MissedNetwork) -> &'static str {
    match missed {
        MissedNetwork::Heard => {
            "the step asked for a server, and the guest has no network; `--network recorded` gives it one, and records what servers answer"
        }
        MissedNetwork::Printed => {
            "it looks as if the step wanted a network, which the guest has not; `--network recorded` gives it one, and records what servers answer"
        }
    }
}

/// Which flag lets the next build ask for it.
const fn of_refusal(kind: RefusalKind) -> Option<&'static str> {
    match kind {
        RefusalKind::NotAllowed => Some("name it with --network-allow"),
        RefusalKind::Denied => Some("--network-deny names it"),
        RefusalKind::NotRecorded => {
            Some("the earlier build did not ask for it; `--network recorded` asks servers again")
        }
        RefusalKind::PrivateAddress => Some(
            "guests reach public addresses only; --network-private HOST:PORT lets them ask this server",
        ),
        RefusalKind::Port => Some(
            "name it with its port with --network-allow HOST:PORT, or as --network-private HOST:PORT",
        ),
        RefusalKind::Limit => Some("--network-total is how much one guest may be given"),
        RefusalKind::Protocol => None,
    }
}

/// For whoever has no repository yet.
pub(crate) const NO_REPOSITORY: &str = "name a repository with --repository-append and its key with --keyring-append; `bessemer bootstrap debian --out DIR` makes one";

/// For whoever named something else.
pub(crate) const NO_INDEX: &str = "a repository is a folder that holds <architecture>/APKINDEX.tar.gz; `bessemer bootstrap debian --out DIR` makes one";

/// For an index that no key at all signed.
pub(crate) const UNSIGNED_INDEX: &str = "the index is not signed: `bessemer sign-index --signing-key KEY` signs it, and `bessemer build --generate-index` writes a signed one";

fn of_repository(error: &OpenRepositoryError) -> Option<&'static str> {
    match error {
        OpenRepositoryError::Untrusted {
            source: VerifyError::Unsigned,
            ..
        } => Some(UNSIGNED_INDEX),
        OpenRepositoryError::Untrusted { .. } => Some(
            "name the repository's public key with --keyring-append; the file's name must be the one in its signature",
        ),
        OpenRepositoryError::Read { source, .. } if source.is_refusal() => Some(
            "a repository's URL ends before the architecture: <URL>/x86_64/APKINDEX.tar.gz must be there; for one that asks who you are, set HTTP_AUTH=basic:HOST:USER:PASSWORD",
        ),
        OpenRepositoryError::Read { source, .. } if source.is_offline() => {
            Some("run once without --offline to fetch it")
        }
        OpenRepositoryError::Read { .. } => Some(NO_INDEX),
        _ => None,
    }
}

const fn of_resolve(error: &ResolveError) -> Option<&'static str> {
    match error {
        ResolveError::Unsolvable { source, .. } if source.gave_up => None,
        ResolveError::Unsolvable { .. } => {
            Some("add a repository that offers it with --repository-append, or change the recipe")
        }
        _ => None,
    }
}

const fn of_machine(error: &MachineError) -> Option<&'static str> {
    match error {
        MachineError::Accelerator { .. } => Some(NO_ACCELERATOR),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{hint, is_refused, verify};
    use bessemer_digest::Digest;
    use bessemer_repository::OpenRepositoryError;
    use bessemer_store::{Client, Request, Settings, Store};
    use std::io;

    #[test]
    fn what_is_unsigned_or_signed_again_is_not_blamed_on_keys() {
        let untrusted = |source| OpenRepositoryError::Untrusted {
            uri: "packages".to_owned(),
            source,
        };
        let unsigned = untrusted(bessemer_apk::VerifyError::Unsigned);
        assert!(hint(&unsigned.into()).unwrap().contains("sign-index"));
        let foreign = untrusted(bessemer_apk::VerifyError::UnknownKeys(Vec::new()));
        assert!(hint(&foreign.into()).unwrap().contains("--keyring-append"));
        let subject = verify::VerifyError::Subject {
            number: 1,
            file: "a-1-r0.apk".to_owned(),
            sha256: Digest::of("a"),
        };
        let subject = anyhow::Error::from(subject).context("a-1-r0.apk is not admitted");
        assert!(hint(&subject).unwrap().contains("`bessemer sign`"));
    }

    #[test]
    fn what_is_out_of_reach_is_told_from_what_is_not_there() {
        assert!(is_refused(&io::Error::from(
            io::ErrorKind::PermissionDenied
        )));
        assert!(!is_refused(&io::Error::from(io::ErrorKind::NotFound)));
        let work = tempfile::tempdir().unwrap();
        let store = Store::open(work.path()).unwrap();
        let request = Request {
            uris: vec!["/nonexistent/a".parse().unwrap()],
            ..Request::default()
        };
        let client = Client::new(&Settings::default()).unwrap();
        let mut error = client.fetch(&request, &store).unwrap_err();
        assert!(!is_refused(&error));
        if let bessemer_store::FetchError::Failed(failures) = &mut error {
            let refused = io::Error::from(io::ErrorKind::PermissionDenied);
            failures[0].cause = bessemer_store::FailureCause::File(refused);
        }
        assert!(is_refused(&error));
    }
}
