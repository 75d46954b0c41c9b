//! The lists that apt has verified, checked once more against each other: the digest of a package
//! comes from a Packages file whose own digest stands in the signed release file.

use crate::apt::{AptError, Chosen, command, run};
use crate::control::Paragraph;
use bessemer_digest::{Digest, HashingReader};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

/// Decompresses apt's lists, whatever they are compressed with.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// A signed release file.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) sha256: Digest,
    pub(crate) fields: Paragraph,
}

/// A package with its paragraph, and the lists that vouch for it.
#[derive(Debug, Clone)]
pub(crate) struct Available {
    pub(crate) paragraph: Paragraph,
    pub(crate) sha256: Digest,
    pub(crate) packages_name: String,
    pub(crate) packages_sha256: Digest,
    pub(crate) release: Release,
}

/// Finds each chosen package in the lists that apt has verified; in the order of `chosen`.
pub(crate) fn look_up(chosen: &[Chosen]) -> Result<Vec<Available>, AptError> {
    let targets = run(command("apt-get").args(["indextargets", "Created-By: Packages"]))?;
    let mut found: BTreeMap<Chosen, Available> = BTreeMap::new();
    for target in targets.split("\n\n").map(Paragraph::parse) {
        if target.get("Trusted") != "yes" || found.len() == chosen.len() {
            continue;
        }
        for (key, available) in read_target(&target, chosen)? {
            found.entry(key).or_insert(available);
        }
    }
    let missing = |one: &Chosen| AptError::Unlisted {
        name: one.name.clone(),
        version: one.version.clone(),
    };
    chosen
        .iter()
        .map(|one| found.get(one).cloned().ok_or_else(|| missing(one)))
        .collect()
}

fn read_target(
    target: &Paragraph,
    chosen: &[Chosen],
) -> Result<Vec<(Chosen, Available)>, AptError> {
    let meta_key = target.get("MetaKey");
    let file = target.get("Filename");
    let unsigned = || AptError::Unsigned {
        list: meta_key.to_owned(),
        origin: target.get("Origin").to_owned(),
        codename: target.get("Codename").to_owned(),
    };
    let release = release_of(file, meta_key)?.ok_or_else(unsigned)?;
    let mut helper = command(APT_HELPER);
    let mut child = helper
        .args(["cat-file", file])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| AptError::Run {
            program: APT_HELPER.into(),
            source,
        })?;
    let stdout = child.stdout.take().ok_or_else(unsigned)?;
    let mut reader = BufReader::with_capacity(1 << 16, HashingReader::new(stdout));
    let paragraphs = matching_paragraphs(&mut reader, chosen)?;
    let packages_sha256 = reader.into_inner().digest();
    let status = child.wait()?;
    if !status.success() || !lists(&release.fields, meta_key, &packages_sha256) {
        return Err(unsigned());
    }
    let available = paragraphs.into_iter().filter_map(|(key, paragraph)| {
        let sha256 = Digest::from_hex(paragraph.get("SHA256")).ok()?;
        let (packages_name, release) = (meta_key.to_owned(), release.clone());
        Some((
            key,
            Available {
                paragraph,
                sha256,
                packages_name,
                packages_sha256,
                release,
            },
        ))
    });
    Ok(available.collect())
}

/// The release file beside a list: apt names both after the archive, and ends the list's name with
/// its path below the release, slashes as underscores.
fn release_of(list: &str, meta_key: &str) -> Result<Option<Release>, AptError> {
    let Some(end) = list.rfind(&format!("_{}", meta_key.replace('/', "_"))) else {
        return Ok(None);
    };
    // A detached signature goes with `Release`; apt keeps it only if it verified.
    for name in ["InRelease", "Release"] {
        let path = PathBuf::from(format!("{}_{name}", &list[..end]));
        if path.exists() {
            let bytes = fs_err::read(path)?;
            let fields = Paragraph::parse(signed_part(&String::from_utf8_lossy(&bytes)));
            return Ok(Some(Release {
                sha256: Digest::of(&bytes),
                fields,
            }));
        }
    }
    Ok(None)
}

/// What the signature of a clear-signed text covers; a text without the armour is all of it.
pub(crate) fn signed_part(text: &str) -> &str {
    let Some((_, signed)) = text.split_once("-----BEGIN PGP SIGNED MESSAGE-----\n") else {
        return text;
    };
    let body = signed.split_once("\n\n").map_or("", |(_, body)| body);
    body.split_once("\n-----BEGIN PGP SIGNATURE-----")
        .map_or("", |(body, _)| body)
}

/// Whether a release file lists `name` with this digest.
fn lists(release: &Paragraph, name: &str, sha256: &Digest) -> bool {
    release.get("SHA256").lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some(sha256.hex().as_str()) && words.nth(1) == Some(name)
    })
}

/// Reads a whole Packages file and keeps the paragraphs of chosen packages.
pub(crate) fn matching_paragraphs(
    reader: &mut impl BufRead,
    chosen: &[Chosen],
) -> io::Result<Vec<(Chosen, Paragraph)>> {
    let mut found = Vec::new();
    let mut text = String::new();
    loop {
        let read = reader.read_line(&mut text)?;
        if read > 1 {
            continue;
        }
        let name = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("Package: "));
        if name.is_some_and(|name| chosen.iter().any(|one| one.name == name)) {
            let paragraph = Paragraph::parse(&text);
            let key = Chosen {
                name: paragraph.get("Package").to_owned(),
                version: paragraph.get("Version").to_owned(),
            };
            if chosen.contains(&key) {
                found.push((key, paragraph));
            }
        }
        text.clear();
        if read == 0 {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_chosen_paragraphs_only() {
        let text = "Package: a\nVersion: 1\n\nPackage: a\nVersion: 2\n\nPackage: b\nVersion: 1\n";
        let chosen = [Chosen {
            name: "a".into(),
            version: "2".into(),
        }];
        let found = matching_paragraphs(&mut text.as_bytes(), &chosen).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, chosen[0]);
    }

    #[test]
    fn only_the_signed_part_counts() {
        let text = "Origin: no\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: yes\n\
                    -----BEGIN PGP SIGNATURE-----\nOrigin: no\n";
        assert_eq!(signed_part(text), "Origin: yes");
        assert_eq!(signed_part("Origin: x\n"), "Origin: x\n");
    }

    #[test]
    fn a_release_lists_by_digest_and_name() {
        let digest = Digest::of(b"x");
        let text = format!("Origin: D\nSHA256:\n {} 1 main/Packages\n", digest.hex());
        let release = Paragraph::parse(&text);
        assert!(lists(&release, "main/Packages", &digest));
        assert!(!lists(&release, "main/Other", &digest));
        assert!(!lists(&release, "main/Packages", &Digest::of(b"y")));
    }
}
