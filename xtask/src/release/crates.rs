//! Crates that a program of the workspace needs, as cargo has them from their registry.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// A crate of a registry.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// Of the `.crate`, in hexadecimal.
    pub(super) sha256: String,
    /// Where the registry offers it.
    pub(super) uri: String,
    /// Cargo's copy.
    file: PathBuf,
}

impl Crate {
    /// Those that a `Cargo.lock` names, each as a registry of cargo's has it.
    pub(super) fn locked(lock: &str) -> Result<Vec<Self>> {
        let registries = Registry::all()?;
        let find = |locked: Locked| {
            let name = format!("{}-{}.crate", locked.name, locked.version);
            let of = |registry: &Registry| {
                let file = registry.cache.join(&name);
                file.is_file().then_some(file)
            };
            let found = registries
                .iter()
                .find_map(|registry| Some((registry, of(registry)?)));
            let Some((registry, file)) = found else {
                bail!("cargo's cache has no {name}; run `cargo fetch`");
            };
            Ok(Self {
                uri: uri(&registry.download, &locked)?,
                name: locked.name,
                version: locked.version,
                sha256: locked.sha256,
                file,
            })
        };
        parse(lock)?.into_iter().map(find).collect()
    }

    /// Puts it where a build looks for sources by their digests; the build holds it against the digest.
    pub(super) fn copy_into(&self, folder: &Path) -> Result<()> {
        let name = folder.join(format!("sha256:{}", self.sha256));
        if !name.exists() {
            fs_err::copy(&self.file, name)?;
        }
        Ok(())
    }
}

/// An entry of a `Cargo.lock` that comes from a registry.
#[derive(Debug, PartialEq, Eq)]
struct Locked {
    name: String,
    version: String,
    sha256: String,
}

fn parse(lock: &str) -> Result<Vec<Locked>> {
    let mut crates = Vec::new();
    for entry in lock.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let start = format!("{name} = \"");
            let mut lines = entry.lines();
            lines.find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
        };
        if value("source").is_none() {
            continue;
        }
        let field = |name: &str| {
            let found = value(name).map(str::to_owned);
            found.with_context(|| format!("an entry of Cargo.lock has no {name}: {entry}"))
        };
        crates.push(Locked {
            name: field("name")?,
            version: field("version")?,
            sha256: field("checksum")?,
        });
    }
    Ok(crates)
}

/// A registry in cargo's home.
struct Registry {
    /// Folder with its crates.
    cache: PathBuf,
    /// `dl` of its index.
    download: String,
}

impl Registry {
    fn all() -> Result<Vec<Self>> {
        let home = cargo_home()?.join("registry");
        let mut found = Vec::new();
        for entry in fs_err::read_dir(home.join("cache"))? {
            let entry = entry?;
            let index = home.join("index").join(entry.file_name());
            let text = fs_err::read(index.join("config.json"))?;
            let config: serde_json::Value = serde_json::from_slice(&text)?;
            let download = config["dl"].as_str();
            found.push(Self {
                cache: entry.path(),
                download: download
                    .context("a registry of cargo's does not say where its crates are")?
                    .to_owned(),
            });
        }
        Ok(found)
    }
}

/// Cargo's rule for `dl` (the Cargo book, "Index Format"): markers, or else a path that is appended.
fn uri(download: &str, locked: &Locked) -> Result<String> {
    let template = if download.contains('{') {
        download.to_owned()
    } else {
        format!("{download}/{{crate}}/{{version}}/download")
    };
    let uri = template
        .replace("{crate}", &locked.name)
        .replace("{version}", &locked.version)
        .replace("{sha256-checksum}", &locked.sha256);
    if uri.contains('{') {
        bail!("`{download}` has a marker that is not known here");
    }
    Ok(uri)
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libc() -> Locked {
        Locked {
            name: "libc".to_owned(),
            version: "0.2.1".to_owned(),
            sha256: "aa".to_owned(),
        }
    }

    #[test]
    fn only_what_comes_from_a_registry_is_a_source() {
        let lock = "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\n \"libc\",\n]\n\n[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"registry+https://example\"\nchecksum = \"aa\"\n";
        assert_eq!(parse(lock).unwrap(), [libc()]);
        let without = lock.replace("checksum = \"aa\"\n", "");
        assert!(parse(&without).is_err());
    }

    #[test]
    fn a_registry_says_where_its_crates_are() {
        let at = |download| uri(download, &libc()).ok();
        let expected = Some("https://r.example/c/libc/0.2.1/download".to_owned());
        assert_eq!(at("https://r.example/c"), expected);
        let marked = at("https://r.example/{sha256-checksum}/{crate}-{version}.crate");
        assert_eq!(marked.unwrap(), "https://r.example/aa/libc-0.2.1.crate");
        assert_eq!(at("https://r.example/{prefix}/{crate}"), None);
    }
}
