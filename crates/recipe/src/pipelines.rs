//! Where the pipeline files that `uses` names come from.

use crate::plan::PipelineOrigin;
use std::io;
use std::path::PathBuf;

mod builtin;

pub use builtin::{builtin_definitions, builtin_pipelines};

/// A pipeline file as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineSource {
    /// Where it was found.
    pub origin: PipelineOrigin,
    /// The path that diagnostics show.
    pub path: String,
    /// Its path in the place where it was found: what documents have.
    pub recorded: String,
    /// Its text.
    pub text: String,
}

/// Finds pipeline files by the name that steps use.
pub trait PipelineLoader: std::fmt::Debug {
    /// The file for `uses`, or `None`. The name is already known to be relative, without `..`.
    fn load(&self, uses: &str) -> io::Result<Option<PipelineSource>>;

    /// All names it knows, to suggest one when a name is unknown.
    fn names(&self) -> Vec<String>;
}

/// The pipelines that are part of Bessemer.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltinPipelines;

impl PipelineLoader for BuiltinPipelines {
    fn load(&self, uses: &str) -> io::Result<Option<PipelineSource>> {
        let found = builtin_pipelines().iter().find(|(name, _)| *name == uses);
        Ok(found.map(|(name, text)| PipelineSource {
            origin: PipelineOrigin::Builtin,
            path: format!("pipelines/{name}.yaml"),
            recorded: format!("pipelines/{name}.yaml"),
            text: (*text).to_owned(),
        }))
    }

    fn names(&self) -> Vec<String> {
        builtin_pipelines()
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }
}

/// Directories of the user's, searched in order before the built-in pipelines.
#[derive(Clone, Debug, Default)]
pub struct PipelineDirectories {
    directories: Vec<PathBuf>,
}

/// The largest pipeline file that is read, in bytes.
const MAX_PIPELINE_BYTES: u64 = 1024 * 1024;

impl PipelineDirectories {
    /// Searches `directories` in order, then the built-in pipelines.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }
}

impl PipelineLoader for PipelineDirectories {
    fn load(&self, uses: &str) -> io::Result<Option<PipelineSource>> {
        for directory in &self.directories {
            let path = directory.join(format!("{uses}.yaml"));
            let unreadable = |error: io::Error| {
                let message = format!("cannot read {}: {error}", path.display());
                io::Error::new(error.kind(), message)
            };
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(error)),
            };
            if metadata.len() > MAX_PIPELINE_BYTES {
                let message = format!("{} is larger than {MAX_PIPELINE_BYTES}", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            let path = path.display().to_string();
            return Ok(Some(PipelineSource {
                origin: PipelineOrigin::Local,
                path,
                recorded: format!("{uses}.yaml"),
                text,
            }));
        }
        BuiltinPipelines.load(uses)
    }

    fn names(&self) -> Vec<String> {
        BuiltinPipelines.names()
    }
}

#[cfg(test)]
mod tests {
    use super::{PipelineDirectories, PipelineLoader as _};
    use std::io::ErrorKind;

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_cause() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("a.yaml")).unwrap();
        let directories = PipelineDirectories::new(vec![folder.path().to_path_buf()]);
        let error = directories.load("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        let text = error.to_string();
        assert!(text.starts_with("cannot read /"), "{text}");
        assert!(text.contains("a.yaml: "), "{text}");
        assert_eq!(directories.load("b").unwrap(), None);
    }
}
