//! Where a build's recipe and the files that go with it are: in a folder of this machine, or in a
//! repository at a commit.

use super::Arguments;
use crate::commands::additions::Additions;
use crate::commands::recipe_at_commit::{self, RecipeAtCommit};
use crate::commands::recipe_file::RecipeArguments;
use crate::folders;
use crate::places::Places;
use anyhow::{Result, bail};
use bessemer_attest::documents::ConfigSource;
use bessemer_build::RunDirectory;
use bessemer_build::git::Ground;
use bessemer_recipe::Plan;
use bessemer_store::Store;
use std::path::PathBuf;

/// The recipe as files of this machine, and the commit that they were taken from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) recipe: RecipeArguments,
    taken: Option<RecipeAtCommit>,
}

impl Origin {
    /// Takes the recipe out of its repository, if it is named there; into a run's directory, which is
    /// returned.
    pub(super) fn of(arguments: &Arguments) -> Result<(Self, Option<RunDirectory>)> {
        let Some(address) = recipe_at_commit::address(&arguments.recipe) else {
            let (recipe, taken) = (arguments.recipe.clone(), None);
            return Ok((Self { recipe, taken }, None));
        };
        let places = Places::of(false)?;
        let store = Store::open(places.cache.join("store"))?;
        let run = RunDirectory::create(&places.cache)?;
        let ground = Ground {
            cache: &places.cache,
            scratch: run.path(),
            store: &store,
            offline: arguments.repositories.fetching.offline,
        };
        let folder = run.path().join("recipe");
        let taken = RecipeAtCommit::take(address, folder, ground)?;
        let (recipe, taken) = (taken.local(&arguments.recipe)?, Some(taken));
        Ok((Self { recipe, taken }, Some(run)))
    }

    /// What the command line adds; packages say the commit that the recipe is at, and no other.
    pub(super) fn additions(&self, given: &Additions) -> Result<Additions> {
        let Some(taken) = &self.taken else {
            return Ok(given.clone());
        };
        let commit = taken.commit();
        if given.git_commit.as_ref().is_some_and(|said| said != commit) {
            bail!("--git-commit is another commit than the recipe's, {commit}");
        }
        Ok(Additions {
            git_commit: Some(commit.to_owned()),
            ..given.clone()
        })
    }

    /// The folder that was named, or the one beside the recipe that bears the package's name.
    pub(super) fn source_directory(
        &self,
        arguments: &Arguments,
        plan: &Plan,
    ) -> Result<Option<PathBuf>> {
        if arguments.empty_workspace {
            return Ok(None);
        }
        if let Some(directory) = &arguments.source_dir {
            let directory = match &self.taken {
                Some(_) if directory.is_absolute() => {
                    bail!(
                        "--source-dir is a folder of this host, and the recipe is at a commit: name one of the repository"
                    );
                }
                Some(taken) => taken.named(directory)?,
                None => directory.clone(),
            };
            folders::check("--source-dir", &directory)?;
            return Ok(Some(directory));
        }
        if let Some(taken) = &self.taken {
            return taken.beside(&plan.package.name);
        }
        let beside = self.recipe.path()?.with_file_name(&plan.package.name);
        // A link could lead to the home directory of whoever builds a stranger's recipe.
        let own = fs_err::symlink_metadata(&beside).is_ok_and(|metadata| metadata.is_dir());
        Ok(own.then_some(beside))
    }

    /// The recipe's origin, as provenance has it. A working copy is never claimed to be its remote
    /// repository: it is known by its digest alone.
    pub(super) fn config_source(&self, plan: &Plan) -> Result<ConfigSource> {
        let sha256 = plan.recipe.sha256;
        if let Some(taken) = &self.taken {
            return Ok(taken.config_source(sha256));
        }
        let path = self.recipe.path()?;
        let name = path.file_name().unwrap_or_default();
        Ok(ConfigSource {
            repository: None,
            reference: None,
            commit: None,
            path: name.to_string_lossy().into_owned(),
            sha256,
        })
    }
}
