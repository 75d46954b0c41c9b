//! What is expected of packages.

use super::{Checked, Reader, short};
use crate::expectations::{PackageExpectations, Parameter, Source};
use crate::pattern::Pattern;
use crate::written;
use bessemer_yaml::{Position, Text, did_you_mean};

/// The external parameters of the build type but recipe and architecture; a test holds them against
/// `attest`.
pub(crate) const PARAMETERS: [&str; 16] = [
    "debug",
    "environment",
    "environmentFiles",
    "extraPackages",
    "extraRepositories",
    "gitCommit",
    "gitRepositoryUrl",
    "hostTripletLibc",
    "keyrings",
    "namespace",
    "options",
    "originalRecipe",
    "pipelineDirectories",
    "recipeLicense",
    "stripOriginName",
    "variables",
];

const NETWORKS: [&str; 4] = ["none", "recorded", "replay", "open"];
const ACCELERATORS: [&str; 3] = ["kvm", "tcg", "direct"];

impl Reader<'_> {
    /// Checks what a rule or the defaults expect, which begin at `start`.
    pub(super) fn package(
        &self,
        written: &written::PackageExpectations,
        start: Option<Position>,
    ) -> Checked<PackageExpectations> {
        let network = written.network.as_deref();
        let accelerators = written.accelerators.as_deref();
        let repositories = written.gate_repositories.as_deref();
        let gate = self.required("gate", written.gate.as_ref())?;
        if let (Some(gate), Some(_)) = (gate.filter(|gate| !gate.value), repositories) {
            let hint = "`gate-repositories` demands a gate; leave one of the two out";
            let message = "`gate` is optional, and `gate-repositories` says which";
            return self.fail_at(gate.position, message, Some(hint));
        }
        Ok(PackageExpectations {
            imports: self.accepted(written.imports.as_ref())?,
            sources: self.sources(written.sources.as_deref(), start)?,
            builders: self.uris("builders", written.builders.as_deref(), start)?,
            keys: self.keys(written.keys.as_deref(), start)?,
            min_level: self.level("min-level", written.min_level.as_ref())?,
            network: self.words("network", network, &NETWORKS, start)?,
            accelerators: self.words("accelerators", accelerators, &ACCELERATORS, start)?,
            isolation: self.isolation(written.isolation.as_ref())?,
            parameters: self.parameters(written.parameters.as_deref(), start)?,
            tests: self.required("tests", written.tests.as_ref())?,
            sbom: self.required("sbom", written.sbom.as_ref())?,
            gate,
            gate_repositories: self.texts("gate-repositories", repositories, start)?,
            max_age: self.age(written.max_age.as_ref())?,
            source_level: self.source_level("source-level", written.source_level.as_ref())?,
            source_refs: self.patterns("source-refs", written.source_refs.as_deref(), start)?,
            input_source_level: self
                .source_level("input-source-level", written.input_source_level.as_ref())?,
        })
    }

    fn sources(
        &self,
        written: Option<&[written::Source]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Source>>> {
        let Some(written) = written else {
            return Ok(None);
        };
        let mut sources = Vec::new();
        for source in self.list("sources", Some(written), start)? {
            if source.repository.position.is_none() {
                let hint = "name the repository as provenance does, such as `repository: https://example.org/recipes.git`";
                return self.fail_at(
                    start,
                    "an entry of `sources` has no `repository`",
                    Some(hint),
                );
            }
            let repository = self.uri("repository", &source.repository)?;
            if repository.value.starts_with("git+") {
                let hint = "write it without `git+`, as provenance does";
                return self.fail(&repository, "a repository's URL has no `git+`", Some(hint));
            }
            let at = repository.position;
            sources.push(Source {
                refs: self.patterns("refs", source.refs.as_deref(), at)?,
                paths: self.patterns("paths", source.paths.as_deref(), at)?,
                repository,
            });
        }
        Ok(Some(sources))
    }

    fn parameters(
        &self,
        written: Option<&[Text]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Parameter>>> {
        let Some(texts) = self.texts("parameters", written, start)? else {
            return Ok(None);
        };
        let several = texts.len() > 1;
        let mut parameters = Vec::new();
        for text in texts {
            if text.value == "none" {
                if several {
                    let hint = "leave it out, or leave everything else out";
                    return self.fail(&text, "`none` stands beside parameters", Some(hint));
                }
                parameters.push(Parameter::None(text));
                continue;
            }
            let (name, value) = match text.value.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (text.value.clone(), None),
            };
            if !PARAMETERS.contains(&name.as_str()) {
                let message = format!("`{}` is no external parameter", short(&text));
                let hint = did_you_mean(&name, PARAMETERS).unwrap_or_else(|| {
                    let names = PARAMETERS.map(|name| format!("`{name}`"));
                    format!("known here: {}, or `none`", names.join(", "))
                });
                return self.fail(&text, message, Some(&hint));
            }
            let position = text.position;
            let placed = |value| Text { value, position };
            parameters.push(Parameter::Used {
                name: placed(name),
                value: value.map(|value| Pattern(placed(value))),
            });
        }
        Ok(Some(parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::PARAMETERS;
    use bessemer_attest::predicates::ExternalParameters;
    use serde_json::{Value, json};

    /// Of every type that a parameter can have, one fits; a name that is none fits never.
    #[test]
    fn the_parameters_are_those_of_the_build_type() {
        let fits = |name: &str| {
            let file = json!({"path": "x", "sha256": format!("sha256:{}", "0".repeat(64))});
            let values = [
                json!("x"),
                json!(true),
                json!(["x"]),
                json!({"x": "y"}),
                file,
            ];
            values.into_iter().any(|value| {
                let mut all: Value =
                    json!({"configSource": {"path": "x"}, "architecture": "x86_64"});
                all[name] = value;
                serde_json::from_value::<ExternalParameters>(all).is_ok()
            })
        };
        for name in PARAMETERS {
            assert!(fits(name), "{name}");
        }
        assert!(!fits("something"));
        let source = include_str!("../../../attest/src/predicates/provenance.rs");
        let (_, source) = source
            .split_once("pub struct ExternalParameters {")
            .unwrap();
        let (source, _) = source.split_once("\n}").unwrap();
        let fields = source.matches("pub ").count();
        assert_eq!(
            fields,
            PARAMETERS.len() + 2,
            "recipe and architecture are no entries"
        );
    }
}
