//! Submodules: the trees that a tree names in other repositories.

use super::cached::Cached;
use super::command::Git;
use super::export::History;
use super::tree::{Entry, Kind, check_path, list};
use super::{GitError, Ground};
use std::collections::BTreeMap;

/// Most submodules of a checkout, those of submodules included; a ring of them ends here.
pub const MAX_SUBMODULES: usize = 500;

/// Puts the submodules' files in the place of the entries that name them. Their own `.git` does not
/// go along: a submodule is its files.
pub(super) fn expand(
    entries: Vec<Entry>,
    uri: &str,
    history: &History,
    head: &str,
    ground: Ground<'_>,
) -> Result<Vec<Entry>, GitError> {
    let mut seen = 0;
    let mut walk = Walk {
        ground,
        seen: &mut seen,
    };
    walk.expand(entries, "", uri, history.git(), head)
}

struct Walk<'a> {
    ground: Ground<'a>,
    seen: &'a mut usize,
}

impl Walk<'_> {
    /// `prefix` is where this repository's tree stands: empty, or a path that ends with a slash.
    fn expand(
        &mut self,
        entries: Vec<Entry>,
        prefix: &str,
        uri: &str,
        git: &Git,
        commit: &str,
    ) -> Result<Vec<Entry>, GitError> {
        let known = if entries.iter().any(|entry| entry.kind == Kind::Submodule) {
            declared(git, commit)?
        } else {
            BTreeMap::new()
        };
        let mut expanded = Vec::new();
        for mut entry in entries {
            let path = format!("{prefix}{}", entry.path);
            if entry.kind == Kind::Submodule {
                let failed = |reason: &str| GitError::Submodule {
                    path: path.clone(),
                    reason: reason.to_owned(),
                };
                let place = known.get(&entry.path);
                let place = place.ok_or_else(|| failed("`.gitmodules` does not name it"))?;
                let place =
                    absolute(uri, place).ok_or_else(|| failed("its address leads nowhere"))?;
                *self.seen += 1;
                if *self.seen > MAX_SUBMODULES {
                    return Err(failed("there are too many submodules"));
                }
                let cached = Cached::open(&place, 1, self.ground)?;
                cached.fetch_commit(&entry.object)?;
                let inner = list(cached.git(), &entry.object, &[])?;
                let below = format!("{path}/");
                let inner = self.expand(inner, &below, &place, cached.git(), &entry.object)?;
                expanded.extend(inner);
            } else {
                entry.path = path;
                check_path(&entry.path)?;
                expanded.push(entry);
            }
        }
        Ok(expanded)
    }
}

/// Paths and addresses of `.gitmodules` at a commit (gitmodules(5)).
fn declared(git: &Git, commit: &str) -> Result<BTreeMap<String, String>, GitError> {
    let blob = format!("{commit}:.gitmodules");
    if !git.holds(&["cat-file", "-e", &blob])? {
        return Ok(BTreeMap::new());
    }
    let wanted = "^submodule\\..*\\.(path|url)$";
    let printed = git.run(&["config", "--blob", &blob, "-z", "--get-regexp", wanted])?;
    let printed = String::from_utf8_lossy(&printed);
    let mut modules: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for line in printed.split('\0') {
        let Some((key, value)) = line.split_once('\n') else {
            continue;
        };
        if let Some((name, "path")) = key.rsplit_once('.') {
            modules.entry(name).or_default().0 = Some(value);
        } else if let Some((name, "url")) = key.rsplit_once('.') {
            modules.entry(name).or_default().1 = Some(value);
        }
    }
    let pairs = modules
        .into_values()
        .filter_map(|(path, url)| path.zip(url));
    Ok(pairs
        .map(|(path, url)| (path.to_owned(), url.to_owned()))
        .collect())
}

/// A submodule's address; `./` and `../` are relative to the repository that names it.
fn absolute(parent: &str, address: &str) -> Option<String> {
    if !address.starts_with("./") && !address.starts_with("../") {
        return Some(address.to_owned());
    }
    let (scheme, rest) = parent.split_once("://")?;
    let mut parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    for part in address.split('/') {
        match part {
            "" | "." => {}
            // The host stays.
            ".." if parts.len() > 1 => drop(parts.pop()),
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(format!("{scheme}://{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::absolute;

    #[test]
    fn addresses() {
        let cases = [
            (
                "https://h.test/a/b.git",
                "../c.git",
                Some("https://h.test/a/c.git"),
            ),
            ("https://h.test/a/b", "./c", Some("https://h.test/a/b/c")),
            ("https://h.test/a", "../../c", None),
            ("file:///srv/a", "../b", Some("file:///srv/b")),
            (
                "https://h.test/a",
                "https://o.test/x",
                Some("https://o.test/x"),
            ),
        ];
        for (parent, address, expected) in cases {
            assert_eq!(absolute(parent, address).as_deref(), expected, "{address}");
        }
    }
}
