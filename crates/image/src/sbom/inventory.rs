//! What is in a file system.

use crate::tree::{BuildTreeError, Tree};
use bessemer_apk::IndexEntry;

/// Where packages put their own documents.
const DIRECTORY: &str = "/var/lib/db/sbom";

/// What is in the file system of an image.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// What `etc/os-release` says.
    pub system: OperatingSystem,
    /// The packages in the order of installation, each with its own SPDX document if it has one. Those of
    /// a base come first, and have none: its layers are not read.
    pub packages: Vec<(IndexEntry, Option<Vec<u8>>)>,
}

/// What an image says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatingSystem {
    /// `ID`.
    pub id: String,
    /// `NAME`.
    pub name: String,
    /// `VERSION_ID`.
    pub version: String,
}

impl Default for OperatingSystem {
    fn default() -> Self {
        Self {
            id: "unknown".to_owned(),
            name: String::new(),
            version: "unknown".to_owned(),
        }
    }
}

impl Tree {
    /// What is in it.
    pub fn inventory(&mut self) -> Result<Inventory, BuildTreeError> {
        let system = match self.read_text("/etc/os-release")? {
            Some(text) => OperatingSystem::parse(&text),
            None => OperatingSystem::default(),
        };
        let below = self.root.below().iter().map(|record| &record.entry);
        let own = self.root.packages().iter().map(|package| &package.entry);
        let entries: Vec<IndexEntry> = below.chain(own).cloned().collect();
        let mut packages = Vec::new();
        for entry in entries {
            let mut document = None;
            for name in document_names(&entry) {
                let path = format!("{DIRECTORY}/{name}.spdx.json");
                if document.is_none() {
                    document = self.read(&path)?;
                }
            }
            packages.push((entry, document));
        }
        Ok(Inventory { system, packages })
    }
}

/// With the version, with the version but its revision, and the name alone.
fn document_names(entry: &IndexEntry) -> [String; 3] {
    let (name, version) = (&entry.name, entry.version.as_str());
    let upstream = match version.rsplit_once("-r") {
        Some((upstream, revision)) if revision.bytes().all(|byte| byte.is_ascii_digit()) => {
            upstream
        }
        _ => version,
    };
    [
        format!("{name}-{version}"),
        format!("{name}-{upstream}"),
        name.clone(),
    ]
}

impl OperatingSystem {
    /// Reads `KEY=value` lines; values may be quoted.
    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let (_, value) = lines.find(|(found, _)| found.trim() == key)?;
            let value = value.trim().trim_matches(['"', '\'']);
            (!value.is_empty()).then(|| value.to_owned())
        };
        let unknown = Self::default();
        Self {
            id: value("ID").unwrap_or(unknown.id),
            name: value("NAME").unwrap_or(unknown.name),
            version: value("VERSION_ID").unwrap_or(unknown.version),
        }
    }
}
