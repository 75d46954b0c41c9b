//! What the guests of original and rebuild were given by servers, as their provenances list it.

use crate::print::plain_line;
use anyhow::{Result, bail};
use bessemer_attest::ResourceDescriptor;
use serde_json::{Value, json};

/// The digests that an answer may have, as in-toto names them.
const KINDS: [&str; 2] = ["sha256", "gitCommit"];

/// An answer of a server, or a commit that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    url: String,
    /// Kind and hexadecimal digits: `sha256:…` of the body, `gitCommit:…`.
    digest: String,
}

impl Answer {
    /// Those among the dependencies of a provenance, in its order.
    pub(super) fn listed(resolved: &[ResourceDescriptor]) -> Vec<Self> {
        let of_network = resolved.iter().filter(|one| {
            let role = one.annotations.get("role").map(String::as_str);
            matches!(role, Some("network" | "network-git"))
        });
        let answers = of_network.filter_map(|one| {
            let digest = |kind: &str| Some(format!("{kind}:{}", one.digest.get(kind)?));
            Some(Self {
                url: one.uri.clone()?,
                digest: KINDS.iter().find_map(|kind| digest(kind))?,
            })
        });
        answers.collect()
    }
}

/// The answers of the original, of which the rebuild was given none but these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers(Vec<(Answer, bool)>);

impl Answers {
    /// An error when the rebuild was given one that the original's provenance does not list.
    pub(super) fn compare(file: &str, original: &[Answer], rebuilt: &[Answer]) -> Result<Self> {
        if let Some(other) = rebuilt.iter().find(|one| !original.contains(one)) {
            let (url, digest) = (plain_line(&other.url), &other.digest);
            bail!("{file}: the rebuild was given {digest} from {url}, which is not listed");
        }
        let answers = original.iter().cloned();
        let answers = answers.map(|one| {
            let again = rebuilt.contains(&one);
            (one, again)
        });
        Ok(Self(answers.collect()))
    }

    /// For a person: a line, and one for each answer. Nothing without a network.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let answers = self.0.iter().map(|(answer, again)| {
            let note = if *again { "" } else { ", not asked for again" };
            format!("{} {}{note}", answer.digest, answer.url)
        });
        let head = format!("{} answers of servers, none of anything else", self.0.len());
        std::iter::once(head).chain(answers).collect()
    }

    /// For a program.
    pub(super) fn to_json(&self) -> Value {
        let answers = self.0.iter().map(
            |(answer, again)| json!({"url": answer.url, "digest": answer.digest, "again": again}),
        );
        answers.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_digest::Digest;

    fn listed() -> Vec<ResourceDescriptor> {
        let answer = |url: &str, role: &str| {
            ResourceDescriptor::file("x", &Digest::of(url))
                .at(url)
                .with("role", role)
        };
        let mut git = answer("git+https://h.example/p.git", "network-git");
        git.digest = [("gitCommit".to_owned(), "0123".to_owned())].into();
        let source = answer("https://h.example/source", "source");
        vec![answer("https://h.example/a", "network"), source, git]
    }

    #[test]
    fn every_answer_is_listed_with_its_digest() {
        let original = Answer::listed(&listed());
        let found = Answers::compare("a.apk", &original, &original[..1]).unwrap();
        let digest = Digest::of("https://h.example/a");
        assert_eq!(
            found.lines(),
            [
                "2 answers of servers, none of anything else".to_owned(),
                format!("{digest} https://h.example/a"),
                "gitCommit:0123 git+https://h.example/p.git, not asked for again".to_owned(),
            ]
        );
        assert_eq!(found.to_json()[0]["again"], true);
        assert_eq!(found.to_json()[1]["digest"], "gitCommit:0123");
        let none = Answers::compare("a.apk", &[], &[]).unwrap();
        assert!(none.lines().is_empty());
    }

    #[test]
    fn an_answer_that_is_not_listed_is_an_error() {
        let all = Answer::listed(&listed());
        let error = Answers::compare("a.apk", &all[..1], &all).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("gitCommit:0123 from git+https://h.example/p.git, which is not listed"),
            "{error}"
        );
        // The same place with another body is another answer.
        let mut other = all.clone();
        other[0].digest = "sha256:00".to_owned();
        assert!(Answers::compare("a.apk", &all, &other).is_err());
    }
}
