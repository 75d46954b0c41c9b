//! Cherry-picks: the only thing that needs a work tree on this host.

use super::GitError;
use super::cached::Cached;
use super::command::{Git, check_name, file_uri};
use super::export::History;
use bessemer_recipe::GitRequest;
use std::ffi::OsString;
use std::path::Path;

/// When picked commits are made: 1980-01-01, as melange has it for builds without a later
/// `SOURCE_DATE_EPOCH`.
const PICKED_AT: &str = "@315532800 +0000";

/// A line of `cherry-picks`: `[branch/]commit: reason`.
#[derive(Debug, PartialEq, Eq)]
struct Pick<'a> {
    branch: Option<&'a str>,
    commit: &'a str,
}

fn parse(line: &str) -> Result<Option<Pick<'_>>, GitError> {
    let text = line.split('#').next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let malformed = || GitError::Pick(line.to_owned());
    let (place, reason) = text.split_once(':').ok_or_else(malformed)?;
    let (branch, commit) = match place.rsplit_once('/') {
        Some((branch, commit)) => (Some(branch), commit),
        None => (None, place),
    };
    let digits = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if reason.trim().is_empty() || !digits || !(7..=64).contains(&commit.len()) {
        return Err(malformed());
    }
    if let Some(branch) = branch {
        check_name(branch)?;
    }
    Ok(Some(Pick { branch, commit }))
}

/// Applies the request's cherry-picks on top of the commit; the commit that results, which is the
/// commit itself when there are none.
pub(super) fn apply(
    request: &GitRequest,
    history: &History,
    cached: &Cached,
    work: &Path,
) -> Result<String, GitError> {
    let head = history
        .git()
        .line(&["rev-parse", "--verify", "refs/bessemer/commit"])?;
    let lines = request.cherry_picks.iter().map(|line| parse(line));
    let picks: Vec<Pick<'_>> = lines
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    if picks.is_empty() {
        return Ok(head);
    }
    let directory = work.join("picks");
    fs_err::create_dir(&directory)?;
    let git = Git::at(&directory);
    git.run(&["init", "--quiet", "."])?;
    for branch in picks.iter().filter_map(|pick| pick.branch) {
        cached.fetch_branch(branch)?;
    }
    let from = file_uri(cached.git().directory());
    let from = from
        .to_str()
        .ok_or_else(|| GitError::Output("init".to_owned()))?;
    let all = "+refs/*:refs/cached/*";
    git.run(&["fetch", "--quiet", "--no-tags", "--", from, &head, all])?;
    git.run(&["checkout", "--quiet", "--detach", &head])?;
    let date = [("GIT_COMMITTER_DATE", OsString::from(PICKED_AT))];
    for pick in &picks {
        git.run_with(&["cherry-pick", "-x", pick.commit], &date)?;
    }
    let picked = git.line(&["rev-parse", "--verify", "HEAD"])?;
    history.take(&directory, &picked)?;
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let pick = |branch, commit| Some(Pick { branch, commit });
        let cases = [
            ("main/0123456789: why", pick(Some("main"), "0123456789")),
            (
                "rel/2.x/0123456789: why",
                pick(Some("rel/2.x"), "0123456789"),
            ),
            ("0123456789: CVE: fix", pick(None, "0123456789")),
            ("# nothing", None),
            ("  ", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line).unwrap(), expected, "{line}");
        }
        for bad in [
            "0123456789",
            "0123456789:",
            "--abort: x",
            "-x/0123456789: y",
            "main/HEAD: z",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
