//! The main package and its subpackages, alike.

use super::CompileError;
use super::environment;
use super::scope::Scope;
use super::steps::{Compiler, Expanded, flatten};
use crate::plan::{
    DependencyPlan, LicensePlan, PackageOptionsPlan, PackagePlan, SetcapPlan, TestPlan,
};
use crate::recipe::{Recipe, is_package_name};
use crate::substitute::{SubstituteError, substitute};
use crate::variables::{OUTPUT, Variables};
use crate::written;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use std::collections::{BTreeMap, BTreeSet};

/// Most packages of a recipe. Each knows the names of all, so that memory grows with their square:
/// 200 MB here. The largest known recipe has some 300.
const MAX_PACKAGES: usize = 1000;

/// A package to produce: what is written about it, and its variables.
#[derive(Debug)]
pub(crate) struct Instance<'a> {
    pub(crate) name: String,
    pub(crate) variables: Variables,
    /// What is written about it, unless it is the main package.
    pub(crate) subpackage: Option<&'a written::Subpackage>,
    description: &'a Text,
    url: &'a Text,
    commit: &'a Text,
    dependencies: &'a written::Dependencies,
    options: written::PackageOptions,
    scriptlets: Option<&'a written::Scriptlets>,
    checks: &'a written::Checks,
    setcap: &'a [written::Setcap],
    pipeline: &'a [written::Step],
    pub(crate) test: Option<&'a written::Test>,
}

/// A package's plan, and its pipelines as trees for display.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) plan: PackagePlan,
    pub(crate) pipeline: Vec<Expanded>,
    pub(crate) test: Vec<Expanded>,
}

/// The packages of a recipe, the main one first, ranges multiplied and conditions decided.
pub(crate) fn list<'a>(
    recipe: &'a Recipe,
    base: &Variables,
) -> Result<Vec<Instance<'a>>, CompileError> {
    let file = recipe.source();
    let document = recipe.document();
    let mut instances = vec![main_package(document, base)];
    let main_name = (&document.package.name, instances[0].name.clone());
    let mut names = vec![main_name];
    for subpackage in &document.subpackages {
        for row in rows(document, subpackage) {
            let mut variables = base.clone();
            if let Some((key, value)) = row {
                let known = Scope::new(base).shown(value);
                variables.insert("range.key".into(), key.clone());
                variables.insert("range.value".into(), known);
            }
            let scope = Scope::new(&variables);
            if scope.holds(file, &subpackage.condition)? {
                if instances.len() == MAX_PACKAGES {
                    let message = format!("the recipe has more than {MAX_PACKAGES} packages");
                    return Err(CompileError::value(file, &subpackage.name, message));
                }
                let name = scope.text(file, &subpackage.name)?;
                names.push((&subpackage.name, name.clone()));
                instances.push(sub_package(subpackage, name, variables));
            }
        }
    }
    check_names(file, &names)?;
    let targets: Variables = names
        .iter()
        .map(|(_, name)| {
            (
                format!("targets.package.{name}"),
                format!("{OUTPUT}/{name}"),
            )
        })
        .collect();
    for instance in &mut instances {
        let own = format!("{OUTPUT}/{}", instance.name);
        let name = instance.name.clone();
        let variables = &mut instance.variables;
        variables.extend(targets.clone());
        variables.insert("context.name".into(), name.clone());
        variables.insert("targets.contextdir".into(), own.clone());
        if instance.subpackage.is_some() {
            variables.insert("subpkg.name".into(), name);
            variables.insert("targets.subpkgdir".into(), own);
        }
        resolve_row(variables).map_err(|error| {
            let range = instance
                .subpackage
                .map_or(instance.url, |written| &written.range);
            CompileError::variable(file, range, &error, [])
        })?;
    }
    Ok(instances)
}

/// Fills in what a range's value says about its own package.
fn resolve_row(variables: &mut Variables) -> Result<(), SubstituteError> {
    let Some(value) = variables
        .get("range.value")
        .filter(|value| value.contains("${{"))
    else {
        return Ok(());
    };
    let names = |name: &str| variables.get(name).map(String::as_str);
    let value = substitute(value, |name| names(name).filter(|_| name != "range.value"))?;
    variables.insert("range.value".into(), value);
    Ok(())
}

fn rows<'a>(
    document: &'a written::Document,
    subpackage: &written::Subpackage,
) -> Vec<Option<(&'a String, &'a Text)>> {
    if subpackage.range.is_empty() {
        return vec![None];
    }
    let table = document
        .data
        .iter()
        .find(|table| table.name.value == subpackage.range.value);
    table
        .into_iter()
        .flat_map(|table| &table.items)
        .map(Some)
        .collect()
}

fn main_package<'a>(document: &'a written::Document, base: &Variables) -> Instance<'a> {
    let package = &document.package;
    Instance {
        name: base["package.name"].clone(),
        variables: base.clone(),
        subpackage: None,
        description: &package.description,
        url: &package.url,
        commit: &package.commit,
        dependencies: &package.dependencies,
        options: package.options.clone().unwrap_or_default(),
        scriptlets: package.scriptlets.as_ref(),
        checks: &package.checks,
        setcap: &package.setcap,
        pipeline: &document.pipeline,
        test: document.test.as_ref(),
    }
}

fn sub_package(
    subpackage: &written::Subpackage,
    name: String,
    variables: Variables,
) -> Instance<'_> {
    Instance {
        name,
        variables,
        subpackage: Some(subpackage),
        description: &subpackage.description,
        url: &subpackage.url,
        commit: &subpackage.commit,
        dependencies: &subpackage.dependencies,
        options: subpackage.options.clone().unwrap_or_default(),
        scriptlets: subpackage.scriptlets.as_ref(),
        checks: &subpackage.checks,
        setcap: &subpackage.setcap,
        pipeline: &subpackage.pipeline,
        test: subpackage.test.as_ref(),
    }
}

fn check_names(file: &SourceFile, names: &[(&Text, String)]) -> Result<(), CompileError> {
    let mut seen = BTreeSet::new();
    for (text, name) in names {
        if !is_package_name(name) {
            let message = format!("`{name}` is not a package name");
            return Err(CompileError::value(file, text, message));
        }
        if !seen.insert(name) {
            let message = format!("two packages are named `{name}`");
            return Err(CompileError::value(file, text, message));
        }
    }
    Ok(())
}

/// Plans a package without its test.
pub(crate) fn pipeline(
    compiler: &mut Compiler<'_>,
    package: &Instance<'_>,
) -> Result<Built, CompileError> {
    let prefix = if package.subpackage.is_none() {
        "main".to_owned()
    } else {
        format!("sub/{}", package.name)
    };
    let expanded = compiler.pipeline(package.pipeline, &package.variables, prefix)?;
    let file = compiler.recipe.source();
    let scope = Scope::new(&package.variables);
    let written = &compiler.recipe.document().package;
    let commit = scope.line(file, package.commit)?;
    let plan = PackagePlan {
        name: package.name.clone(),
        version: package.variables["package.version"].clone(),
        epoch: written.epoch,
        description: scope.folded(package.description),
        url: scope.folded(package.url),
        commit: if commit.is_empty() {
            compiler.options.commit.clone().unwrap_or_default()
        } else {
            commit
        },
        licenses: licenses(file, &scope, &written.copyright)?,
        dependencies: dependencies(file, &scope, package.dependencies)?,
        options: PackageOptionsPlan {
            no_provides: package.options.no_provides,
            no_depends: package.options.no_depends,
            no_commands: package.options.no_commands,
            no_versioned_shlib_deps: package.options.no_versioned_shlib_deps,
        },
        scriptlets: scriptlets(file, &scope, package.scriptlets)?,
        trigger_paths: match package.scriptlets {
            Some(written) => scope.lines(file, &written.trigger.paths)?,
            None => Vec::new(),
        },
        setcap: setcap(file, &scope, package.setcap)?,
        disabled_checks: scope.list(file, &package.checks.disabled)?,
        steps: flatten(&expanded),
        test: None,
    };
    Ok(Built {
        plan,
        pipeline: expanded,
        test: Vec::new(),
    })
}

/// Adds the plan of a package's test, when it has one.
pub(crate) fn test(
    compiler: &mut Compiler<'_>,
    package: &Instance<'_>,
    built: &mut Built,
) -> Result<(), CompileError> {
    let Some(test) = package.test else {
        return Ok(());
    };
    let prefix = format!("test/{}", package.name);
    built.test = compiler.pipeline(&test.pipeline, &package.variables, prefix)?;
    let needs = compiler.take_needs();
    let environment = environment::test(compiler, package, &test.environment, needs)?;
    built.plan.test = Some(TestPlan {
        environment,
        steps: flatten(&built.test),
    });
    Ok(())
}

fn licenses(
    file: &SourceFile,
    scope: &Scope<'_>,
    copyright: &[written::Copyright],
) -> Result<Vec<LicensePlan>, CompileError> {
    let plan = |entry: &written::Copyright| {
        Ok(LicensePlan {
            license: scope.line(file, &entry.license)?,
            paths: scope.list(file, &entry.paths)?,
            attestation: scope.shown(&entry.attestation),
            license_path: inside(file, scope, &entry.license_path)?,
        })
    };
    copyright.iter().map(plan).collect()
}

/// A path that names a file of the source, and nothing outside of it.
fn inside(file: &SourceFile, scope: &Scope<'_>, text: &Text) -> Result<String, CompileError> {
    let path = scope.line(file, text)?;
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leaves {
        let message = "must be a relative path without `..`";
        return Err(CompileError::value(file, text, message));
    }
    Ok(path)
}

fn dependencies(
    file: &SourceFile,
    scope: &Scope<'_>,
    written: &written::Dependencies,
) -> Result<DependencyPlan, CompileError> {
    let priority = |text: &Text| -> Result<Option<i64>, CompileError> {
        let value = scope.text(file, text)?;
        if value.is_empty() {
            return Ok(None);
        }
        let message = || format!("priority `{value}` is not an integer");
        value
            .parse()
            .map(Some)
            .map_err(|_| CompileError::value(file, text, message()))
    };
    Ok(DependencyPlan {
        runtime: scope.lines(file, &written.runtime)?,
        provides: scope.lines(file, &written.provides)?,
        replaces: scope.lines(file, &written.replaces)?,
        provider_priority: priority(&written.provider_priority)?,
        replaces_priority: priority(&written.replaces_priority)?,
    })
}

fn scriptlets(
    file: &SourceFile,
    scope: &Scope<'_>,
    written: Option<&written::Scriptlets>,
) -> Result<BTreeMap<String, String>, CompileError> {
    let Some(written) = written else {
        return Ok(BTreeMap::new());
    };
    let named = [
        ("pre-install", &written.pre_install),
        ("post-install", &written.post_install),
        ("pre-deinstall", &written.pre_deinstall),
        ("post-deinstall", &written.post_deinstall),
        ("pre-upgrade", &written.pre_upgrade),
        ("post-upgrade", &written.post_upgrade),
        ("trigger", &written.trigger.script),
    ];
    let mut scripts = BTreeMap::new();
    for (name, text) in named.into_iter().filter(|(_, text)| !text.is_empty()) {
        scripts.insert(name.to_owned(), scope.text(file, text)?);
    }
    Ok(scripts)
}

fn setcap(
    file: &SourceFile,
    scope: &Scope<'_>,
    written: &[written::Setcap],
) -> Result<Vec<SetcapPlan>, CompileError> {
    let mut plans = Vec::new();
    for setcap in written {
        let path = scope.text(file, &setcap.path)?;
        for (names, flags) in &setcap.add {
            plans.extend(names.split(',').map(|name| SetcapPlan {
                path: path.trim_start_matches('/').to_owned(),
                capability: name.to_owned(),
                flags: flags.value.trim_start_matches(['+', '=']).to_owned(),
                reason: setcap.reason.value.clone(),
            }));
        }
    }
    plans.sort();
    Ok(plans)
}
