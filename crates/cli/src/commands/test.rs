//! `bessemer test`: the tests of a recipe, on packages that a repository offers.

use super::additions::EnvironmentFiles;
use super::build::limits::LimitArguments;
use super::build::order::with_cache;
use super::build::{accelerator, check_architecture, jail, say_unused};
use super::network::{NetworkArguments, network};
use super::recipe_file::{RecipeArguments, render};
use super::repositories::{OfRecipe, RepositoryArguments};
use super::worker::{guest, tools};
use crate::melange_flags::TestFlags;
use crate::places::Places;
use crate::print::{self, Progress};
use crate::programs::companion;
use crate::services::{Inherited, Services};
use crate::{exit, folders};
use anyhow::{Context as _, Result};
use bessemer_attest::documents::{
    AcceleratorChoice, ConfigSource, JailChoice, Parameters, TestOutcome, TestRun,
};
use bessemer_build::job::Job;
use bessemer_build::lock::Sources;
use bessemer_build::prepare::{Request, prepare_test};
use bessemer_build::worker::{Linting, OfferedTest, Work};
use bessemer_recipe::{Plan, test_of};
use bessemer_store::Store;
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is attested: a passing test statement is only made for packages that `bessemer build` made\nand tested itself.\n\nExamples:\n  bessemer test bzip2.yaml -r ./packages -r ./repository -k local.rsa.pub -k import.rsa.pub\n  bessemer test bzip2.yaml bzip2-dev=1.0.8-r0 -r ./packages -r ./repository -k local.rsa.pub -k import.rsa.pub --json"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Packages of the recipe to test, `name` or `name=version` [default: all that have a test, in
    /// the recipe's version]
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    repositories: RepositoryArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    melange: TestFlags,
    #[command(flatten)]
    environment: EnvironmentFiles,
    /// Package that every test environment installs too; may be repeated
    #[arg(
        long = "test-package-append",
        value_name = "CONSTRAINT",
        value_delimiter = ','
    )]
    more_packages: Vec<String>,
    /// Folder whose files enter the workspace [default: none]
    #[arg(long)]
    source_dir: Option<PathBuf>,
    /// Directory or URL that is asked for sources first; may be repeated
    #[arg(long = "mirror")]
    mirrors: Vec<String>,
    /// Folder with sources in files named `sha256:HEX` or `sha512:HEX`, such as melange's cache;
    /// asked for sources first
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Open a shell in the guest at a step that fails
    #[arg(short, long)]
    interactive: bool,
    /// Let the steps print their commands (`set -x`)
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = false,
        value_name = "true|false",
        hide_possible_values = true
    )]
    debug: bool,
    /// What runs the guests
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg|direct", value_parser = accelerator)]
    accelerator: AcceleratorChoice,
    /// Which jail each QEMU stands in; `host` and `pod` must be whole, `auto` is what there is
    #[arg(long, default_value = "auto", value_name = "auto|host|pod", value_parser = jail)]
    pub(crate) jail: JailChoice,
    /// Do not show what the steps print
    #[arg(long)]
    quiet: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Installs each package in a guest of its own and runs its tests there.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    arguments.melange.say();
    say_unused();
    let places = Places::of(false)?;
    let services = Services::open_with(inherited, None, arguments.jail)?;
    let store = Store::open(places.cache.join("store"))?;
    let mut progress = Progress::new(arguments.quiet || arguments.json);
    let plan = plan(arguments)?;
    let asked = asked(arguments, &plan);
    if asked.is_empty() {
        print::note("the recipe has no tests");
        return shown(arguments, &[]);
    }
    let opened = arguments
        .repositories
        .open(&OfRecipe::new(&plan), &plan.architecture, &store)?;
    let sources = opened.sources(&store, &places, None);
    let job = job(arguments, plan, &sources, &places, &mut progress)?;
    let _lock = lock(&job.directory)?;
    let signer = services.signer()?.describe()?.signer;
    let work = Work {
        job: &job,
        invocation_id: String::new(),
        sources,
        packages: Vec::new(),
        source_directory: arguments.source_dir.clone(),
        tools: tools(&job, &store, &services, signer, &mut progress)?,
        out: job.directory.clone(),
        packages_out: job.directory.clone(),
        linting: Linting::default(),
        network: network(&job.spec, &store, &opened.fetching.credentials)?,
        account: false,
        keep: false,
        interactive: arguments.interactive,
    };
    let mut tests = Vec::new();
    for constraint in &asked {
        let mut test = work.test_offered(constraint, &mut progress)?;
        if let Some(failure) = test.failure.take() {
            let failure = anyhow::Error::new(failure);
            print::failure(&failure.context(format!("the test of {constraint} failed")));
        }
        tests.push((constraint.as_str(), test));
    }
    shown(arguments, &tests)
}

/// The recipe's plan, with what the command line adds to its test environments.
fn plan(arguments: &Arguments) -> Result<Plan> {
    arguments.recipe.say_missing_pipelines();
    let environment = arguments.environment.read()?;
    let compiled = arguments.recipe.compile_with(|options| {
        options.environment = environment.variables;
        Ok(())
    })?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let mut plan = compiled.plan;
    check_architecture(&plan)?;
    if let Some(directory) = &arguments.source_dir {
        folders::check("--source-dir", directory)?;
    }
    let packages = std::iter::once(&mut plan.package).chain(&mut plan.subpackages);
    for test in packages.filter_map(|package| package.test.as_mut()) {
        let own = &mut test.environment.packages;
        own.extend(arguments.more_packages.iter().cloned());
    }
    Ok(plan)
}

/// What was named, or every package that has a test.
fn asked(arguments: &Arguments, plan: &Plan) -> Vec<String> {
    if !arguments.packages.is_empty() {
        return arguments.packages.clone();
    }
    std::iter::once(&plan.package)
        .chain(&plan.subpackages)
        .filter(|package| {
            package
                .test
                .as_ref()
                .is_some_and(|test| !test.steps.is_empty())
        })
        .map(|package| package.name.clone())
        .collect()
}

fn job(
    arguments: &Arguments,
    mut plan: Plan,
    sources: &Sources<'_>,
    places: &Places,
    progress: &mut Progress,
) -> Result<Job> {
    plan.sources.retain(|source| test_of(&source.id).is_some());
    let directory = log_directory(&plan, places);
    let request = Request {
        config_source: ConfigSource {
            repository: None,
            reference: None,
            commit: None,
            path: plan.recipe.path.clone(),
            sha256: plan.recipe.sha256,
        },
        limits: arguments.limits.limits(&plan)?,
        parameters: Parameters {
            architecture: plan.architecture.clone(),
            debug: arguments.debug,
            ..Parameters::default()
        },
        environment_files: Vec::new(),
        plan,
        sources,
        order: &[],
        mirrors: &with_cache(&arguments.mirrors, arguments.cache_dir.as_deref()),
        source_directory: arguments.source_dir.as_deref(),
        agent: &companion("bessemer-agent")?,
        accelerator: arguments.accelerator,
        jail: arguments.jail,
        network: arguments.network.policy(None)?,
        interactive: arguments.interactive,
    };
    Ok(prepare_test(request, directory, progress)?)
}

/// Where the logs are kept until the same version of the recipe is tested again.
fn log_directory(plan: &Plan, places: &Places) -> PathBuf {
    let name = format!("{}-{}", plan.package.name, plan.package.full_version());
    places.cache.join("tests").join(name)
}

/// Keeps a second test of the same recipe from writing to the same logs.
fn lock(directory: &Path) -> Result<File> {
    fs_err::create_dir_all(directory)?;
    let lock = File::create(directory.join(".lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("another test writes its logs to {}", directory.display()))?;
    Ok(lock)
}

/// Prints every test; the status says whether all passed.
fn shown(arguments: &Arguments, tests: &[(&str, OfferedTest)]) -> Result<ExitCode> {
    let failed = tests.iter().any(|(_, test)| {
        let run = test.run.as_ref();
        run.is_some_and(|run| run.outcome == TestOutcome::Failed)
    });
    if arguments.json {
        let packages: Vec<Value> = tests.iter().map(as_json).collect();
        print::json(&json!({"passed": !failed, "attested": false, "packages": packages}))?;
    } else {
        for test in tests {
            print::line(format_args!("{}", as_text(test)))?;
        }
    }
    let status = if failed { exit::TEST_FAILED } else { 0 };
    Ok(ExitCode::from(status))
}

fn as_json((constraint, test): &(&str, OfferedTest)) -> Value {
    let (Some(package), Some(run)) = (&test.package, &test.run) else {
        return json!({"asked": constraint, "test": TestOutcome::Untested});
    };
    json!({
        "asked": constraint,
        "name": package.name,
        "version": package.version,
        "uri": package.uri,
        "sha256": package.sha256,
        "test": run.outcome,
        "tested_in": tested_in(run),
        "environment_lock": run.lock,
        "steps": run.steps,
        "log": test.log,
    })
}

fn as_text((constraint, test): &(&str, OfferedTest)) -> String {
    let (Some(package), Some(run)) = (&test.package, &test.run) else {
        return format!("{constraint}: untested, the recipe has no test for it");
    };
    let log = test.log.as_deref().unwrap_or(Path::new("-"));
    format!(
        "{}-{}: {}\n  {}  {}\n  in {}, log {}",
        package.name,
        package.version,
        outcome(run.outcome),
        package.sha256,
        package.uri,
        tested_in(run),
        log.display()
    )
}

fn tested_in(run: &TestRun) -> String {
    run.machine
        .as_ref()
        .map_or_else(|| "no guest".to_owned(), guest)
}

const fn outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Passed => "passed",
        TestOutcome::Failed => "failed",
        TestOutcome::Untested => "untested",
    }
}

#[cfg(test)]
mod tests {
    use super::lock;

    #[test]
    fn two_tests_of_one_recipe_do_not_share_logs() {
        let cache = tempfile::tempdir().unwrap();
        let directory = cache.path().join("tests/tiny-1.0.0-r0");
        let first = lock(&directory).unwrap();
        let error = lock(&directory).unwrap_err().to_string();
        assert!(error.contains("another test"), "{error}");
        drop(first);
        lock(&directory).unwrap();
    }
}
