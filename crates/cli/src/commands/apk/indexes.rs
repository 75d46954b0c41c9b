//! Index files, from the command line.

use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_apk::solver::Repository;
use bessemer_apk::{Index, Keyring, Limits, read_index};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `FILE`, or `@TAG FILE` as in `/etc/apk/repositories`.
#[derive(Debug, Clone)]
pub(super) struct Named {
    tag: Option<String>,
    path: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(tagged) = text.strip_prefix('@') else {
            return Ok(Self {
                tag: None,
                path: text.into(),
            });
        };
        match tagged.split_once(' ') {
            Some((tag, path)) if !tag.is_empty() && !path.trim().is_empty() => Ok(Self {
                tag: Some(tag.to_owned()),
                path: path.trim().into(),
            }),
            _ => Err("a tagged index is written `@tag FILE`".to_owned()),
        }
    }
}

impl Named {
    /// What lies below it, with the same tag.
    pub(super) fn below(&self, tail: &Path) -> Self {
        Self {
            tag: self.tag.clone(),
            path: self.path.join(tail),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.tag {
            write!(formatter, "@{tag} ")?;
        }
        write!(formatter, "{}", self.path.display())
    }
}

/// An index that was read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tag: Option<String>,
    pub(super) path: PathBuf,
    pub(super) index: Index,
}

/// Reads the indexes; with a keyring, each must be signed by one of its keys.
pub(super) fn open(named: &[Named], keyring: Option<&Keyring>) -> Result<Vec<Opened>> {
    let read = |named: &Named| {
        Ok(Opened {
            tag: named.tag.clone(),
            path: named.path.clone(),
            index: read(&named.path, keyring)?,
        })
    };
    named.iter().map(read).collect()
}

/// Contents of key files by name.
pub(super) type KeyFiles = BTreeMap<String, Vec<u8>>;

/// The keys, and the files they are in, by name; no keyring where there is no key.
pub(super) fn keyring(paths: &[PathBuf]) -> Result<(Option<Keyring>, KeyFiles)> {
    let mut keyring = Keyring::new();
    let mut files = BTreeMap::new();
    for path in paths {
        let unusable = || format!("cannot use the key {}", path.display());
        let name = path.file_name().ok_or_else(|| anyhow!(unusable()))?;
        let pem = fs_err::read_to_string(path).with_context(unusable)?;
        let name = name.to_string_lossy();
        keyring.add(&name, &pem).with_context(unusable)?;
        files.insert(name.into_owned(), pem.into_bytes());
    }
    Ok(((!paths.is_empty()).then_some(keyring), files))
}

fn read(path: &Path, keyring: Option<&Keyring>) -> Result<Index> {
    let limits = Limits::default();
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path)?;
    file.take(limits.index + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits.index {
        bail!("{} is larger than {} bytes", path.display(), limits.index);
    }
    let archive =
        read_index(&bytes, limits).with_context(|| format!("{} is no index", path.display()))?;
    if let Some(keyring) = keyring {
        keyring
            .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
            .with_context(|| format!("nothing vouches for {}", path.display()))?;
    }
    Ok(archive.index)
}

/// The indexes of each architecture that was asked for, all that there are without any; an index is
/// of the architecture that its packages are for, one of `noarch` packages alone is of all.
pub(super) fn by_arch<'a>(
    opened: &'a [Opened],
    wanted: &[String],
) -> Result<BTreeMap<String, Vec<Repository<'a>>>> {
    let of: Vec<Option<&str>> = opened.iter().map(|one| arch(&one.index)).collect();
    let names: Vec<&str> = if wanted.is_empty() {
        of.iter().copied().flatten().collect()
    } else {
        wanted.iter().map(String::as_str).collect()
    };
    if names.is_empty() {
        return Ok(BTreeMap::from([(
            "noarch".to_owned(),
            repositories(opened),
        )]));
    }
    let mut found = BTreeMap::new();
    for name in names {
        if !of.contains(&Some(name)) {
            bail!("no index has packages for {name}");
        }
        let fits = |(at, _): &(usize, &Opened)| of[*at].is_none_or(|own| own == name);
        let fitting = opened.iter().enumerate().filter(fits);
        found.insert(name.to_owned(), repositories(fitting.map(|(_, one)| one)));
    }
    Ok(found)
}

fn repositories<'a>(opened: impl IntoIterator<Item = &'a Opened>) -> Vec<Repository<'a>> {
    let repository = |one: &'a Opened| Repository {
        tag: one.tag.as_deref(),
        index: &one.index,
    };
    opened.into_iter().map(repository).collect()
}

/// The architecture that an index is for; `None` when all of its packages are for any.
pub(super) fn arch(index: &Index) -> Option<&str> {
    let mut archs = index.entries.iter().map(|entry| entry.arch.as_str());
    archs.find(|arch| !matches!(*arch, "noarch" | "all" | ""))
}
