//! What an evaluated recipe says of its sources and licences: the configuration of a plan, or the
//! `.melange.yaml` of a package, whoever built it.

use crate::compile::requests::{checkout, git_request};
use crate::condition;
use crate::plan::SourceRequest;
use crate::variables::WORKSPACE;
use bessemer_digest::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How deep pipelines are followed.
const MAX_DEPTH: usize = 64;

/// An evaluated recipe, as far as its sources go; everything else in it is passed over.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct EvaluatedSources {
    #[serde(default)]
    package: Package,
    #[serde(default)]
    pipeline: Vec<Node>,
    #[serde(default)]
    subpackages: Vec<Subpackage>,
}

/// Why an evaluated recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatedSourcesError {
    /// Not the keys and types of a recipe.
    #[error("the compiled recipe cannot be read: {0}")]
    Parse(String),
    /// A step whose inputs make no sense.
    #[error("step {step} of the compiled recipe: {reason}")]
    Step {
        /// Its number and pipeline.
        step: String,
        /// What is wrong.
        reason: String,
    },
}

/// An entry of `copyright`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredLicense {
    /// SPDX expression or identifier.
    #[serde(default)]
    pub license: String,
    /// A file in the source holding the text; empty when the entry names none.
    #[serde(default)]
    pub license_path: String,
    /// What detection is known to find there; empty when nothing is.
    #[serde(default)]
    pub detection_override: String,
}

/// A source and what its step does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacking {
    /// What is fetched.
    pub request: SourceRequest,
    /// Where its files go, relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// Leading components that are dropped from its paths.
    pub strip: usize,
    /// Whether it is unpacked; else it is a file in `folder`, with the last component of its URI as
    /// name.
    pub extract: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Package {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    copyright: Vec<DeclaredLicense>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Subpackage {
    #[serde(default)]
    pipeline: Vec<Node>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Node {
    #[serde(default, rename = "if")]
    condition: String,
    #[serde(default)]
    uses: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
    #[serde(default)]
    pipeline: Vec<Node>,
    #[serde(default)]
    working_directory: String,
}

impl EvaluatedSources {
    /// Reads a stranger's YAML, or JSON, which is YAML.
    pub fn parse(text: &str) -> Result<Self, EvaluatedSourcesError> {
        serde_saphyr::from_str(text)
            .map_err(|error| EvaluatedSourcesError::Parse(error.to_string()))
    }

    /// The main package's name.
    pub fn name(&self) -> &str {
        &self.package.name
    }

    /// The main package's `copyright`.
    pub fn licenses(&self) -> &[DeclaredLicense] {
        &self.package.copyright
    }

    /// Every source that a build unpacks, in the order of its steps; tests have none here.
    pub fn unpackings(&self) -> Result<Vec<Unpacking>, EvaluatedSourcesError> {
        let pipelines = self.subpackages.iter().map(|package| &package.pipeline);
        let mut found = Found {
            package: &self.package,
            unpackings: Vec::new(),
        };
        for pipeline in std::iter::once(&self.pipeline).chain(pipelines) {
            found.walk(pipeline, "", 0)?;
        }
        Ok(found.unpackings)
    }
}

struct Found<'a> {
    package: &'a Package,
    unpackings: Vec<Unpacking>,
}

impl Found<'_> {
    fn walk(
        &mut self,
        nodes: &[Node],
        directory: &str,
        depth: usize,
    ) -> Result<(), EvaluatedSourcesError> {
        if depth > MAX_DEPTH {
            return Ok(());
        }
        for node in nodes {
            // A variable that is left belongs to a condition nobody can decide: it is taken to hold.
            if !condition::holds(&node.condition, |_| None).unwrap_or(true) {
                continue;
            }
            let own = match node.working_directory.as_str() {
                "" => directory,
                own => own,
            };
            match node.uses.as_str() {
                "fetch" => self.fetch(node, own)?,
                "git-checkout" => self.git(node, own)?,
                _ => self.walk(&node.pipeline, own, depth + 1)?,
            }
        }
        Ok(())
    }

    fn id(&self) -> String {
        format!("source/{}", self.unpackings.len())
    }

    fn wrong(&self, uses: &str, reason: impl Into<String>) -> EvaluatedSourcesError {
        EvaluatedSourcesError::Step {
            step: format!("{} (`{uses}`)", self.unpackings.len() + 1),
            reason: reason.into(),
        }
    }

    fn fetch(&mut self, node: &Node, directory: &str) -> Result<(), EvaluatedSourcesError> {
        let input = |name: &str| node.with.get(name).map_or("", |value| value.trim());
        let sha256 = input("expected-sha256").to_ascii_lowercase();
        let sha512 = input("expected-sha512").to_ascii_lowercase();
        let strip = match input("strip-components") {
            "" => Ok(1),
            text => text.parse(),
        };
        let strip = strip.map_err(|_| self.wrong("fetch", "`strip-components` is no number"))?;
        let uri = input("uri").to_owned();
        let request = SourceRequest {
            id: self.id(),
            cache_name: match (sha256.as_str(), sha512.as_str()) {
                ("", "") => format!("request:{}", Digest::of(&uri).hex()),
                ("", hex) => format!("sha512:{hex}"),
                (hex, _) => format!("sha256:{hex}"),
            },
            uri,
            sha256: Digest::from_hex(&sha256).ok(),
            sha512: (!sha512.is_empty()).then_some(sha512),
            purl_name: self.package.name.clone(),
            purl_version: self.package.version.clone(),
            git: None,
        };
        self.unpackings.push(Unpacking {
            request,
            folder: below(directory, input("directory")),
            strip,
            extract: input("extract") != "false",
        });
        Ok(())
    }

    fn git(&mut self, node: &Node, directory: &str) -> Result<(), EvaluatedSourcesError> {
        let input = |name: &str| node.with.get(name).map_or("", String::as_str);
        let git = git_request(&input).map_err(|reason| self.wrong("git-checkout", reason))?;
        let request = checkout(input("repository"), git, &self.id());
        self.unpackings.push(Unpacking {
            request,
            folder: below(directory, input("destination")),
            strip: 0,
            extract: true,
        });
        Ok(())
    }
}

/// A folder of a step, relative to the workspace.
fn below(directory: &str, folder: &str) -> String {
    let absolute = folder.starts_with('/');
    let whole = match (absolute, directory) {
        (true, _) | (false, "") => folder.to_owned(),
        (false, directory) => format!("{directory}/{folder}"),
    };
    let relative = whole.strip_prefix(WORKSPACE).unwrap_or(&whole);
    let parts = relative.split('/');
    let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_where_they_go() {
        let text = "\
package:
  name: a
  version: 1.0
  copyright:
    - license: MIT
      license-path: LICENSE
pipeline:
  - uses: fetch
    with:
      uri: http://a/b-1.tar.gz
      expected-sha256: 0000000000000000000000000000000000000000000000000000000000000001
  - working-directory: /home/build/x
    pipeline:
      - uses: git-checkout
        with:
          repository: http://a/c
          destination: ./y
          branch: main
          expected-commit: ABC
      - if: \"'x86_64' == 'aarch64'\"
        uses: fetch
        with: {uri: http://a/never}
  - uses: other
    pipeline:
      - uses: fetch
        with:
          uri: http://a/one.txt
          extract: \"false\"
          strip-components: \"0\"
subpackages:
  - pipeline:
      - uses: fetch
        with: {uri: http://a/sub, directory: z}
test:
  pipeline:
    - uses: fetch
      with: {uri: http://a/test}
";
        let evaluated = EvaluatedSources::parse(text).unwrap();
        assert_eq!(evaluated.licenses()[0].license_path, "LICENSE");
        let found = evaluated.unpackings().unwrap();
        let short: Vec<_> = found
            .iter()
            .map(|one| (&*one.request.uri, &*one.folder, one.strip, one.extract))
            .collect();
        assert_eq!(
            short,
            [
                ("http://a/b-1.tar.gz", "", 1, true),
                ("http://a/c", "x/y", 0, true),
                ("http://a/one.txt", "", 0, false),
                ("http://a/sub", "z", 1, true),
            ]
        );
        assert!(found[0].request.sha256.is_some());
        let git = found[1].request.git.as_ref().unwrap();
        assert_eq!((git.depth, &*git.expected_commit), (0, "abc"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let fetch = "pipeline:\n  - uses: fetch\n    with: {uri: a, strip-components: x}\n";
        let error = EvaluatedSources::parse(fetch)
            .unwrap()
            .unpackings()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`strip-components` is no number")
        );
        assert!(EvaluatedSources::parse("[").is_err());
    }
}
