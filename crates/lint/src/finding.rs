//! What linters found.

use serde::Serialize;
use std::collections::BTreeMap;

/// One linter's finding in one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which linter.
    #[serde(skip)]
    pub linter: &'static str,
    /// One line.
    pub message: String,
    /// What to do about it.
    pub explain: &'static str,
    /// The files in question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
}

impl Finding {
    /// The paths in question, each once, as they lie below the root.
    pub fn paths(&self) -> Vec<&str> {
        let text = String::as_str;
        match &self.details {
            None | Some(Details::Packages { .. }) => Vec::new(),
            Some(Details::Paths { paths }) => paths.iter().map(text).collect(),
            Some(Details::Binaries { binaries }) => binaries.iter().map(text).collect(),
            Some(Details::Files { files }) => files.iter().map(|file| text(&file.path)).collect(),
            Some(Details::Architectures { files }) => {
                files.iter().map(|file| text(&file.path)).collect()
            }
            Some(Details::Foreign { binaries }) => {
                binaries.iter().map(|binary| text(&binary.path)).collect()
            }
            Some(Details::NonLinux { references }) => {
                references.iter().map(|found| text(&found.path)).collect()
            }
            Some(Details::Duplicates { duplicates, .. }) => duplicates
                .iter()
                .flat_map(|set| &set.paths)
                .map(text)
                .collect(),
        }
    }
}

/// The files in question, in the shape that melange's JSON has for the linter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Details {
    /// Most linters.
    Paths {
        /// Relative to the root, sorted.
        paths: Vec<String>,
    },
    /// `strip`.
    Binaries {
        /// Paths relative to the root, sorted.
        binaries: Vec<String>,
    },
    /// `setuidgid`, `worldwrite`.
    Files {
        /// Sorted by path.
        files: Vec<FileMode>,
    },
    /// `binaryarch`.
    Foreign {
        /// Sorted by path.
        binaries: Vec<Binary>,
    },
    /// `unsupportedarch`.
    Architectures {
        /// Sorted by path.
        files: Vec<FoundArchitecture>,
    },
    /// `nonlinux`.
    NonLinux {
        /// Sorted by path.
        references: Vec<NonLinux>,
    },
    /// `python/multiple`.
    Packages {
        /// How many there are.
        count: usize,
        /// Their names, sorted.
        packages: Vec<String>,
    },
    /// `duplicate`.
    Duplicates {
        /// How many files stand there more than once.
        total_duplicate_sets: usize,
        /// Bytes that one of each would save.
        total_wasted_bytes: u64,
        /// The same for a person.
        total_wasted_size: String,
        /// Most wasteful first.
        duplicates: Vec<Duplicate>,
    },
}

/// A file with its mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileMode {
    /// Relative to the root.
    pub path: String,
    /// Octal.
    pub mode: String,
    /// What of the mode is in question: `setuid`, `world-writable`.
    pub permissions: Vec<&'static str>,
}

/// A program for a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binary {
    /// Relative to the root.
    pub path: String,
    /// The processor, in OCI's words where it has one.
    pub arch: String,
}

/// A file whose path names an architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundArchitecture {
    /// Relative to the root.
    pub path: String,
    /// The architecture.
    pub arch: &'static str,
}

/// A file whose path names another operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NonLinux {
    /// Relative to the root.
    pub path: String,
    /// `macos` or `windows`.
    pub platform: &'static str,
}

/// A file that stands there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Its name without the directory.
    pub basename: String,
    /// How often.
    pub count: usize,
    /// Bytes of one.
    pub size_bytes: u64,
    /// The same for a person.
    pub size: String,
    /// Bytes of all but one.
    pub wasted_bytes: u64,
    /// The same for a person.
    pub wasted_size: String,
    /// Relative to the root, sorted.
    pub paths: Vec<String>,
}

/// What the linters found in one package. As JSON it is what melange writes: `package_name` and
/// `findings` by linter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name and full version, `hello-2.12-r0`.
    pub package_name: String,
    findings: BTreeMap<&'static str, Vec<Finding>>,
    #[serde(skip)]
    required: Vec<&'static str>,
}

impl Report {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            package_name: format!("{name}-{version}"),
            findings: BTreeMap::new(),
            required: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, finding: Finding, required: bool) {
        if required {
            self.required.push(finding.linter);
        }
        self.findings
            .entry(finding.linter)
            .or_default()
            .push(finding);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Everything that was found, by linter.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values().flatten()
    }

    /// What must not be: findings of linters that must pass, by linter.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        let failing = |finding: &&Finding| self.required.contains(&finding.linter);
        self.findings().filter(failing)
    }

    /// What may be, by linter.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        let failing = |finding: &&Finding| !self.required.contains(&finding.linter);
        self.findings().filter(failing)
    }
}
