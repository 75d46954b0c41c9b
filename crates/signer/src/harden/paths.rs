//! Landlock: of what is in sight, which files may be opened for what (landlock(7)). Descriptors that
//! the other side hands over are not touched by it.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, PathFdError,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope,
};
use std::path::{Path, PathBuf};

/// What is asked for; an older kernel does less of it.
const ASKED: ABI = ABI::V6;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// Not in this kernel.
    #[error("this kernel does not have it (Linux 5.13 and later do, unless it is switched off)")]
    Absent,
    /// The kernel refused.
    #[error(transparent)]
    Rules(#[from] RulesetError),
    /// A place that must stay in sight is not there.
    #[error(transparent)]
    Place(#[from] PathFdError),
}

/// Leaves the state directory, those of tokens, and in the socket's directory the removal of files.
pub(super) fn restrict(
    state: &Path,
    tokens: &[PathBuf],
    socket: Option<&Path>,
) -> Result<(), PathsError> {
    let own = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(state)?, own))?;
    for directory in tokens {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(directory)?, own))?;
    }
    if let Some(directory) = socket.and_then(Path::parent) {
        let place = PathFd::new(directory)?;
        rules = rules.add_rule(PathBeneath::new(place, AccessFs::RemoveFile))?;
    }
    match rules.restrict_self()?.landlock {
        LandlockStatus::Available { effective_abi, .. } if effective_abi as i32 > 0 => Ok(()),
        _ => Err(PathsError::Absent),
    }
}
