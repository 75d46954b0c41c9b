//! What may stand in a published document: bounded text without control characters or credentials.

use super::{DeriveError, Evidence};
use crate::documents::{LockedPackage, MachineObservation};

/// The longest text that is published, in bytes.
const TEXT_LIMIT: usize = 4096;

/// A value as an error shows it: at most 100 characters, no control characters.
pub(super) fn shown(value: &str) -> String {
    value
        .chars()
        .filter(|char| !char.is_control())
        .take(100)
        .collect()
}

/// Whether a value can stand in a published document; the empty one can, as a variable's value.
pub fn is_publishable(value: &str) -> bool {
    value.is_empty() || plain("a value", value).is_ok()
}

/// Refuses text that is empty, too long, or has control or direction-changing characters.
pub(super) fn plain(what: &str, value: &str) -> Result<(), DeriveError> {
    let hidden = |char: char| {
        char.is_control()
            || matches!(char, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let reason = if value.is_empty() {
        "is empty"
    } else if value.len() > TEXT_LIMIT {
        "is longer than 4096 bytes"
    } else if value.contains(hidden) {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(DeriveError::Invalid {
        what: what.to_owned(),
        value: shown(value),
        reason,
    })
}

/// Refuses what is not one plain file name.
pub(super) fn file_name(what: &str, value: &str) -> Result<(), DeriveError> {
    plain(what, value)?;
    if value.contains('/') || value.starts_with('.') {
        let reason = "is not a file name";
        return Err(DeriveError::Invalid {
            what: what.to_owned(),
            value: shown(value),
            reason,
        });
    }
    Ok(())
}

/// Refuses what is no name of a git object: 40 or 64 lower-case hexadecimal digits.
pub(super) fn object_name(what: &str, value: &str) -> Result<(), DeriveError> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if [40, 64].contains(&value.len()) && value.bytes().all(digit) {
        return Ok(());
    }
    Err(DeriveError::Invalid {
        what: what.to_owned(),
        value: shown(value),
        reason: "is no name of a git object",
    })
}

/// Refuses a URI with a user name or password.
pub(super) fn uri(what: &str, value: &str) -> Result<(), DeriveError> {
    plain(what, value)?;
    let authority = value.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(DeriveError::Credentials {
            what: what.to_owned(),
        });
    }
    Ok(())
}

/// Refuses documents with text that must not be published.
pub(super) fn publishable(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    job_spec(evidence)?;
    let lock = evidence.lock;
    for pipeline in &lock.pipelines {
        plain("the name of a locked pipeline", &pipeline.uses)?;
        plain("the origin of a locked pipeline", &pipeline.origin)?;
    }
    for file in &lock.environment_files {
        plain("the name of a locked environment file", &file.path)?;
    }
    for source in &lock.sources {
        plain("the id of a locked source", &source.id)?;
        uri("the uri of a locked source", &source.uri)?;
        if let Some(git) = &source.git {
            object_name("the commit of a locked source", &git.commit)?;
            object_name("the tree of a locked source", &git.tree)?;
        }
    }
    for index in &lock.indexes {
        uri("the uri of a locked index", &index.uri)?;
        plain("the key of a locked index", &index.key)?;
    }
    for key in &lock.keys {
        plain("the name of a locked key", &key.name)?;
    }
    lock.packages
        .iter()
        .chain(&lock.boot.package)
        .chain(&lock.boot.agent_package)
        .try_for_each(package)?;
    let record = evidence.record;
    machine(&record.build_machine)?;
    network(evidence)?;
    let components = &record.components;
    for component in [
        &components.controller,
        &components.jailer,
        &components.signer,
    ] {
        plain("the version of a component", &component.version)?;
    }
    for test in &record.tests {
        test.machine.iter().try_for_each(machine)?;
        test.steps
            .iter()
            .try_for_each(|step| plain("the name of a test step", &step.name))?;
    }
    Ok(())
}

/// Lists of the operator's, and what a guest asked for: it chose the text.
fn network(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    if let Some(policy) = &evidence.job_spec.network_policy {
        for list in [&policy.allow, &policy.deny, &policy.private] {
            list.iter()
                .try_for_each(|text| plain("a server of the network policy", text))?;
        }
    }
    for network in &evidence.record.networks {
        plain("the version of the proxy", &network.proxy.version)?;
        plain("the jail profile", &network.jail.profile)?;
        let layers = network.jail.applied.iter().chain(&network.jail.missing);
        layers
            .into_iter()
            .try_for_each(|layer| plain("a jail layer", layer))?;
    }
    let records = evidence.networks.iter();
    for exchange in records.flat_map(|record| &record.exchanges) {
        uri("the url of an exchange", &exchange.url)?;
        plain("the method of an exchange", &exchange.method)?;
        exchange
            .range
            .iter()
            .try_for_each(|range| plain("the range of an exchange", range))?;
        exchange
            .wanted
            .iter()
            .try_for_each(|name| object_name("what a request wants", name))?;
    }
    Ok(())
}

fn job_spec(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let spec = evidence.job_spec;
    plain("the cpu baseline", &spec.cpu_baseline)?;
    plain("the recipe's path", &spec.config_source.path)?;
    if let Some(repository) = &spec.config_source.repository {
        uri("the recipe's repository", repository)?;
    }
    if let Some(reference) = &spec.config_source.reference {
        plain("the recipe's ref", reference)?;
    }
    let parameters = &spec.external_parameters;
    plain("the architecture", &parameters.architecture)?;
    for repository in &parameters.extra_repositories {
        uri("an extra repository", repository)?;
    }
    for list in [
        &parameters.options,
        &parameters.keyrings,
        &parameters.pipeline_directories,
        &parameters.environment_files,
        &parameters.extra_packages,
    ] {
        list.iter()
            .try_for_each(|value| plain("an external parameter", value))?;
    }
    if let Some(url) = &parameters.git_repository_url {
        uri("the recipe's repository", url)?;
    }
    let original = parameters.original_recipe.iter().map(|file| &file.path);
    for text in [
        &parameters.namespace,
        &parameters.git_commit,
        &parameters.recipe_license,
        &parameters.host_triplet_libc,
    ]
    .into_iter()
    .flatten()
    .chain(original)
    {
        plain("an external parameter", text)?;
    }
    for (name, value) in parameters.variables.iter().chain(&parameters.environment) {
        plain("the name of a variable", name)?;
        if !value.is_empty() {
            plain("the value of a variable", value)?;
        }
    }
    Ok(())
}

pub(super) fn package(package: &LockedPackage) -> Result<(), DeriveError> {
    plain("the name of a locked package", &package.name)?;
    plain("the version of a locked package", &package.version)?;
    plain(
        "the architecture of a locked package",
        &package.architecture,
    )?;
    plain(
        "the control digest of a locked package",
        &package.control_sha1,
    )?;
    uri("the uri of a locked package", &package.uri)
}

fn machine(machine: &MachineObservation) -> Result<(), DeriveError> {
    plain("the machine type", &machine.machine)?;
    let words = [&machine.qemu_version, &machine.host_kernel];
    for word in words.into_iter().flatten() {
        plain("a version of QEMU or of the host's kernel", word)?;
    }
    plain("the jail profile", &machine.jail.profile)?;
    let layers = machine.jail.applied.iter().chain(&machine.jail.missing);
    layers
        .into_iter()
        .try_for_each(|layer| plain("a jail layer", layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_not_be_published() {
        let long = "x".repeat(TEXT_LIMIT + 1);
        for value in ["", "a\nb", "a\u{202e}b", "\u{1b}[31m", &long] {
            assert!(plain("it", value).is_err(), "{value:?}");
        }
        for value in [
            "https://user@host/x",
            "https://user:word@host",
            "git+https://t@host?a",
        ] {
            assert!(
                matches!(uri("it", value), Err(DeriveError::Credentials { .. })),
                "{value}"
            );
        }
        for value in [
            "https://host/a@b",
            "/a/file@1",
            "git+https://host/x@refs/heads/main",
        ] {
            assert!(uri("it", value).is_ok(), "{value}");
        }
        for value in ["a/b", ".hidden", ".."] {
            assert!(file_name("it", value).is_err(), "{value}");
        }
    }
}
