//! Attestations in a folder, such as a repository's.

use crate::commands::verify::{beside_what, read_sidecar};
use crate::print;
use anyhow::Result;
use bessemer_attest::chain::Pool;
use std::path::{Path, PathBuf};

/// What the names of summaries of rebuilds end in.
const REPRODUCED: &str = ".reproduced.intoto.jsonl";
/// How deep folders are searched.
const DEPTH: usize = 12;

/// Adds every sidecar below a folder.
pub(super) fn open_folder(folder: &Path, pool: &mut Pool) -> Result<()> {
    let before = pool.len();
    search(folder, DEPTH, pool)?;
    if pool.len() == before {
        let folder = folder.display();
        print::warning(&format!("there are no new attestations in {folder}"));
    }
    Ok(())
}

/// What is none is named, and counts as nothing.
fn search(folder: &Path, depth: usize, pool: &mut Pool) -> Result<()> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        entries.push(entry?);
    }
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links are not followed: a folder of somebody else's leads nowhere else.
        let kind = entry.file_type()?;
        let skipped = |why: &str| {
            let text = format!("{} is not searched: {why}", path.display());
            print::warning(&print::plain_line(&text));
        };
        if kind.is_dir() && depth == 0 {
            skipped("folders are searched twelve deep");
        } else if kind.is_dir() {
            if let Err(error) = search(&path, depth - 1, pool) {
                skipped(&format!("{error:#}"));
            }
        } else if kind.is_symlink() && path.is_dir() {
            skipped("it is a symbolic link; name its target");
        } else if let Some(package) = of_package(&path).filter(|_| kind.is_file()) {
            match read_sidecar(&package) {
                Ok(sidecar) => pool.add(sidecar),
                Err(error) => {
                    let text = format!("{}: {error:#}", path.display());
                    print::warning(&print::plain_line(&text));
                }
            }
        }
    }
    Ok(())
}

/// The package that a file of envelopes lies beside. What rebuilders say of it is in a file of its own and no
/// link of a chain.
fn of_package(path: &Path) -> Option<PathBuf> {
    let is_rebuilders = path
        .as_os_str()
        .as_encoded_bytes()
        .ends_with(REPRODUCED.as_bytes());
    beside_what(path).filter(|_| !is_rebuilders)
}
