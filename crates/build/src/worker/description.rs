//! What a package carries about its making: the evaluated recipe and the SBOM.
//!
//! Both depend on what the lock says of contents and on what was asked for, and on nothing of this
//! machine: a rebuild from a package alone writes them again, byte for byte.

use crate::job::Job;
use bessemer_attest::documents::{Lock, LockedFile, LockedSource, Parameters};
use bessemer_digest::Digest;
use bessemer_package::sbom::{self, SbomError};
use bessemer_recipe::{PackagePlan, SourceRequest};
use serde_json::{Value, json};

/// The vendor part of package URLs when nobody says another; melange's.
const UNKNOWN: &str = "unknown";

/// `.melange.yaml`: the evaluated recipe, with the packages that the build environment had, each in
/// its version, where the recipe has the packages that it asks for. JSON, and so YAML.
pub(super) fn evaluated_recipe(job: &Job) -> Result<Vec<u8>, serde_json::Error> {
    let mut configuration = job.plan.configuration.clone();
    let packages = job.lock.packages.iter();
    let mut locked: Vec<String> = packages
        .map(|package| format!("{}={}", package.name, package.version))
        .collect();
    locked.sort();
    if let Some(contents) = configuration.pointer_mut("/environment/contents") {
        contents["packages"] = json!(locked);
    } else if let Value::Object(root) = &mut configuration {
        let environment = json!({"contents": {"packages": locked}});
        root.insert("environment".to_owned(), environment);
    }
    let mut bytes = serde_json::to_vec_pretty(&configuration)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The SPDX document of one package.
pub(super) fn sbom(job: &Job, plan: &PackagePlan) -> Result<Vec<u8>, SbomError> {
    let (lock, parameters) = (&job.lock, &job.spec.external_parameters);
    let licenses: Vec<&str> = plan
        .licenses
        .iter()
        .map(|license| license.license.as_str())
        .collect();
    let sources = job.plan.sources.iter().map(|request| {
        let mut locked = lock.sources.iter();
        described_source(request, locked.find(|source| source.id == request.id))
    });
    sbom::spdx(&sbom::Description {
        namespace: "https://spdx.org/spdxdocs/bessemer",
        organization: "Bessemer",
        distribution: parameters.namespace.as_deref().unwrap_or(UNKNOWN),
        name: &plan.name,
        version: &plan.full_version(),
        architecture: &job.plan.architecture,
        inputs: Some(inputs_digest(job)?),
        licenses: &licenses,
        copyright: None,
        created: job.plan.source_date_epoch,
        recipe: Some(described_recipe(recipe(job), parameters)),
        sources: sources.collect(),
    })
}

/// The recipe that SBOMs name: for one that is itself taken from a package, the one before it.
fn recipe(job: &Job) -> &LockedFile {
    let original = job.spec.external_parameters.original_recipe.as_ref();
    original.unwrap_or(&job.lock.recipe)
}

/// The digest of what went in, by contents: the evaluated recipe, sources, packages, and what the
/// command line has the SBOM say. Where they came from, and what booted the guest, leave the bytes
/// of a package alone.
fn inputs_digest(job: &Job) -> Result<Digest, serde_json::Error> {
    let Job { lock, spec, .. } = job;
    let parameters = &spec.external_parameters;
    let recipe = recipe(job);
    let mut text = format!(
        "recipe {} {}\nevaluated {}\narchitecture {}\ndate {}\n",
        recipe.path,
        recipe.sha256,
        Digest::of(evaluated_recipe(job)?),
        lock.architecture,
        spec.source_date_epoch,
    );
    let texts = [
        ("namespace", &parameters.namespace),
        ("commit", &parameters.git_commit),
        ("repository", &parameters.git_repository_url),
        ("license", &parameters.recipe_license),
    ];
    let texts = texts.into_iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{name} {value}\n"))
    });
    let switches = [
        ("strip-origin-name\n", parameters.strip_origin_name),
        ("debug\n", parameters.debug),
    ];
    let switches = switches.into_iter().filter(|(_, on)| *on);
    text.extend(texts);
    text.extend(switches.map(|(switch, _)| switch));
    text += &contents(lock);
    Ok(Digest::of(text))
}

/// Sorted: the order of installation may differ between a build and its rebuild, which asks for the
/// same packages in another way.
fn contents(lock: &Lock) -> String {
    let sources = lock.sources.iter();
    let sources = sources.map(|source| format!("source {} {}\n", source.id, source.sha256));
    let packages = lock.packages.iter();
    let packages = packages.map(|package| format!("package {} {}\n", package.name, package.sha256));
    let mut lines: Vec<String> = sources.chain(packages).collect();
    lines.sort();
    lines.concat()
}

/// The recipe as the command line says where it is from; nothing here checks that.
fn described_recipe(recipe: &LockedFile, parameters: &Parameters) -> sbom::Source {
    let commit = parameters.git_commit.as_deref().unwrap_or_default();
    let url = parameters.git_repository_url.as_deref();
    let at = if commit.is_empty() {
        String::new()
    } else {
        format!("@{commit}")
    };
    let path = sbom::escape(&recipe.path);
    let version = at.replacen(commit, &sbom::escape(commit), 1);
    let purl = url.map(|url| {
        let Some(place) = url.strip_prefix("https://github.com/") else {
            let place = sbom::escape(&format!("git+{url}{at}"));
            return format!("pkg:generic/{path}{version}?vcs_url={place}");
        };
        let place = place.trim_end_matches('/').trim_end_matches(".git");
        let parts: Vec<String> = place.split('/').map(sbom::escape).collect();
        let place = parts.join("/").to_lowercase();
        format!("pkg:github/{place}{version}#{path}")
    });
    sbom::Source {
        name: recipe.path.clone(),
        version: commit.to_owned(),
        location: url.map(|url| format!("git+{url}{at}#{path}")),
        purl,
        sha256: Some(recipe.sha256),
        license: parameters.recipe_license.clone(),
    }
}

/// A git source is named after its repository, and its purl has the commit.
fn described_source(request: &SourceRequest, locked: Option<&LockedSource>) -> sbom::Source {
    let git = locked.and_then(|source| source.git.as_ref());
    let address = bessemer_store::without_user(&request.uri);
    let (name, version, qualifier) = match git {
        None => (
            request.purl_name.as_str(),
            request.purl_version.as_str(),
            String::new(),
        ),
        Some(git) => {
            let path = address.trim_end_matches('/').trim_end_matches(".git");
            let name = path.rsplit('/').next().unwrap_or(path);
            let place = sbom::escape(&format!("git+{address}@{}", git.commit));
            (name, git.commit.as_str(), format!("?vcs_url={place}"))
        }
    };
    sbom::Source {
        name: name.to_owned(),
        version: version.to_owned(),
        location: Some(match git {
            Some(git) => format!("git+{address}@{}", git.commit),
            None => address.clone(),
        }),
        purl: Some(format!(
            "pkg:generic/{}@{}{qualifier}",
            sbom::escape(name),
            sbom::escape(version)
        )),
        sha256: locked.map(|source| source.sha256),
        license: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> LockedFile {
        LockedFile {
            path: "greeting.yaml".to_owned(),
            sha256: Digest::of("recipe"),
        }
    }

    #[test]
    fn a_recipe_is_where_somebody_says_it_is() {
        let described = |url: Option<&str>, commit: Option<&str>| {
            let parameters = Parameters {
                git_repository_url: url.map(str::to_owned),
                git_commit: commit.map(str::to_owned),
                recipe_license: Some("Apache-2.0".to_owned()),
                ..Parameters::default()
            };
            described_recipe(&recipe(), &parameters)
        };
        let nowhere = described(None, None);
        assert_eq!((nowhere.location, nowhere.purl), (None, None));
        assert_eq!(nowhere.license.as_deref(), Some("Apache-2.0"));
        for (url, commit, location, purl) in [
            (
                "https://github.com/Some/tree",
                Some("4b825d"),
                "git+https://github.com/Some/tree@4b825d#greeting.yaml",
                "pkg:github/some/tree@4b825d#greeting.yaml",
            ),
            (
                "https://github.com/some/tree.git",
                None,
                "git+https://github.com/some/tree.git#greeting.yaml",
                "pkg:github/some/tree#greeting.yaml",
            ),
            (
                "https://example.test/tree",
                Some("4b825d"),
                "git+https://example.test/tree@4b825d#greeting.yaml",
                "pkg:generic/greeting.yaml@4b825d?vcs_url=git%2Bhttps:%2F%2Fexample.test%2Ftree%404b825d",
            ),
        ] {
            let source = described(Some(url), commit);
            assert_eq!(source.location.as_deref(), Some(location));
            assert_eq!(source.purl.as_deref(), Some(purl));
        }
    }
}
