//! What is known of the packages in a base: out of its provenance, and in the annotations of whoever is
//! built on it.

use super::BASE_ROLE;
use crate::ResourceDescriptor;
use crate::predicates::ImageProvenance;
use serde::Serialize;

const IMPORTED: &str = "importedPackages";
const UNVERIFIED: &str = "unverifiedPackages";
const LOWEST: &str = "lowestPackageLevel";
const UNVERIFIED_BASE: &str = "unverifiedBase";
const LOWEST_BASE: &str = "lowestBaseLevel";

/// What is known of the packages in a base, those of the bases that it is built on among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BaseContents {
    /// How many were imported from a distribution.
    pub imported: usize,
    /// Those that were accepted although nothing vouches for them, by name.
    pub unverified: Vec<String>,
    /// The lowest level of one; nothing when there are none.
    pub lowest_level: Option<u8>,
    /// Whether it is built on what nothing vouches for.
    pub unverified_base: bool,
    /// The lowest level of a base that it is built on; nothing when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowest_base_level: Option<u8>,
}

impl BaseContents {
    /// What verified provenance says of the image of this architecture (apk's word).
    pub fn of(provenance: &ImageProvenance, architecture: &str) -> Self {
        let mut contents = Self::default();
        for one in &provenance.build_definition.resolved_dependencies {
            let note = |key: &str| one.annotations.get(key).map(String::as_str);
            if note("image").is_some_and(|image| image != architecture) {
                continue;
            }
            match note("role") {
                Some("package") => contents.add_package(one),
                Some(BASE_ROLE) => contents.add_base(one),
                _ => {}
            }
        }
        contents.unverified.sort();
        contents.unverified.dedup();
        contents
    }

    fn add_package(&mut self, package: &ResourceDescriptor) {
        let note = |key: &str| package.annotations.get(key).map(String::as_str);
        let mut level = 0;
        match note("verified") {
            Some("provenance") => {
                level = note("level")
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0);
            }
            Some("import") => self.imported += 1,
            _ => {
                let name = note("package").or(package.name.as_deref());
                self.unverified.push(name.unwrap_or_default().to_owned());
            }
        }
        self.lower(level);
    }

    /// What cannot be read was not vouched for.
    fn add_base(&mut self, base: &ResourceDescriptor) {
        let Some(Noted::Verified(below)) = Noted::beside(base) else {
            self.unverified_base = true;
            self.lower_base(0);
            return self.lower(0);
        };
        let level = base.annotations.get("level");
        self.lower_base(level.and_then(|text| text.parse().ok()).unwrap_or(0));
        if let Some(level) = below.lowest_base_level {
            self.lower_base(level);
        }
        self.imported = self.imported.saturating_add(below.imported);
        self.unverified.extend(below.unverified);
        self.unverified_base |= below.unverified_base;
        if let Some(level) = below.lowest_level {
            self.lower(level);
        }
    }

    fn lower_base(&mut self, level: u8) {
        let lowest = self.lowest_base_level.map_or(level, |one| one.min(level));
        self.lowest_base_level = Some(lowest);
    }

    fn lower(&mut self, level: u8) {
        self.lowest_level = Some(self.lowest_level.map_or(level, |lowest| lowest.min(level)));
    }

    /// Says it beside a base that is a dependency.
    pub(crate) fn annotate(&self, base: ResourceDescriptor) -> ResourceDescriptor {
        let mut base = base.with(IMPORTED, self.imported.to_string());
        if !self.unverified.is_empty() {
            let names = serde_json::Value::from(self.unverified.clone());
            base = base.with(UNVERIFIED, names.to_string());
        }
        if let Some(level) = self.lowest_level {
            base = base.with(LOWEST, level.to_string());
        }
        if self.unverified_base {
            base = base.with(UNVERIFIED_BASE, "true");
        }
        if let Some(level) = self.lowest_base_level {
            base = base.with(LOWEST_BASE, level.to_string());
        }
        base
    }
}

/// What stands beside a base among dependencies.
pub(super) enum Noted {
    /// Its provenance was verified, and says this.
    Verified(BaseContents),
    /// Nothing vouches for it.
    Unverified,
}

impl Noted {
    /// Nothing where that cannot be read.
    pub(super) fn beside(base: &ResourceDescriptor) -> Option<Self> {
        let note = |key: &str| base.annotations.get(key).map(String::as_str);
        match note("verified")? {
            "provenance" => {}
            "no" => return Some(Self::Unverified),
            _ => return None,
        }
        Some(Self::Verified(BaseContents {
            imported: note(IMPORTED)?.parse().ok()?,
            unverified: match note(UNVERIFIED) {
                Some(text) => serde_json::from_str(text).ok()?,
                None => Vec::new(),
            },
            lowest_level: level_in(note(LOWEST)).ok()?,
            lowest_base_level: level_in(note(LOWEST_BASE)).ok()?,
            unverified_base: match note(UNVERIFIED_BASE) {
                None => false,
                Some("true") => true,
                Some(_) => return None,
            },
        }))
    }
}

/// A level that may be left out; an error where it is none.
fn level_in(note: Option<&str>) -> Result<Option<u8>, NoLevel> {
    let read = |text: &str| text.parse().ok().filter(|level| *level <= 3);
    note.map(|text| read(text).ok_or(NoLevel)).transpose()
}

struct NoLevel;
