//! The package that has a file, by the image's own database.

use super::Owner;
use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bessemer_apk::install::{Database, InstalledFile, InstalledRecord};
use bessemer_apk::{Limits, Sha1Bytes};
use bessemer_digest::Digest;
use bessemer_image::{Inventory, Reached, SeenKind};
use std::collections::HashMap;

/// The package that has the file, one that has it as it is before others; nothing if none has it. `named` says which
/// package of a name and version the verified provenance has.
pub(super) fn owner(
    reached: &Reached,
    inventory: &Inventory,
    named: &dyn Fn(&str, &str) -> Option<Digest>,
) -> Result<Option<Owner>> {
    let text = inventory.database();
    let text =
        text.context("the image has no database of packages, so nobody knows whose the file is")?;
    let text = std::str::from_utf8(text).context("the image's package database is not text")?;
    let database = Database::parse(text, Limits::default());
    let database = database.context("the image's package database cannot be read")?;
    let having = having(reached, inventory, &database);
    let judged = having.into_iter().map(|(record, file)| {
        let differs = difference(&reached.seen.kind, file.sha1.as_ref());
        (record, differs)
    });
    // The first of those that are equally good.
    let best = judged.min_by_key(|(_, differs)| differs.is_some());
    Ok(best.map(|(record, differs)| {
        let (package, version) = (&record.entry.name, record.entry.version.to_string());
        Owner::Package {
            file: format!("{package}-{version}.apk"),
            sha256: named(package, &version),
            matches: differs.is_none(),
            differs,
        }
    }))
}

/// The records that have the file. Their folders are those of packages: in the image one of them may be a symbolic
/// link, as `/lib` is where it is merged into `/usr`.
fn having<'a>(
    reached: &Reached,
    inventory: &Inventory,
    database: &'a Database,
) -> Vec<(&'a InstalledRecord, &'a InstalledFile)> {
    let (folder, name) = reached.path.rsplit_once('/').unwrap_or(("", &reached.path));
    let mut real: HashMap<&str, bool> = HashMap::new();
    let mut having = Vec::new();
    for record in &database.records {
        for directory in &record.directories {
            let written = directory.path.as_ref().map_or("", |path| path.as_str());
            let is_it = real
                .entry(written)
                .or_insert_with(|| inventory.resolve(written).as_deref() == Some(folder));
            if *is_it {
                let files = directory.files.iter().filter(|file| file.name == name);
                having.extend(files.map(|file| (record, file)));
            }
        }
    }
    having
}

/// What is not as the record has it; nothing if all is.
pub(super) fn difference(kind: &SeenKind, expected: Option<&Sha1Bytes>) -> Option<String> {
    let found = match kind {
        SeenKind::File { sha1, .. } => sha1.to_vec(),
        SeenKind::Link(target) => sha1_of(target),
        SeenKind::Directory => return Some("it is a directory here".to_owned()),
        SeenKind::Device => return Some("it is a device or pipe here".to_owned()),
    };
    let Some(expected) = expected else {
        return Some("the image's package database has no SHA-1 of it".to_owned());
    };
    (found[..] != expected[..]).then(|| {
        let (found, expected) = (hex::encode(found), hex::encode(expected));
        format!("it has SHA-1 {found}, and the image's package database has {expected}")
    })
}

/// The digest that apk's database has of a symbolic link.
fn sha1_of(target: &str) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, target.as_bytes())
        .as_ref()
        .to_vec()
}
