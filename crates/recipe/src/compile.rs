//! From a recipe to a plan.

mod configuration;
mod environment;
mod error;
mod inputs;
mod licenses;
mod package;
pub(crate) mod requests;
mod resources;
mod scope;
mod steps;
mod uses;

pub use error::CompileError;
pub use uses::ParsedPipelines;

use crate::keys;
use crate::pipelines::PipelineLoader;
use crate::plan::{FileRef, Plan, PlanSchema};
use crate::recipe::Recipe;
use crate::variables;
use bessemer_digest::Digest;
use bessemer_yaml::Diagnostic;
use std::collections::BTreeMap;

/// What a plan depends on beside the recipe.
#[derive(Clone, Debug)]
pub struct CompileOptions<'a> {
    /// The architecture, in apk's or OCI's spelling.
    pub architecture: String,
    /// Seconds since 1970 that stand for "now" in outputs.
    pub source_date_epoch: u64,
    /// Values over the recipe's `vars`, without the `vars.` prefix.
    pub variables: BTreeMap<String, String>,
    /// Names of the recipe's `options` that are enabled.
    pub build_options: Vec<String>,
    /// Environment variables beneath the recipe's own.
    pub environment: BTreeMap<String, String>,
    /// Repositories after the recipe's.
    pub repositories: Vec<String>,
    /// Keys after the recipe's.
    pub keyring: Vec<String>,
    /// Packages after the recipe's.
    pub packages: Vec<String>,
    /// The commit of the recipe, for packages that do not name one.
    pub commit: Option<String>,
    /// The C library in `host.triplet.*`: `gnu` or `musl`.
    pub libc: String,
    /// Where pipeline files come from.
    pub pipelines: &'a dyn PipelineLoader,
    /// Pipeline files decoded before, shared with other compilations that have the same loader.
    pub parsed: Option<&'a ParsedPipelines>,
}

impl<'a> CompileOptions<'a> {
    /// Options for `architecture` with nothing added: epoch 0, `gnu`.
    pub fn new(architecture: impl Into<String>, pipelines: &'a dyn PipelineLoader) -> Self {
        Self {
            architecture: architecture.into(),
            source_date_epoch: 0,
            variables: BTreeMap::new(),
            build_options: Vec::new(),
            environment: BTreeMap::new(),
            repositories: Vec::new(),
            keyring: Vec::new(),
            packages: Vec::new(),
            commit: None,
            libc: "gnu".to_owned(),
            pipelines,
            parsed: None,
        }
    }
}

/// A plan, and what was noticed on the way.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan.
    pub plan: Plan,
    /// Parts of the recipe that have no effect here.
    pub warnings: Vec<Diagnostic>,
}

/// Evaluates a recipe for one architecture.
pub fn compile(recipe: &Recipe, options: &CompileOptions<'_>) -> Result<Compiled, CompileError> {
    let mut options = options.clone();
    let architecture = variables::apk_architecture(&options.architecture).to_owned();
    options.architecture = architecture;
    check_architecture(recipe, &options.architecture)?;
    check_build_options(recipe, &options)?;
    let base = variables::of_recipe(recipe, &options)?;
    let packages = package::list(recipe, &base)?;
    let mut compiler = steps::Compiler::new(recipe, &options);
    let mut plans = Vec::new();
    for package in &packages {
        plans.push(package::pipeline(&mut compiler, package)?);
    }
    // The tests' needs go to the tests' environments: the build environment is settled here.
    let needs = compiler.take_needs();
    let (environment, asked) = environment::build(&compiler, &packages[0], needs)?;
    for (package, built) in packages.iter().zip(&mut plans) {
        package::test(&mut compiler, package, built)?;
    }
    let source = recipe.source();
    let evaluated = configuration::Evaluated {
        recipe,
        options: &options,
        packages: &packages,
        built: &plans,
        asked,
        environment: &environment,
    };
    let configuration = evaluated.render();
    if let Some(key) = keys::too_long(&configuration) {
        let recipe = source.name.clone();
        return Err(CompileError::Key { recipe, key });
    }
    let mut warnings = environment::warnings(recipe);
    warnings.extend(licenses::warnings(recipe, &base));
    let mut plans = plans.into_iter().map(|built| built.plan);
    let (sources, pipelines) = compiler.finish();
    let resources = resources::written(recipe, &base)?;
    let timeout = resources::timeout(recipe)?;
    let plan = Plan {
        schema: PlanSchema::V1,
        recipe: FileRef {
            path: source.recorded().to_owned(),
            sha256: Digest::of(&source.text),
        },
        pipelines,
        architecture: options.architecture,
        source_date_epoch: options.source_date_epoch,
        package: plans.next().ok_or(CompileError::NoPackage)?,
        subpackages: plans.collect(),
        sources,
        environment,
        resources,
        timeout,
        configuration,
    };
    Ok(Compiled { plan, warnings })
}

fn check_architecture(recipe: &Recipe, architecture: &str) -> Result<(), CompileError> {
    let targets = &recipe.document().package.target_architecture;
    let matches = |target: &str| variables::apk_architecture(target) == architecture;
    let Some(first) = targets.first() else {
        return Ok(());
    };
    if targets
        .iter()
        .any(|target| &**target == "all" || matches(target))
    {
        return Ok(());
    }
    let supported: Vec<&str> = targets.iter().map(|target| &**target).collect();
    let message = format!(
        "cannot be built for {architecture}, only for {}",
        supported.join(", ")
    );
    let hint = "choose one of these with `--arch`, or add it to the list".to_owned();
    let diagnostic = recipe.source().diagnostic(first.position, message);
    Err(CompileError::Architecture(Box::new(
        diagnostic.with_hint(Some(hint)),
    )))
}

fn check_build_options(recipe: &Recipe, options: &CompileOptions<'_>) -> Result<(), CompileError> {
    let declared = &recipe.document().options;
    match options
        .build_options
        .iter()
        .find(|name| !declared.contains_key(*name))
    {
        None => Ok(()),
        Some(name) => Err(CompileError::BuildOption {
            recipe: recipe.source().name.clone(),
            name: name.clone(),
            declared: declared.keys().cloned().collect(),
        }),
    }
}
