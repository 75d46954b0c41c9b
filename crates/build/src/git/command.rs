//! Running the machine's git, with nothing of this machine's configuration.

use super::GitError;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Schemes that git may speak; `ext::` and the like would run programs.
const PROTOCOLS: &str = "https:http:git:ssh:file";
/// Lines of a failure that are shown.
const SHOWN_LINES: usize = 6;
/// Settings of every call, against what a repository or a remote could ask for.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
    "protocol.version=2",
    "pack.threads=1",
    "pack.writeReverseIndex=false",
    "uploadpack.allowAnySHA1InWant=true",
    "user.name=Bessemer",
    "user.email=bessemer@localhost",
];

/// Git in one repository.
#[derive(Debug, Clone)]
pub(super) struct Git {
    directory: PathBuf,
}

impl Git {
    pub(super) fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().current_dir(&self.directory);
        for name in [
            "PATH",
            "SSH_AUTH_SOCK",
            "https_proxy",
            "http_proxy",
            "no_proxy",
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            // The repositories are this process's own, and everything in them is checked by name.
            .env(
                "GIT_CEILING_DIRECTORIES",
                self.directory.parent().unwrap_or(&self.directory),
            );
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Runs a subcommand and returns what it printed.
    pub(super) fn run(&self, words: &[&str]) -> Result<Vec<u8>, GitError> {
        self.run_with(words, &[])
    }

    /// The same with further variables.
    pub(super) fn run_with(
        &self,
        words: &[&str],
        variables: &[(&str, OsString)],
    ) -> Result<Vec<u8>, GitError> {
        let output = self
            .command(words)
            .envs(
                variables
                    .iter()
                    .map(|(name, value)| (name, value.as_os_str())),
            )
            .output()
            .map_err(GitError::Start)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Failed {
            command: subcommand(words),
            said: last_lines(&output.stderr),
        })
    }

    /// Runs a subcommand that prints one line.
    pub(super) fn line(&self, words: &[&str]) -> Result<String, GitError> {
        let text = String::from_utf8(self.run(words)?);
        let text = text.map_err(|_| GitError::Output(subcommand(words)))?;
        Ok(text.trim_end().to_owned())
    }

    /// Whether a subcommand that answers by its exit status says yes.
    pub(super) fn holds(&self, words: &[&str]) -> Result<bool, GitError> {
        let output = self.command(words).output().map_err(GitError::Start)?;
        Ok(output.status.success())
    }

    /// Starts a subcommand that answers on standard output what it is asked on standard input.
    pub(super) fn converse(&self, words: &[&str]) -> Result<Child, GitError> {
        self.command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(GitError::Start)
    }
}

fn subcommand(words: &[&str]) -> String {
    let mut words = words.iter().filter(|word| !word.starts_with('-'));
    words.next().copied().unwrap_or_default().to_owned()
}

fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    without_credentials(&shown.join("; "))
}

/// Git repeats addresses in its messages; what stands before an `@` in one may be a password.
pub(super) fn without_credentials(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.find('/').unwrap_or(rest.len());
            match rest[..host].rfind('@') {
                Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
                None => word.to_owned(),
            }
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Refuses what is no address of a remote: an option, another transport, a path of this host that
/// is not written as one.
pub(super) fn check_uri(uri: &str) -> Result<(), GitError> {
    let known = PROTOCOLS.split(':').any(|scheme| {
        uri.strip_prefix(scheme)
            .is_some_and(|rest| rest.starts_with("://"))
    });
    if known
        && !uri
            .chars()
            .any(|letter| letter.is_control() || letter == ' ')
    {
        return Ok(());
    }
    Err(GitError::Scheme(without_credentials(uri)))
}

/// Refuses what git could take for an option or an expression instead of a name.
pub(super) fn check_name(name: &str) -> Result<(), GitError> {
    let odd = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    let refused = name.is_empty()
        || name.starts_with(['-', '/', '.'])
        || name.ends_with(['/', '.'])
        || name.contains("..")
        || name.contains("@{")
        || name.contains("//")
        || name.contains(odd);
    if refused {
        return Err(GitError::Name(name.to_owned()));
    }
    Ok(())
}

/// A path as a `file:` address.
pub(super) fn file_uri(path: &Path) -> OsString {
    let mut uri = OsString::from("file://");
    uri.push(OsStr::new(path));
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "https://a.test/x.git",
            "ssh://git@a.test/x",
            "file:///srv/x",
        ] {
            assert!(check_uri(good).is_ok(), "{good}");
        }
        for bad in [
            "ext::sh -c id",
            "--upload-pack=id",
            "/srv/x",
            "git@a.test:x",
            "https://a b",
        ] {
            assert!(check_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names() {
        for good in ["v1.0", "release/2.x", "a@b"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a..b", "a:b", "a^", "x@{1}", "a b", "/a", "a/"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_what_git_says_is_not_shown() {
        let said = last_lines(b"fatal: cannot read https://user:word@a.test/x.git: gone\n");
        assert_eq!(said, "fatal: cannot read https://a.test/x.git: gone");
    }
}
