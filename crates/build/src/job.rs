//! A job on disk: plan, lock and job spec, each file canonical JSON under its own name.

use bessemer_attest::documents::{self, DocumentError, JobSpec, Lock, canonical_bytes};
use bessemer_digest::Digest;
use bessemer_recipe::Plan;
use std::path::{Path, PathBuf};

/// What one worker run is given.
#[derive(Debug, Clone)]
pub struct Job {
    /// The directory that holds the files.
    pub directory: PathBuf,
    /// What the recipe compiled to.
    pub plan: Plan,
    /// Every input by digest.
    pub lock: Lock,
    /// Plan, lock and limits by digest.
    pub spec: JobSpec,
}

/// Why a job could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file system refused.
    #[error("cannot access the job's files")]
    Io(#[from] std::io::Error),
    /// A document is not as it should be.
    #[error("cannot read {path}")]
    Document {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// The plan does not parse.
    #[error("cannot read {path}")]
    Plan {
        /// Which file.
        path: PathBuf,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// A file is not the one that the job spec names.
    #[error("{path} has digest {found}; the job spec names {expected}")]
    Digest {
        /// Which file.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// What the spec says.
        expected: Digest,
    },
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] documents::CanonicalError),
}

impl Job {
    /// Writes the three files and returns the path of the job spec.
    pub fn write(&self) -> Result<PathBuf, JobError> {
        fs_err::create_dir_all(&self.directory)?;
        fs_err::write(
            self.directory.join("plan.json"),
            canonical_bytes(&self.plan)?,
        )?;
        fs_err::write(
            self.directory.join("lock.json"),
            canonical_bytes(&self.lock)?,
        )?;
        let path = self.directory.join("job-spec.json");
        fs_err::write(&path, canonical_bytes(&self.spec)?)?;
        Ok(path)
    }

    /// Reads a job spec and the two files beside it, which must be the ones it names.
    pub fn read(path: &Path) -> Result<Self, JobError> {
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let bytes = fs_err::read(path)?;
        let spec: JobSpec = documents::parse(&bytes).map_err(|source| JobError::Document {
            path: path.to_path_buf(),
            source,
        })?;
        let lock_path = directory.join("lock.json");
        let bytes = named(&lock_path, spec.lock)?;
        let lock = documents::parse(&bytes).map_err(|source| JobError::Document {
            path: lock_path,
            source,
        })?;
        let plan_path = directory.join("plan.json");
        let bytes = named(&plan_path, spec.plan)?;
        let plan = serde_json::from_slice(&bytes).map_err(|source| JobError::Plan {
            path: plan_path,
            source,
        })?;
        Ok(Self {
            directory,
            plan,
            lock,
            spec,
        })
    }
}

fn named(path: &Path, expected: Digest) -> Result<Vec<u8>, JobError> {
    let bytes = fs_err::read(path)?;
    let found = Digest::of(&bytes);
    if found != expected {
        return Err(JobError::Digest {
            path: path.to_path_buf(),
            found,
            expected,
        });
    }
    Ok(bytes)
}
