//! Index files, from the command line.

use super::reach::Reach;
use crate::hints::UNSIGNED_INDEX;
use crate::print::{self, Hint};
use anyhow::{Context as _, Result, bail};
use bessemer_apk::solver::Repository;
use bessemer_apk::{Dependency, Index, Keyring, Limits, VerifyError, read_index};
use bessemer_store::Uri;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Largest key file, in bytes.
const MAX_KEY: u64 = 64 << 10;

/// `PLACE`, or `@TAG PLACE` as in `/etc/apk/repositories`: a path or a URL.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) tag: Option<String>,
    pub(super) place: Uri,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tag, place) = match text.strip_prefix('@') {
            None => (None, text),
            Some(tagged) => match tagged.split_once(' ') {
                Some((tag, place)) if !tag.is_empty() && !place.trim().is_empty() => {
                    (Some(tag.to_owned()), place.trim())
                }
                _ => return Err("a tagged index is written `@tag FILE`".to_owned()),
            },
        };
        let place: Uri = place.parse().map_err(|error| format!("{error}"))?;
        if place.has_query() {
            return Err("files are found by adding to it, so it has no query".to_owned());
        }
        Ok(Self { tag, place })
    }
}

impl Named {
    /// What lies below it, with the same tag.
    pub(super) fn below(&self, tail: &str) -> Self {
        Self {
            tag: self.tag.clone(),
            place: self.place.join(tail),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.tag {
            write!(formatter, "@{tag} ")?;
        }
        write!(formatter, "{}", self.place)
    }
}

/// An index that was read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tag: Option<String>,
    pub(super) place: Uri,
    pub(super) index: Index,
}

/// Reads the indexes; with a keyring, each must be signed by one of its keys.
pub(super) fn open(
    named: &[Named],
    keyring: Option<&Keyring>,
    reach: &Reach,
) -> Result<Vec<Opened>> {
    let read = |named: &Named| open_one(named, keyring, reach);
    named.iter().map(read).collect()
}

/// Reads one index.
pub(super) fn open_one(named: &Named, keyring: Option<&Keyring>, reach: &Reach) -> Result<Opened> {
    let limits = Limits::default();
    let place = &named.place;
    let bytes = reach.read(place, limits.index)?;
    let archive = read_index(&bytes, limits).with_context(|| format!("{place} is no index"))?;
    if let Some(keyring) = keyring {
        keyring
            .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
            .map_err(|error| {
                let unsigned = matches!(error, VerifyError::Unsigned);
                let error = anyhow::Error::from(error);
                if unsigned {
                    return error.context(Hint(UNSIGNED_INDEX.to_owned()));
                }
                error
            })
            .with_context(|| format!("nothing vouches for {place}"))?;
    }
    Ok(Opened {
        tag: named.tag.clone(),
        place: place.clone(),
        index: archive.index,
    })
}

/// Contents of key files by name.
pub(super) type KeyFiles = BTreeMap<String, Vec<u8>>;

/// The keys, and the files they are in.
pub(super) fn keyring(places: &[Uri], reach: &Reach) -> Result<(Keyring, KeyFiles)> {
    let mut keyring = Keyring::new();
    let mut files = BTreeMap::new();
    for place in places {
        let unusable = || format!("cannot use the key {place}");
        if place.is_insecure() {
            bail!(
                "{}: over plain HTTP, anybody on the way could change it",
                unusable()
            );
        }
        let name = place.file_name().replace("%40", "@");
        let bytes = reach.read(place, MAX_KEY).with_context(unusable)?;
        let pem = String::from_utf8(bytes).with_context(unusable)?;
        keyring.add(&name, &pem).with_context(unusable)?;
        files.insert(name, pem.into_bytes());
    }
    Ok((keyring, files))
}

/// Says of each constraint whose tag no index has that it is met by any without one, as with apko;
/// apk refuses it.
pub(super) fn say_unknown_tags<'a>(
    world: &[Dependency],
    tags: impl IntoIterator<Item = &'a Option<String>>,
) {
    let known: BTreeSet<&str> = tags.into_iter().filter_map(Option::as_deref).collect();
    let there = if known.is_empty() {
        "none has any".to_owned()
    } else {
        let known: Vec<String> = known.iter().map(|tag| format!("@{tag}")).collect();
        format!("there are {}", known.join(", "))
    };
    for dependency in world {
        let Some(tag) = &dependency.pin else { continue };
        if !known.contains(tag.as_str()) {
            print::warning(&format!(
                "`{dependency}`: no index has the tag @{tag} ({there}), so it is taken from one without a tag, as with apko"
            ));
        }
    }
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
