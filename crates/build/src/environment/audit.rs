//! Where every byte of an environment disk comes from, found out from the image and the packages.

use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{EntryKind, Limits};
use bessemer_erofs::{BLOCK_SIZE, Map, MapError, map};
use bessemer_repository::PackageFile;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

/// The one file that the disk's writer makes itself: apk's database of what is installed.
const DATABASE: &str = "usr/lib/apk/db/installed";
const CHUNK: usize = 64 << 10;

/// Bytes of a disk by where they come from. Together they are the whole disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Contents of files, by the package they are from: `name-version`.
    pub packages: BTreeMap<String, u64>,
    /// The database of installed packages, which follows from these.
    pub database: u64,
    /// Superblock, inodes, directories, links and attributes.
    pub structure: u64,
    /// Zeros between all of this.
    pub zeros: u64,
}

/// Why not every byte of a disk is accounted for.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file system refused.
    #[error("cannot read the environment disk")]
    Io(#[from] std::io::Error),
    /// The image is not as the writer makes it.
    #[error("the environment disk is no image of this writer")]
    Map(#[from] MapError),
    /// A package cannot be read.
    #[error("cannot read package {package}")]
    Package {
        /// Name and version.
        package: String,
        /// What the reader found.
        source: ReadError,
    },
    /// Other bytes than the package's.
    #[error("{path} of {package} is not on the environment disk at byte {offset}")]
    Other {
        /// Name and version.
        package: String,
        /// The file in it.
        path: String,
        /// Where it should begin.
        offset: u64,
    },
    /// Bytes that come from no package.
    #[error("bytes {} to {} of the environment disk ({what}) come from no listed package", range.start, range.end)]
    Unlisted {
        /// Where.
        range: Range<u64>,
        /// Its name on the disk, if it has one.
        what: String,
    },
}

/// A file of a package on the disk.
struct Placed {
    package: String,
    path: String,
    end: u64,
}

/// Accounts for every byte of a disk of these packages, in install order.
///
/// The contents of files are compared with the packages, one by one and in the order in which the
/// writer takes them; what is left must be named by nothing or be the database. Names, modes and
/// owners are structure: that the same packages give the same image again is what speaks for them.
pub fn audit(image: &File, packages: &[PackageFile]) -> Result<Audit, AuditError> {
    let map = map(image)?;
    let mut placed = BTreeMap::new();
    let mut end = BLOCK_SIZE;
    for package in packages {
        end = contents(image, package, end, &mut placed)?;
    }
    let database = database(&map, &placed)?;
    for range in &map.unreached {
        // A content that another package replaced, or that has its name from another one.
        let hidden = placed.range(range.start..range.end).next();
        if range.end > end || hidden.is_none() {
            return Err(AuditError::Unlisted {
                range: range.clone(),
                what: "without a name".to_owned(),
            });
        }
    }
    let mut by_package = BTreeMap::new();
    for (start, file) in &placed {
        *by_package.entry(file.package.clone()).or_insert(0) += file.end - start;
    }
    let known = by_package.values().sum::<u64>() + database + map.structure;
    Ok(Audit {
        packages: by_package,
        database,
        structure: map.structure,
        zeros: image.metadata()?.len() - known,
    })
}

/// Compares the files of a package with the image from `at` on; returns where the next one begins.
fn contents(
    image: &File,
    package: &PackageFile,
    mut at: u64,
    placed: &mut BTreeMap<u64, Placed>,
) -> Result<u64, AuditError> {
    let name = format!("{}-{}", package.locked.name, package.locked.version);
    let failed = |source| AuditError::Package {
        package: name.clone(),
        source,
    };
    let file = BufReader::with_capacity(1 << 18, File::open(&package.path)?);
    let mut reader = Reader::open(file, Limits::default()).map_err(failed)?;
    while let Some(mut item) = reader.next_entry().map_err(failed)? {
        let path = item.entry.path.as_str().to_owned();
        let EntryKind::File { size } = item.entry.kind else {
            continue;
        };
        if !same(image, &mut item, at, size)? {
            return Err(AuditError::Other {
                package: name.clone(),
                path,
                offset: at,
            });
        }
        let end = at + size;
        if size > 0 {
            let package = name.clone();
            placed.insert(at, Placed { package, path, end });
        }
        at = end.next_multiple_of(BLOCK_SIZE);
    }
    Ok(at)
}

/// Whether the image has this content there, and zeros behind it to the end of the block.
fn same(image: &File, content: &mut impl Read, at: u64, size: u64) -> std::io::Result<bool> {
    let (mut expected, mut found) = (Vec::with_capacity(CHUNK), vec![0; CHUNK]);
    let mut done = 0;
    loop {
        expected.clear();
        content.take(CHUNK as u64).read_to_end(&mut expected)?;
        if expected.is_empty() {
            break;
        }
        let found = &mut found[..expected.len()];
        image.read_exact_at(found, at + done)?;
        if *found != *expected {
            return Ok(false);
        }
        done += expected.len() as u64;
    }
    let rest = usize::try_from(size.next_multiple_of(BLOCK_SIZE) - size).unwrap_or(CHUNK);
    let rest = &mut found[..rest];
    image.read_exact_at(rest, at + size)?;
    Ok(done == size && rest.iter().all(|byte| *byte == 0))
}

/// Holds every name on the disk against the packages; returns the length of the database.
fn database(map: &Map, placed: &BTreeMap<u64, Placed>) -> Result<u64, AuditError> {
    let mut database = 0;
    for file in map.files.iter().filter(|file| !file.content.is_empty()) {
        let range = &file.content;
        let from = placed.get(&range.start);
        match from {
            Some(from) if from.end == range.end && file.paths.contains(&from.path) => {}
            None if file.paths == [DATABASE] => database = range.end - range.start,
            _ => {
                return Err(AuditError::Unlisted {
                    range: range.clone(),
                    what: file.paths.join(", "),
                });
            }
        }
    }
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::environment_disk;
    use bessemer_attest::documents::LockedPackage;
    use bessemer_digest::Digest;

    fn packages(names: &[&str]) -> Vec<PackageFile> {
        let folder = std::env::var("BESSEMER_TEST_REPOSITORY").unwrap();
        let mut found = Vec::new();
        for entry in fs_err::read_dir(format!("{folder}/x86_64")).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let name = names.iter().find(|name| {
                let version = file
                    .strip_prefix(**name)
                    .and_then(|it| it.strip_prefix('-'));
                version.is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()))
            });
            let Some(name) = name.filter(|_| path.extension().is_some_and(|it| it == "apk")) else {
                continue;
            };
            let (sha256, size) = Digest::of_reader(File::open(&path).unwrap()).unwrap();
            let version = file[name.len() + 1..file.len() - 4].to_owned();
            let locked = LockedPackage {
                name: (*name).to_owned(),
                version,
                architecture: "x86_64".to_owned(),
                uri: file,
                sha256,
                size,
                control_sha1: String::new(),
                attestation: None,
                from_build: false,
            };
            found.push(PackageFile { path, locked });
        }
        found.sort_by(|a, b| a.locked.name.cmp(&b.locked.name));
        assert_eq!(found.len(), names.len());
        found
    }

    #[test]
    #[ignore = "needs a repository: run through cargo xtask test"]
    fn every_byte_of_a_disk_comes_from_its_packages() {
        let packages = packages(&["bessemer-base-layout", "libc6", "make", "sed"]);
        let folder = tempfile::tempdir().unwrap();
        let disk = environment_disk(&packages, folder.path()).unwrap();
        let image = File::options()
            .read(true)
            .write(true)
            .open(&disk.path)
            .unwrap();
        let found = audit(&image, &packages).unwrap();
        let contents: u64 = found.packages.values().sum();
        let mut libc = found.packages.iter();
        let libc = libc.find(|(name, _)| name.starts_with("libc6-"));
        assert!(*libc.unwrap().1 > 1 << 20, "{found:?}");
        assert!(contents > found.structure + found.database, "{found:?}");

        // One package fewer in the list, and the disk has bytes that nobody listed.
        let error = audit(&image, &packages[..3]).unwrap_err();
        assert!(matches!(error, AuditError::Unlisted { .. }), "{error}");
        let other = [&packages[1..], &packages[..1]].concat();
        let error = audit(&image, &other).unwrap_err();
        assert!(matches!(error, AuditError::Other { .. }), "{error}");

        let map = map(&image).unwrap();
        let file = map
            .files
            .iter()
            .find(|file| file.content.end % 4096 != 0)
            .unwrap();
        image.write_all_at(b"x", file.content.end).unwrap();
        let error = audit(&image, &packages).unwrap_err();
        assert!(matches!(error, AuditError::Other { .. }), "{error}");
        image.write_all_at(&[0], file.content.end).unwrap();
        image.write_all_at(b"\x01", file.content.start).unwrap();
        let error = audit(&image, &packages).unwrap_err();
        assert!(error.to_string().contains(&file.paths[0]), "{error}");
    }
}
