//! Refuses an image record with text that must not be published.

use super::text::{object_name, package, plain, shown, uri};
use super::{DeriveError, ImageEvidence};
use std::collections::BTreeSet;

/// The most names of images.
const NAME_LIMIT: usize = 16;

pub(super) fn publishable(evidence: &ImageEvidence<'_>) -> Result<(), DeriveError> {
    let record = evidence.record;
    for file in &record.image_files {
        plain("the path of an image file", &file.path)?;
    }
    if record.image_files.is_empty() {
        plain("the path of an image file", "")?;
    }
    for key in &record.keys {
        plain("the name of a key", &key.name)?;
    }
    for index in &record.indexes {
        uri("the uri of an index", &index.uri)?;
        plain("the key of an index", &index.key)?;
        index
            .tag
            .iter()
            .try_for_each(|tag| plain("the tag of an index", tag))?;
    }
    for platform in &record.platforms {
        plain("an architecture", &platform.architecture)?;
        if let Some(base) = &platform.base {
            plain("the name of a base", &base.name)?;
        }
        platform.packages.iter().try_for_each(package)?;
    }
    plain("the compression", &record.compression)?;
    plain("the version of a component", &record.controller.version)?;
    names(evidence.names)?;
    for name in &evidence.policy.accept_unverified {
        plain("the name of an accepted package", name)?;
    }
    parameters(evidence)
}

fn parameters(evidence: &ImageEvidence<'_>) -> Result<(), DeriveError> {
    let parameters = &evidence.record.parameters;
    for list in [
        &parameters.keyrings,
        &parameters.build_repositories,
        &parameters.repositories,
    ] {
        list.iter()
            .try_for_each(|text| uri("an external parameter", text))?;
    }
    let lists = [
        &parameters.architectures,
        &parameters.include_paths,
        &parameters.packages,
    ];
    let texts = lists.into_iter().flatten();
    let texts = texts.chain(&parameters.lock_file);
    let texts = texts.chain(&parameters.format);
    for text in texts.chain(parameters.annotations.keys()) {
        plain("an external parameter", text)?;
    }
    for value in parameters.annotations.values() {
        plain("the value of an annotation", value)?;
    }
    let url = parameters.vcs_url.iter();
    url.map(|url| without_commit(url))
        .try_for_each(|url| uri("the repository of the image file", url))
}

/// `URL@COMMIT` without the commit. What follows the last `@` of another text may be a host's name, and
/// what precedes it a password.
fn without_commit(url: &str) -> &str {
    match url.rsplit_once('@') {
        Some((url, commit)) if object_name("a commit", commit).is_ok() => url,
        _ => url,
    }
}

/// What images are called ends up under a signature (`docker-reference`): registry and repository, and
/// nothing beside.
fn names(names: &[String]) -> Result<(), DeriveError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let reason = if !seen.insert(name) {
            "is given twice"
        } else if !is_repository(name) {
            "is no registry and repository without tag"
        } else {
            continue;
        };
        return Err(DeriveError::Invalid {
            what: "the name of the images".to_owned(),
            value: shown(name),
            reason,
        });
    }
    if names.is_empty() || names.len() > NAME_LIMIT {
        return Err(DeriveError::Invalid {
            what: "the number of the images' names".to_owned(),
            value: names.len().to_string(),
            reason: "is not from 1 to 16",
        });
    }
    Ok(())
}

/// `HOST[:PORT]/PATH`, as the distribution specification has names: at most 255 bytes.
fn is_repository(name: &str) -> bool {
    let Some((host, path)) = name.split_once('/') else {
        return false;
    };
    let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let of_path =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let component = |part: &str| {
        let ends = [part.bytes().next(), part.bytes().last()];
        let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        part.bytes().all(of_path) && ends.into_iter().all(alphanumeric)
    };
    name.len() <= 255
        && !host.is_empty()
        && host.bytes().all(of_host)
        && path.split('/').all(component)
}
