//! Loading the pipeline files that steps use, each once.

use super::CompileError;
use crate::pipelines::PipelineLoader;
use crate::plan::{PipelineOrigin, PipelineRef};
use crate::recipe::check_steps;
use crate::written::PipelineFile;
use bessemer_digest::Digest;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use bessemer_yaml::decode;
use bessemer_yaml::did_you_mean;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A pipeline file, decoded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) uses: String,
    pub(crate) origin: PipelineOrigin,
    pub(crate) file: Arc<SourceFile>,
    pub(crate) definition: PipelineFile,
    sha256: Digest,
}

/// Pipeline files already read and decoded, for several compilations with one loader to share.
///
/// A file that changes on disk afterwards is not read again.
#[derive(Debug, Default)]
pub struct ParsedPipelines {
    loaded: RwLock<BTreeMap<String, Arc<Loaded>>>,
}

impl ParsedPipelines {
    fn get(&self, uses: &str) -> Option<Arc<Loaded>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.get(uses).cloned()
    }

    fn keep(&self, uses: &str, file: &Arc<Loaded>) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(uses.to_owned(), Arc::clone(file));
    }
}

/// The pipeline files that this compilation used so far, by name.
#[derive(Debug, Default)]
pub(crate) struct PipelineCache<'a> {
    loaded: BTreeMap<String, Arc<Loaded>>,
    shared: Option<&'a ParsedPipelines>,
}

impl<'a> PipelineCache<'a> {
    pub(crate) fn new(shared: Option<&'a ParsedPipelines>) -> Self {
        Self {
            loaded: BTreeMap::new(),
            shared,
        }
    }

    pub(crate) fn load(
        &mut self,
        loader: &dyn PipelineLoader,
        file: &SourceFile,
        uses: &Text,
    ) -> Result<Arc<Loaded>, CompileError> {
        if let Some(loaded) = self.loaded.get(&uses.value) {
            return Ok(Arc::clone(loaded));
        }
        let shared = self.shared.and_then(|shared| shared.get(uses));
        let loaded = if let Some(loaded) = shared {
            loaded
        } else {
            let loaded = Arc::new(read(loader, file, uses)?);
            if let Some(shared) = self.shared {
                shared.keep(uses, &loaded);
            }
            loaded
        };
        self.loaded.insert(uses.value.clone(), Arc::clone(&loaded));
        Ok(loaded)
    }

    pub(crate) fn finish(self) -> Vec<PipelineRef> {
        let reference = |(uses, loaded): (String, Arc<Loaded>)| PipelineRef {
            uses,
            origin: loaded.origin,
            path: loaded.file.recorded().to_owned(),
            sha256: loaded.sha256,
        };
        self.loaded.into_iter().map(reference).collect()
    }
}

fn read(
    loader: &dyn PipelineLoader,
    file: &SourceFile,
    uses: &Text,
) -> Result<Loaded, CompileError> {
    let error = |message: String, hint: Option<String>| {
        let diagnostic = file.diagnostic(uses.position, message).with_hint(hint);
        CompileError::Pipeline(Box::new(diagnostic))
    };
    if !is_pipeline_name(uses) {
        let hint = "relative names such as `autoconf/make`, without `..`".to_owned();
        return Err(error(
            format!("`{}` is not a pipeline name", shorten(uses)),
            Some(hint),
        ));
    }
    let found = loader.load(uses).map_err(|source| {
        let message = format!("pipeline `{}` cannot be read", uses.value);
        CompileError::Read {
            diagnostic: Box::new(file.diagnostic(uses.position, message)),
            source,
        }
    })?;
    let Some(found) = found else {
        let names = loader.names();
        let hint = did_you_mean(uses, names.iter().map(String::as_str)).or_else(|| {
            Some("pipelines that are not built in are found with `--pipeline-dir`".to_owned())
        });
        return Err(error(
            format!("there is no pipeline `{}`", uses.value),
            hint,
        ));
    };
    let file = SourceFile::new(found.path, found.text).recorded_as(found.recorded);
    let file = Arc::new(file);
    let definition: PipelineFile = decode(&file).map_err(CompileError::Pipeline)?;
    check_steps(&file, &definition.pipeline).map_err(CompileError::Pipeline)?;
    Ok(Loaded {
        uses: uses.value.clone(),
        origin: found.origin,
        sha256: Digest::of(&file.text),
        file,
        definition,
    })
}

/// Names become paths below pipeline directories: only plain components may reach the file system.
fn is_pipeline_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte);
    name.len() <= 200
        && name.split('/').all(|component| {
            !component.is_empty() && !component.starts_with('.') && component.bytes().all(plain)
        })
}

fn shorten(name: &str) -> String {
    name.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_a_directory() {
        for name in ["fetch", "autoconf/make", "test/tw/ldd-check", "py/3.12"] {
            assert!(is_pipeline_name(name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            ".hidden",
            "a\\b",
            "a\0",
            "./a",
        ] {
            assert!(!is_pipeline_name(name), "{name}");
        }
    }
}
