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
    /// pipeline where the source will be, and the caller under which name. Without an id the step
    /// does not run: nothing is noted.
    pub(crate) fn consider(
        &mut self,
        loaded: &Loaded,
        given: &Given<'_>,
        scope: &mut Scope<'_>,
        id: Option<&str>,
    ) -> Result<Option<String>, CompileError> {
        if loaded.origin != PipelineOrigin::Builtin {
            return Ok(None);
        }
        let asker = id.unwrap_or_default();
        let request = match loaded.uses.as_str() {
            "fetch" => file(given, scope, asker)?,
            "git-checkout" => git(given, scope, asker)?,
            _ => return Ok(None),
        };
        let name = request.cache_name.clone();
        let path = format!("{CACHE}/{}", request.cache_name);
        Arc::make_mut(&mut scope.inputs).insert(SOURCE_FILE.to_owned(), path);
        let Some(id) = id else { return Ok(Some(name)) };
        let known = |known: &SourceRequest| {
            known.cache_name == request.cache_name && test_of(&known.id) == test_of(id)
        };
        if !self.requests.iter().any(known) {
            self.requests.push(request);
        }
        Ok(Some(name))
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
    let git = git_request(&|name| input(scope, name));
    let git = git.map_err(|message| given.error("depth", message))?;
    if !git.branch.is_empty() && !git.tag.is_empty() {
        let message = "`git-checkout` takes a `branch` or a `tag`, not both".to_owned();
        return Err(given.error("branch", message));
    }
    Ok(checkout(input(scope, "repository"), git, id))
}

/// The request of a `git-checkout`, from its inputs; the error is about `depth`.
pub(crate) fn git_request<'v>(input: &dyn Fn(&str) -> &'v str) -> Result<GitRequest, String> {
    let lines = |name: &str| -> Vec<String> {
        let lines = input(name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    Ok(GitRequest {
        branch: input("branch").to_owned(),
        tag: input("tag").to_owned(),
        expected_commit: input("expected-commit").to_ascii_lowercase(),
        depth: depth(input)?,
        recurse_submodules: input("recurse-submodules") == "true",
        cherry_picks: lines("cherry-picks"),
        sparse_paths: lines("sparse-paths"),
    })
}

pub(crate) fn checkout(uri: &str, git: GitRequest, id: &str) -> SourceRequest {
    let identity = serde_json::json!([uri, git]).to_string();
    SourceRequest {
        id: id.to_owned(),
        cache_name: format!("request:{}", Digest::of(identity).hex()),
        uri: uri.to_owned(),
        sha256: None,
        sha512: None,
        purl_name: String::new(),
        purl_version: String::new(),
        git: Some(git),
    }
}

/// `unset` is a shallow clone, except where history is needed; `-1` is the whole history.
fn depth<'v>(input: &dyn Fn(&str) -> &'v str) -> Result<u64, String> {
    match input("depth") {
        "unset" | "" => {
            let whole = !input("branch").is_empty() && !input("expected-commit").is_empty()
                || !input("cherry-picks").is_empty();
            Ok(u64::from(!whole))
        }
        "-1" => Ok(0),
        text => text
            .parse()
            .map_err(|_| format!("`depth` must be a number, -1 or `unset`, found `{text}`")),
    }
}
