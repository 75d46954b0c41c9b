//! Twenty packages, their signed index, and two image files.

use crate::bench::packages::{self, Numbers};
use crate::workspace::output;
use anyhow::Result;
use bessemer_apk::package::write_data;
use bessemer_apk::{Entry, EntryPath, PkgInfo};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many packages there are.
const PACKAGES: usize = 20;
/// The package of which there is a second version: the fourth in size, so that it has a layer of its own.
const CHANGED: usize = 3;
/// Most layers with packages, where there are several.
pub(super) const BUDGET: usize = 10;
/// Most bytes of a file.
const PIECE: usize = 256 << 10;
/// Words that contents are made of.
const WORDS: u64 = 4096;

/// A folder with everything that is needed.
pub(super) struct Inputs {
    folder: PathBuf,
    /// The packages of the index `before`.
    packages: Vec<PathBuf>,
    /// What the index `after` has instead of one of them.
    changed: PathBuf,
}

impl Inputs {
    /// Makes packages of `mib` MiB together, before they are packed. `bessemer` signs the indexes.
    pub(super) fn make(folder: &Path, mib: usize, bessemer: &Path) -> Result<Self> {
        let place = folder.join("packages/x86_64");
        fs_err::create_dir_all(&place)?;
        let mut packages = Vec::new();
        for number in 0..PACKAGES {
            packages.push(package(&place, number, "1-r0", mib)?);
        }
        let inputs = Self {
            folder: folder.to_owned(),
            packages,
            changed: package(&place, CHANGED, "1-r1", mib)?,
        };
        let start = || {
            let mut command = Command::new(bessemer);
            command.current_dir(folder);
            command
        };
        output(start().args(["keygen", "--key-size", "2048", "bench.rsa"]))?;
        for name in ["before", "after"] {
            let index = ["index", "--signing-key", "bench.rsa", "--output", name];
            output(start().args(index).args(inputs.offered(name)))?;
        }
        let layering = format!("layering: {{strategy: origin, budget: {BUDGET}}}\n");
        fs_err::write(folder.join("single.yaml"), image(""))?;
        fs_err::write(folder.join("origin.yaml"), image(&layering))?;
        Ok(inputs)
    }

    /// The packages of the index of this name, the one that differs first.
    pub(super) fn offered(&self, index: &str) -> Vec<&PathBuf> {
        let differs = if index == "after" {
            &self.changed
        } else {
            &self.packages[CHANGED]
        };
        let (left, right) = (&self.packages[..CHANGED], &self.packages[CHANGED + 1..]);
        [differs].into_iter().chain(left).chain(right).collect()
    }

    /// Has the repository offer what the index of this name does.
    pub(super) fn offer(&self, index: &str) -> Result<()> {
        let place = self.folder.join("packages/x86_64/APKINDEX.tar.gz");
        fs_err::copy(self.folder.join(index), place)?;
        Ok(())
    }
}

fn name(number: usize) -> String {
    format!("part-{number:02}")
}

fn image(more: &str) -> String {
    let names: Vec<String> = (0..PACKAGES).map(name).collect();
    format!(
        "contents:\n  repositories: [./packages]\n  keyring: [./bench.rsa.pub]\n  packages: [{}]\narchs: [x86_64]\n{more}",
        names.join(", ")
    )
}

/// One package: sizes fall as 1, 1/2, 1/3, and so on; each has fifty small files and some larger ones.
fn package(folder: &Path, number: usize, version: &str, mib: usize) -> Result<PathBuf> {
    // In thousandths.
    let all: usize = (1..=PACKAGES).map(|place| 1000 / place).sum();
    let mut left = (mib << 20) / all * (1000 / (number + 1));
    let name = name(number);
    let mut numbers = Numbers::new((number as u64) << 8 | u64::from(version == "1-r1"));
    let mut entries = Vec::new();
    let mut files = 0;
    while left > 0 {
        let size = if files < 50 { 1 << 10 } else { PIECE }.min(left);
        let path = EntryPath::new(format!("usr/share/{name}/{files:04}"))?;
        entries.push((
            Entry::file(path, size as u64, 0o644),
            text(&mut numbers, size),
        ));
        files += 1;
        left -= size;
    }
    let mut data = Vec::new();
    let summary = write_data(entries, 0, &mut data)?;
    let info = PkgInfo {
        origin: name.clone(),
        size: summary.installed_size,
        ..packages::info(&name, version)
    };
    let path = folder.join(format!("{name}-{version}.apk"));
    packages::write(&path, info, &data[..], summary.sha256)?;
    Ok(path)
}

/// Words in any order: compressors make about a third of them, as of programs.
fn text(numbers: &mut Numbers, size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 16);
    while text.len() < size {
        let word = Numbers::new(numbers.next() % WORDS + 1).next();
        let length = 3 + usize::from(word.to_le_bytes()[7] % 6);
        text.extend_from_slice(&word.to_le_bytes()[..length.min(8)]);
    }
    text.truncate(size);
    text
}
