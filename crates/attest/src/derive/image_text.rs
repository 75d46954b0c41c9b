//! Refuses an image record with text that must not be published.

use super::text::{package, plain, uri};
use super::{DeriveError, ImageEvidence};

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
        platform.packages.iter().try_for_each(package)?;
    }
    plain("the compression", &record.compression)?;
    plain("the version of a component", &record.controller.version)?;
    if evidence.names.is_empty() {
        plain("the name of the images", "")?;
    }
    for name in evidence.names {
        uri("the name of the images", name)?;
    }
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
    for text in texts.chain(parameters.annotations.keys()) {
        plain("an external parameter", text)?;
    }
    for value in parameters.annotations.values() {
        plain("the value of an annotation", value)?;
    }
    let url = parameters.vcs_url.iter();
    let mut url = url.map(|url| url.rsplit_once('@').map_or(url.as_str(), |(url, _)| url));
    url.try_for_each(|url| uri("the repository of the image file", url))
}
