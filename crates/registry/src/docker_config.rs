//! Docker's configuration file, as far as it says how to log in.
//!
//! Source: `config.json` of Docker's command line (`auths`, `credHelpers`, `credsStore`), and for
//! keys with a path in them containers/image's `auth.json`.

mod entry;
#[cfg(test)]
mod tests;

use crate::credential_helper::{Answer, CredentialHelperError, Helper};
use crate::login::Login;
use crate::reference::Reference;
use entry::Entry;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most bytes of a configuration file.
const CONFIG_LIMIT: usize = 1 << 20;
/// Names that stand for the default registry, in the files and for the helpers of Docker's tools.
const DEFAULT_KEYS: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];
/// What helpers call the default registry.
const DEFAULT_SERVER: &str = "https://index.docker.io/v1/";

/// How to log in to registries, by Docker's configuration file. Shown without secrets.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    helpers: BTreeMap<String, Helper>,
    default_helper: Option<Helper>,
}

/// Why a configuration file cannot be used. Nothing of it is repeated but names.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// Not JSON of the file's shape. serde's message may repeat what is in the file, so it is not
    /// kept.
    #[error("it is not Docker's configuration file (line {line}, column {column})")]
    Shape {
        /// Where it stops being one; lines count from 1.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// More than a configuration file can have.
    #[error("it has more than {CONFIG_LIMIT} bytes")]
    Size,
    /// `auth` is not base64 of a user name, a colon and a password.
    #[error("its entry for `{0}` is not `USER:PASSWORD` in base64")]
    Entry(String),
    /// The name of a helper could be that of another program.
    #[error("`{0}` is not the name of a credential helper")]
    HelperName(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(default)]
    auths: BTreeMap<String, entry::Written>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: String,
}

impl DockerConfig {
    /// Reads a configuration file. The programs `docker-credential-<name>` that it names are looked
    /// for in `folders`, and started when a login is asked for.
    pub fn parse(text: &[u8], folders: &[PathBuf]) -> Result<Self, DockerConfigError> {
        if text.len() > CONFIG_LIMIT {
            return Err(DockerConfigError::Size);
        }
        let written: Written =
            serde_json::from_slice(text).map_err(|error| DockerConfigError::Shape {
                line: error.line(),
                column: error.column(),
            })?;
        let mut auths = BTreeMap::new();
        for (key, entry) in &written.auths {
            let read = Entry::read(entry);
            let read = read.ok_or_else(|| DockerConfigError::Entry(host_of(key).to_owned()))?;
            auths.insert(normalized(key), read);
        }
        let helper = |name: &str| {
            Helper::new(name, folders)
                .ok_or_else(|| DockerConfigError::HelperName(name.chars().take(100).collect()))
        };
        let mut helpers = BTreeMap::new();
        for (key, name) in &written.cred_helpers {
            helpers.insert(normalized(key), helper(name)?);
        }
        let default_helper = match written.creds_store.as_str() {
            "" => None,
            name => Some(helper(name)?),
        };
        Ok(Self {
            auths,
            helpers,
            default_helper,
        })
    }

    /// How to log in for this image: by the registry's helper, by the default helper, then by the
    /// file's own entries, of which the one with the longest path that leads to the image is taken.
    pub fn login(&self, reference: &Reference) -> Result<Login, CredentialHelperError> {
        let keys = keys(reference);
        let own = keys.iter().find_map(|key| self.helpers.get(key));
        if let Some(helper) = own.or(self.default_helper.as_ref()) {
            let is_default = reference.registry() == "docker.io";
            let server = if is_default {
                DEFAULT_SERVER
            } else {
                reference.registry()
            };
            match helper.get(server)? {
                Answer::Login(login) => return Ok(login),
                Answer::Unknown => {}
            }
        }
        let entry = keys.iter().find_map(|key| self.auths.get(key));
        Ok(entry.map(Entry::login).unwrap_or_default())
    }
}

/// What an image can be found by: registry and folders, longest first.
fn keys(reference: &Reference) -> Vec<String> {
    let mut keys = Vec::new();
    let mut path = Some(reference.repository());
    while let Some(folder) = path {
        keys.push(format!("{}/{folder}", reference.registry()));
        path = folder.rsplit_once('/').map(|(above, _)| above);
    }
    keys.push(reference.registry().to_owned());
    keys
}

/// A key without scheme, and without the path that Docker writes behind some hosts.
fn normalized(key: &str) -> String {
    let (host, path) = match key.split_once("://") {
        // Docker's own keys with a scheme have paths that mean nothing (`/v1/`, `/v2/`).
        Some(_) => (host_of(key), ""),
        None => key.split_once('/').unwrap_or((key, "")),
    };
    let host = if DEFAULT_KEYS.contains(&host) {
        "docker.io"
    } else {
        host
    };
    match path.trim_end_matches('/') {
        "" | "v1" | "v2" => host.to_owned(),
        path => format!("{host}/{path}"),
    }
}

fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
