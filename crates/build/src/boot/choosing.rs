//! Which package has what guests boot.

use super::{AGENT, KERNEL};
use crate::lock::{ResolveError, Sources, resolve};
use bessemer_apk::IndexEntry;
use bessemer_repository::{PackageFile, Repository};
use bessemer_vm::PROTOCOL_VERSION;

/// What a package with an agent provides, in the version of the protocol that its agent speaks.
const AGENT_PROTOCOL: &str = "bessemer-agent-protocol";

/// The package with what guests boot: from the first of the operator's repositories that offers one,
/// whatever version later ones name. Who writes a repository that is merely added, or a recipe that
/// names one, must not choose the kernel of other people's guests.
pub fn kernel_package(sources: &Sources<'_>) -> Result<Option<PackageFile>, ResolveError> {
    let chosen = of_first("boot", KERNEL.to_owned(), &is_kernel, sources)?;
    Ok(chosen
        .into_iter()
        .find(|package| package.locked.name.starts_with(KERNEL)))
}

/// The package with the agent that speaks this program's protocol: from the first of the operator's
/// repositories that offers one. Without one the agent is a program of this host.
pub fn agent_package(sources: &Sources<'_>) -> Result<Option<PackageFile>, ResolveError> {
    let version = PROTOCOL_VERSION.to_string();
    let wanted = format!("{AGENT_PROTOCOL}={version}");
    let chosen = of_first("agent", wanted, &|entry| speaks(entry, &version), sources)?;
    Ok(chosen
        .into_iter()
        .find(|package| package.locked.name == AGENT))
}

fn speaks(entry: &IndexEntry, version: &str) -> bool {
    let mut provides = entry.provides.iter();
    entry.name == AGENT
        && provides.any(|provided| {
            let says = provided.version.as_ref();
            provided.name == AGENT_PROTOCOL && says.is_some_and(|it| it.to_string() == version)
        })
}

/// Resolves in the first of the operator's repositories that offers such a package; nothing when none
/// does.
fn of_first(
    environment: &str,
    wanted: String,
    offers: &dyn Fn(&IndexEntry) -> bool,
    sources: &Sources<'_>,
) -> Result<Vec<PackageFile>, ResolveError> {
    let operators = &sources.repositories[sources.of_recipe..];
    let first = operators
        .iter()
        .find(|repository: &&Repository| repository.index.entries.iter().any(offers));
    let Some(first) = first else {
        return Ok(Vec::new());
    };
    let sources = Sources {
        repositories: std::slice::from_ref(first),
        of_recipe: 0,
        ..*sources
    };
    resolve(environment, &[wanted], &sources)
}

/// Whether a package is, or says that it can stand for, what guests boot: a kernel or an agent.
pub fn boots_guests(entry: &IndexEntry) -> bool {
    is_kernel(entry) || named(entry, AGENT)
}

fn is_kernel(entry: &IndexEntry) -> bool {
    named(entry, KERNEL)
}

fn named(entry: &IndexEntry, start: &str) -> bool {
    let mut provides = entry.provides.iter();
    entry.name.starts_with(start) || provides.any(|provided| provided.name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_apk::Index;

    fn entry(name: &str, provides: &str) -> IndexEntry {
        let text = format!("C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:{name}\nV:1-r0\np:{provides}\n\n");
        let index = Index::parse(&text).unwrap();
        index.entries.into_iter().next().unwrap()
    }

    #[test]
    fn an_agent_is_chosen_by_name_and_protocol() {
        let agent = |provides| speaks(&entry(AGENT, provides), "2");
        assert!(agent("bessemer-agent-protocol=2"));
        assert!(!agent("bessemer-agent-protocol=1"));
        assert!(!agent("bessemer-agent-protocol=20"));
        assert!(!agent("bessemer-agent-protocol"));
        assert!(!agent(""));
        assert!(!speaks(&entry("other", "bessemer-agent-protocol=2"), "2"));
    }

    #[test]
    fn whoever_can_stand_for_kernel_or_agent_boots_guests() {
        for (name, provides, boots) in [
            ("bessemer-kernel-mine", "", true),
            ("hello", "bessemer-kernel", true),
            ("bessemer-agent", "", true),
            ("hello", "bessemer-agent-protocol=2", true),
            ("hello", "cmd:hello=1", false),
            ("bessemer", "", false),
        ] {
            assert_eq!(
                boots_guests(&entry(name, provides)),
                boots,
                "{name} {provides}"
            );
        }
    }
}
