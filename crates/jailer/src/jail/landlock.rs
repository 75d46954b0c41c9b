//! Landlock: of what is in sight, which files may be opened for what (landlock(7)).
//!
//! Descriptors that QEMU inherits are not touched by it; everything else is denied, TCP and signals
//! to other processes included, as far as the host's kernel can.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};
use std::path::Path;

/// What this program asks for; an older kernel does less, and is reported with what it does.
const ASKED: ABI = ABI::V6;
/// The first version that keeps signals and abstract sockets inside (Linux 6.12).
const SCOPED: i32 = 6;
/// Where programs and libraries are.
const SYSTEM: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// How much of it is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enforced {
    /// Files, TCP, and signals and `ptrace` to the outside.
    All,
    /// What version N of the interface has: at least files.
    Version(i32),
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum LandlockError {
    #[error("this kernel does not have it (Linux 5.13 and later do, unless it is switched off)")]
    Absent,
    #[error("{0}")]
    Rules(#[from] RulesetError),
}

/// Leaves programs, libraries and boot files readable, a few devices usable, and nothing else.
pub(super) fn restrict(kvm: bool, own_root: bool) -> Result<Enforced, LandlockError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for name in SYSTEM {
        rules = allow(rules, &Path::new("/").join(name), read | AccessFs::Execute)?;
    }
    // Outside a root of its own, the loader has a list of libraries, and boot files come as
    // descriptors.
    let files: &[&str] = if own_root {
        &["/boot/kernel", "/boot/initramfs"]
    } else {
        &["/etc/ld.so.cache"]
    };
    for file in files {
        rules = allow(rules, Path::new(file), AccessFs::ReadFile.into())?;
    }
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    rules = allow(rules, Path::new("/dev/null"), device)?;
    rules = allow(rules, Path::new("/dev/urandom"), AccessFs::ReadFile.into())?;
    if kvm {
        rules = allow(rules, Path::new("/dev/kvm"), device | AccessFs::IoctlDev)?;
    }
    enforce(rules)
}

fn enforce(rules: RulesetCreated) -> Result<Enforced, LandlockError> {
    match rules.restrict_self()?.landlock {
        LandlockStatus::Available { effective_abi, .. } if effective_abi as i32 >= SCOPED => {
            Ok(Enforced::All)
        }
        LandlockStatus::Available { effective_abi, .. } if effective_abi as i32 > 0 => {
            Ok(Enforced::Version(effective_abi as i32))
        }
        _ => Err(LandlockError::Absent),
    }
}

/// The same for a proxy, which connects to servers, and may listen for nobody: its own program
/// (`program`, unless it has a root of its own), libraries, and what finds servers.
pub(super) fn restrict_proxy(program: Option<&Path>) -> Result<Enforced, LandlockError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(ASKED))?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for name in SYSTEM {
        rules = allow(rules, &Path::new("/").join(name), read | AccessFs::Execute)?;
    }
    let own = program.unwrap_or(Path::new(super::root::PROXY));
    rules = allow(rules, own, AccessFs::ReadFile | AccessFs::Execute)?;
    for file in super::root::RESOLVING {
        rules = allow(rules, Path::new(file), AccessFs::ReadFile.into())?;
    }
    for device in ["/dev/null", "/dev/urandom"] {
        rules = allow(rules, Path::new(device), AccessFs::ReadFile.into())?;
    }
    enforce(rules)
}

/// What is not there needs no rule.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(place) => rules.add_rule(PathBeneath::new(place, access)),
        Err(_) => Ok(rules),
    }
}
