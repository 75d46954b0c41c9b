//! What the build environment and the test environments contain.

use super::CompileError;
use super::package::Instance;
use super::scope::Scope;
use super::steps::Compiler;
use crate::plan::EnvironmentPlan;
use crate::recipe::Recipe;
use crate::variables::Variables;
use crate::written::Environment;
use bessemer_yaml::Diagnostic;
use bessemer_yaml::Text;
use std::collections::BTreeSet;

/// Variables that every environment has unless the recipe sets them; melange's list.
pub(crate) const DEFAULT_VARIABLES: [(&str, &str); 7] = [
    ("HOME", "/home/build"),
    ("GOPATH", "/home/build/.cache/go"),
    ("GOMODCACHE", "/var/cache/melange/gomodcache"),
    ("UV_CACHE_DIR", "/var/cache/melange/uv"),
    ("PIP_CACHE_DIR", "/var/cache/melange/pip"),
    ("COMPOSER_CACHE_DIR", "/var/cache/melange/composer"),
    ("npm_config_cache", "/var/cache/melange/npm"),
];

/// The build environment: the recipe's, the enabled options' changes, and what steps need; and its
/// packages as often as they were asked for.
pub(crate) fn build(
    compiler: &Compiler<'_>,
    main: &Instance<'_>,
    needs: Vec<String>,
) -> Result<(EnvironmentPlan, Vec<String>), CompileError> {
    let recipe = compiler.recipe;
    let document = recipe.document();
    let scope = Scope::new(&main.variables);
    let mut plan = contents(compiler, &scope, &document.environment)?;
    plan.variables = variables(compiler, &scope)?;
    for name in &compiler.options.build_options {
        let Some(option) = document.options.get(name) else {
            continue;
        };
        let change = &option.environment.contents.packages;
        let removed = scope.list(recipe.source(), &change.remove)?;
        plan.packages.retain(|package| !removed.contains(package));
        plan.packages
            .extend(scope.list(recipe.source(), &change.add)?);
    }
    plan.packages.extend(needs);
    let asked = plan.packages.clone();
    keep_first(&mut plan.packages);
    Ok((plan, asked))
}

/// A test environment: its own contents, the package under test, and what the test's steps need.
pub(crate) fn test(
    compiler: &Compiler<'_>,
    package: &Instance<'_>,
    environment: &Environment,
    needs: Vec<String>,
) -> Result<EnvironmentPlan, CompileError> {
    let scope = Scope::new(&package.variables);
    let mut plan = contents(compiler, &scope, environment)?;
    plan.variables = variables(compiler, &scope)?;
    plan.variables
        .extend(scope.map(compiler.recipe.source(), &environment.environment)?);
    plan.packages.push(package.name.clone());
    plan.packages.extend(needs);
    plan.packages.sort();
    plan.packages.dedup();
    Ok(plan)
}

fn contents(
    compiler: &Compiler<'_>,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Result<EnvironmentPlan, CompileError> {
    let file = compiler.recipe.source();
    let list = |texts: &[Text]| scope.list(file, texts);
    let contents = &environment.contents;
    let options = compiler.options;
    let mut plan = EnvironmentPlan {
        packages: list(&contents.packages)?,
        repositories: list(&contents.build_repositories)?,
        keyring: list(&contents.keyring)?,
        variables: Variables::new(),
    };
    plan.repositories.extend(list(&contents.repositories)?);
    plan.repositories
        .extend(list(&contents.runtime_repositories)?);
    plan.repositories
        .extend(options.repositories.iter().cloned());
    plan.keyring.extend(options.keyring.iter().cloned());
    plan.packages.extend(options.packages.iter().cloned());
    keep_first(&mut plan.repositories);
    keep_first(&mut plan.keyring);
    Ok(plan)
}

/// Defaults beneath the options' variables beneath the recipe's.
fn variables(compiler: &Compiler<'_>, scope: &Scope<'_>) -> Result<Variables, CompileError> {
    let recipe = compiler.recipe;
    let mut variables: Variables = DEFAULT_VARIABLES
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    variables.extend(compiler.options.environment.clone());
    let written = scope.map(recipe.source(), &recipe.document().environment.environment)?;
    // An empty value takes the default back, as in the reference implementation.
    for (name, value) in written {
        let default = DEFAULT_VARIABLES.iter().find(|(known, _)| *known == name);
        let value = match default {
            Some((_, default)) if value.is_empty() => (*default).to_owned(),
            _ => value,
        };
        variables.insert(name, value);
    }
    Ok(variables)
}

fn keep_first(values: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
}

/// The parts of a recipe that are understood but have no effect.
pub(crate) fn warnings(recipe: &Recipe) -> Vec<Diagnostic> {
    let document = recipe.document();
    let mut warnings = Vec::new();
    let run_as = &document.environment.accounts.run_as;
    if !run_as.is_empty() && &**run_as != "root" && &**run_as != "0" {
        let message = "`run-as` has no effect: steps run as root inside their virtual machine";
        warnings.push(recipe.source().diagnostic(run_as.position, message));
    }
    if let Some(first) = document.capabilities.drop.first() {
        let message = "`capabilities` has no effect: steps run as root inside a virtual machine";
        warnings.push(recipe.source().diagnostic(first.position, message));
    }
    warnings
}
