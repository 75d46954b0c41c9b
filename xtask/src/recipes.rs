//! A directory of recipes, compiled in this process.

use anyhow::{Context, Result, bail};
use bessemer_recipe::{
    CompileError, CompileOptions, Compiled, ParsedPipelines, PipelineDirectories, Recipe,
    SourceFile, compile,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A tree of recipes: `*.yaml` at its top, and pipelines in `pipelines/` when it has them.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The recipes, sorted by path.
    pub(crate) recipes: Vec<PathBuf>,
    /// The directory of pipelines, when there is one.
    pub(crate) pipelines: Option<PathBuf>,
}

impl Tree {
    /// Lists the recipes directly in `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let mut recipes = Vec::new();
        for entry in fs_err::read_dir(directory)? {
            let path = entry?.path();
            let hidden = path
                .file_name()
                .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden
                && path
                    .extension()
                    .is_some_and(|extension| extension == "yaml")
            {
                recipes.push(path);
            }
        }
        if recipes.is_empty() {
            bail!("{} has no recipes", directory.display());
        }
        recipes.sort();
        let pipelines = directory.join("pipelines");
        Ok(Self {
            recipes,
            pipelines: pipelines.is_dir().then_some(pipelines),
        })
    }

    /// Where `uses` of these recipes is looked up.
    pub(crate) fn loader(&self) -> PipelineDirectories {
        PipelineDirectories::new(self.pipelines.iter().cloned().collect())
    }
}

/// What is the same for all recipes of a run.
#[derive(Debug)]
pub(crate) struct Compilation {
    pub(crate) architecture: String,
    pub(crate) commit: Option<String>,
    pub(crate) loader: PipelineDirectories,
    pub(crate) parsed: ParsedPipelines,
}

impl Compilation {
    /// Compiles for `architecture` with the tree's pipelines.
    pub(crate) fn new(tree: &Tree, architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            commit: None,
            loader: tree.loader(),
            parsed: ParsedPipelines::default(),
        }
    }

    /// Reads and compiles one recipe; mistakes are told with their place.
    pub(crate) fn compile(&self, path: &Path) -> Result<Compiled> {
        Ok(self.compile_for(&read(path)?, &self.architecture)?)
    }

    /// The same, but a recipe that is not for the architecture is compiled for the first of those
    /// that it is for.
    pub(crate) fn compile_somewhere(&self, path: &Path) -> Result<Compiled> {
        let recipe = read(path)?;
        let targets = &recipe.document().package.target_architecture;
        match (
            self.compile_for(&recipe, &self.architecture),
            targets.first(),
        ) {
            (Err(CompileError::Architecture(_)), Some(first)) => {
                Ok(self.compile_for(&recipe, first)?)
            }
            (result, _) => Ok(result?),
        }
    }

    fn compile_for(&self, recipe: &Recipe, architecture: &str) -> Result<Compiled, CompileError> {
        let mut options = CompileOptions::new(architecture, &self.loader);
        options.commit.clone_from(&self.commit);
        options.parsed = Some(&self.parsed);
        compile(recipe, &options)
    }
}

fn read(path: &Path) -> Result<Recipe> {
    let text = fs_err::read_to_string(path).context("cannot read the recipe")?;
    Ok(Recipe::parse(SourceFile::new(
        path.display().to_string(),
        text,
    ))?)
}

/// Does `work` for every item on `threads` threads; the results are in the items' order.
pub(crate) fn in_parallel<I: Sync, O: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> O + Sync,
) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, work(item)));
        }
    };
    let mut results: Vec<(usize, O)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn results_are_in_order_whatever_the_threads() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [0, 1, 3] {
            assert_eq!(in_parallel(&items, threads, |item| item * 2)[99], 198);
        }
    }
}
