//! Git sources on the control side: fetched, checked against the pinned commit, and handed to the
//! guest as one tar archive.
//!
//! The machine's `git` talks to the remote and checks every object against its name; the work tree
//! is never written to this host (but for cherry-picks, which need one). The archive is made of the
//! objects themselves, so that it is the same wherever and whenever it is made by the same git.

mod archive;
mod cached;
mod command;
mod commit;
mod export;
mod picks;
mod submodules;
mod tree;

use bessemer_recipe::GitRequest;
use bessemer_store::{Object, Store, StoreError};
use cached::Cached;
use std::path::Path;

pub use commit::Commit;
pub use submodules::MAX_SUBMODULES;
pub use tree::TreeError;

/// Largest archive of a checkout, in bytes.
pub const MAX_ARCHIVE: u64 = 16 << 30;

/// Why a repository could not be checked out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The program could not be started.
    #[error("cannot start git; install it on this machine")]
    Start(#[source] std::io::Error),
    /// The program said no.
    #[error("`git {command}` failed: {said}")]
    Failed {
        /// The subcommand.
        command: String,
        /// The last lines of what it said.
        said: String,
    },
    /// The program printed what it never prints.
    #[error("`git {0}` printed what this version of Bessemer does not understand")]
    Output(String),
    /// A scheme that names no remote, or could run a program.
    #[error("`{0}` is no address of a git repository; https, http, git, ssh and file are")]
    Scheme(String),
    /// Nothing may be asked of other machines, and the cache does not have it.
    #[error("{0} was never fetched before in this way, and this run is offline")]
    Offline(String),
    /// A branch, tag or commit that could be taken for something else.
    #[error("`{0}` is no name of a branch or tag")]
    Name(String),
    /// The reference leads elsewhere than the recipe says.
    #[error("{reference} is commit {found}, and the recipe expects {expected}")]
    Commit {
        /// `tag v1`, `branch main`, `HEAD`.
        reference: String,
        /// Where it leads.
        found: String,
        /// What the recipe says.
        expected: String,
    },
    /// The pinned commit is not in the branch's history.
    #[error("commit {expected} is not in the history of {reference}, whose tip is {tip}")]
    NotInHistory {
        /// `branch main`, `HEAD`.
        reference: String,
        /// Its tip.
        tip: String,
        /// What the recipe says.
        expected: String,
    },
    /// A line of `cherry-picks` is malformed.
    #[error("cherry-pick `{0}` is not `[branch/]commit: reason`")]
    Pick(String),
    /// A submodule without a place to fetch it from, or too many of them.
    #[error("submodule {path}: {reason}")]
    Submodule {
        /// Where it stands in the work tree.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A branch or tag that the remote does not have.
    #[error("the repository has no {0}")]
    NoReference(String),
    /// A commit that no branch or tag of the repository leads to.
    #[error("commit {0} is on no branch or tag of the repository")]
    Unpublished(String),
    /// A recipe, or a file that goes with it, is none.
    #[error("`{0}` is a symbolic link or a submodule, and no file of the repository")]
    NoFile(String),
    /// A tree that names files outside itself.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The checkout is larger than allowed.
    #[error("the checkout is larger than {MAX_ARCHIVE} bytes")]
    TooLarge,
    /// A file of the cache or the archive failed.
    #[error("cannot write the checkout")]
    Io(#[from] std::io::Error),
    /// The store refused.
    #[error("cannot store the checkout")]
    Store(#[from] StoreError),
}

/// A repository's tree at a commit, in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The tar archive: the work tree, with `.git`, entries at its top.
    pub object: Object,
    /// The commit, in hexadecimal, before cherry-picks: what the remote has.
    pub commit: String,
    /// The tree that was checked out, in hexadecimal, cherry-picks applied.
    pub tree: String,
}

/// Where checkouts are made.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Repositories are kept in `git/` below it.
    pub cache: &'a Path,
    /// Unfinished files; somebody clears it.
    pub scratch: &'a Path,
    /// The archive goes here.
    pub store: &'a Store,
    /// Whether other machines are asked nothing.
    pub offline: bool,
}

/// Fetches a repository, checks it, and makes the archive.
pub fn checkout(uri: &str, request: &GitRequest, ground: Ground<'_>) -> Result<Checkout, GitError> {
    let repository = Cached::open(uri, request.depth, ground)?;
    let commit = repository.resolve(request)?;
    let work = tempfile::tempdir_in(ground.scratch)?;
    let history = export::History::of(&repository, request, &commit, work.path())?;
    let head = picks::apply(request, &history, &repository, work.path())?;
    history.pack(&head)?;
    let mut entries = tree::list(history.git(), &head, &request.sparse_paths)?;
    if request.recurse_submodules {
        entries = submodules::expand(entries, uri, &history, &head, ground)?;
    }
    let tree = history
        .git()
        .line(&["rev-parse", "--verify", &format!("{head}^{{tree}}")])?;
    let mut incoming = ground.store.incoming()?;
    archive::write(&history, &head, &entries, incoming.file())?;
    let object = incoming.seal()?.keep()?;
    Ok(Checkout {
        object,
        commit,
        tree,
    })
}

#[cfg(test)]
mod tests;
