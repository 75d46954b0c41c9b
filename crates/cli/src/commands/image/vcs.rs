//! Where an image file comes from, by the git repository that it is in.

use std::path::{Path, PathBuf};

/// `URL@COMMIT` of the remote `origin` and of what is checked out; `None` where there is no such
/// repository. It is looked for from the image file upwards, not above the working directory.
pub(super) fn probe(config: &Path) -> Option<String> {
    let here = fs_err::canonicalize(".").ok()?;
    let file = fs_err::canonicalize(config).ok()?;
    let inside = |directory: &&Path| directory.starts_with(&here);
    let mut directories = file.parent()?.ancestors().take_while(inside);
    let git = directories.find_map(git_directory)?;
    let url = origin(&fs_err::read_to_string(git.join("config")).ok()?)?;
    let commit = head(&git)?;
    Some(format!("{}@{commit}", bessemer_store::without_user(&url)))
}

/// The repository of a directory: `.git`, or where a file of that name says.
fn git_directory(directory: &Path) -> Option<PathBuf> {
    let git = directory.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs_err::read_to_string(git).ok()?;
    let place = directory.join(text.strip_prefix("gitdir:")?.trim());
    // A work tree has its head there, and the rest where `commondir` says.
    place.join("config").is_file().then_some(place)
}

/// The address of the remote `origin`.
fn origin(config: &str) -> Option<String> {
    let lines = config.lines().map(str::trim);
    let mut section = lines
        .skip_while(|line| *line != "[remote \"origin\"]")
        .skip(1);
    let own = section.by_ref().take_while(|line| !line.starts_with('['));
    let url = own
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "url");
    url.map(|(_, url)| url.trim().to_owned())
}

fn head(git: &Path) -> Option<String> {
    let head = fs_err::read_to_string(git.join("HEAD")).ok()?;
    let commit = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(reference) => match fs_err::read_to_string(git.join(reference)) {
            Ok(commit) => commit.trim().to_owned(),
            Err(_) => packed(git, reference)?,
        },
    };
    let is_digest = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then_some(commit)
}

fn packed(git: &Path, reference: &str) -> Option<String> {
    let packed = fs_err::read_to_string(git.join("packed-refs")).ok()?;
    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
    let (commit, _) = lines.find(|(_, name)| *name == reference)?;
    Some(commit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_found_among_remotes() {
        let config = "[core]\n\tbare = false\n[remote \"other\"]\n\turl = no\n[remote \"origin\"]\n\tfetch = +refs\n\turl = https://host/x.git\n[branch \"main\"]\n\turl = no\n";
        assert_eq!(origin(config).as_deref(), Some("https://host/x.git"));
        assert_eq!(origin("[remote \"origin\"]\n[core]\nurl = no\n"), None);
    }

    #[test]
    fn heads_are_found_loose_packed_and_detached() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs_err::write(path, text).expect("a file");
        };
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        write("HEAD", "ref: refs/heads/main\n");
        assert_eq!(head(directory.path()), None);
        write(
            "packed-refs",
            &format!("# pack-refs\n{one} refs/heads/main\n"),
        );
        assert_eq!(head(directory.path()), Some(one));
        write("refs/heads/main", &format!("{two}\n"));
        assert_eq!(head(directory.path()), Some(two.clone()));
        write("HEAD", &two);
        assert_eq!(head(directory.path()), Some(two));
        write("HEAD", "nothing");
        assert_eq!(head(directory.path()), None);
    }
}
