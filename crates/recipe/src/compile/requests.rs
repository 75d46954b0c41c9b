//! Sources: what the built-in `fetch` and `git-checkout` ask the control side for.

use super::CompileError;
use super::inputs::Given;
use super::scope::Scope;
use super::uses::Loaded;
use crate::plan::{GitRequest, PipelineOrigin, SourceRequest, test_of};
use bessemer_digest::Digest;
use std::sync::Arc;

/// The variable by which the built-in pipelines find their source in the guest.
const SOURCE_FILE: &str = "source.file";
/// Where sources are in the guest.
const CACHE: &str = "/var/cache/melange";

/// The sources asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    requests: Vec<SourceRequest>,
}

impl Requests {
    /// Notes a request when the pipeline is a built-in one that needs a source, and tells the
    /// pipeline where the source will be. Without an id the step does not run: nothing is noted.
    pub(crate) fn consider(
        &mut self,
        loaded: &Loaded,
        given: &Given<'_>,
        scope: &mut Scope<'_>,
        id: Option<&str>,
    ) -> Result<(), CompileError> {
        if loaded.origin != PipelineOrigin::Builtin {
            return Ok(());
        }
        let asker = id.unwrap_or_default();
        let request = match loaded.uses.as_str() {
            "fetch" => file(given, scope, asker)?,
            "git-checkout" => git(given, scope, asker)?,
            _ => return Ok(()),
        };
        let path = format!("{CACHE}/{}", request.cache_name);
        Arc::make_mut(&mut scope.inputs).insert(SOURCE_FILE.to_owned(), path);
        let Some(id) = id else { return Ok(()) };
        let known = |known: &SourceRequest| {
            known.cache_name == request.cache_name && test_of(&known.id) == test_of(id)
        };
        if !self.requests.iter().any(known) {
            self.requests.push(request);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<SourceRequest> {
        self.requests
    }
}

fn input<'s>(scope: &'s Scope<'_>, name: &str) -> &'s str {
    scope
        .inputs
        .get(&format!("inputs.{name}"))
        .map_or("", String::as_str)
}

fn file(given: &Given<'_>, scope: &Scope<'_>, id: &str) -> Result<SourceRequest, CompileError> {
    let sha256 = input(scope, "expected-sha256").to_ascii_lowercase();
    let sha512 = input(scope, "expected-sha512").to_ascii_lowercase();
    let uri = input(scope, "uri");
    let cache_name = if !sha256.is_empty() {
        format!("sha256:{sha256}")
    } else if !sha512.is_empty() {
        format!("sha512:{sha512}")
    } else if input(scope, "expected-none").is_empty() {
        let message = "`fetch` needs `expected-sha256` or `expected-sha512`".to_owned();
        return Err(given.error("uri", message));
    } else {
        format!("request:{}", Digest::of(uri).hex())
    };
    Ok(SourceRequest {
        id: id.to_owned(),
        cache_name,
        uri: uri.to_owned(),
        // `check_values` has made sure of the digits.
        sha256: Digest::from_hex(&sha256).ok(),
        sha512: (!sha512.is_empty()).then_some(sha512),
        purl_name: input(scope, "purl-name").to_owned(),
        purl_version: input(scope, "purl-version").to_owned(),
        git: None,
    })
}

fn git(given: &Given<'_>, scope: &Scope<'_>, id: &str) -> Result<SourceRequest, CompileError> {
    let lines = |name: &str| -> Vec<String> {
        let lines = input(scope, name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    let git = GitRequest {
        branch: input(scope, "branch").to_owned(),
        tag: input(scope, "tag").to_owned(),
        expected_commit: input(scope, "expected-commit").to_ascii_lowercase(),
        depth: depth(given, scope)?,
        recurse_submodules: input(scope, "recurse-submodules") == "true",
        cherry_picks: lines("cherry-picks"),
        sparse_paths: lines("sparse-paths"),
    };
    if !git.branch.is_empty() && !git.tag.is_empty() {
        let message = "`git-checkout` takes a `branch` or a `tag`, not both".to_owned();
        return Err(given.error("branch", message));
    }
    let uri = input(scope, "repository").to_owned();
    let identity = serde_json::json!([uri, git]).to_string();
    Ok(SourceRequest {
        id: id.to_owned(),
        cache_name: format!("request:{}", Digest::of(identity).hex()),
        uri,
        sha256: None,
        sha512: None,
        purl_name: String::new(),
        purl_version: String::new(),
        git: Some(git),
    })
}

/// `unset` is a shallow clone, except where history is needed; `-1` is the whole history.
fn depth(given: &Given<'_>, scope: &Scope<'_>) -> Result<u64, CompileError> {
    match input(scope, "depth") {
        "unset" | "" => {
            let whole = !input(scope, "branch").is_empty()
                && !input(scope, "expected-commit").is_empty()
                || !input(scope, "cherry-picks").is_empty();
            Ok(u64::from(!whole))
        }
        "-1" => Ok(0),
        text => text.parse().map_err(|_| {
            given.error(
                "depth",
                format!("`depth` must be a number, -1 or `unset`, found `{text}`"),
            )
        }),
    }
}
