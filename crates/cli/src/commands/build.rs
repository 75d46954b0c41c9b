//! `bessemer build`: plan, lock, register, hand over to a worker.

mod config_source;
pub(super) mod limits;

use super::lint::LintArguments;
use super::recipe_file::{RecipeArguments, at_checksum, render};
use super::repositories::{OfRecipe, Opened, RepositoryArguments};
use crate::exit;
use crate::fetching::HTTP_AUTH;
use crate::melange_flags::BuildFlags;
use crate::places::Places;
use crate::print::{self, Hint, Progress};
use crate::programs::companion;
use crate::services::{Inherited, Services};
use anyhow::{Context, Result, anyhow, bail};
use bessemer_attest::documents::{AcceleratorChoice, Parameters};
use bessemer_attest::{Role, TrustRoot};
use bessemer_build::RunDirectory;
use bessemer_build::job::Job;
use bessemer_build::prepare::{Request, prepare};
use bessemer_package::Scratch;
use bessemer_recipe::Plan;
use bessemer_signer::Client as SignerClient;
use bessemer_store::Store;
use limits::LimitArguments;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer build bzip2.yaml -r ./repository -k keys/import-*.rsa.pub\n  bessemer build bzip2.yaml -r ./repository -k keys/import-*.rsa.pub --signing-key local.rsa --json"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) repositories: RepositoryArguments,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    #[command(flatten)]
    pub(crate) lint: LintArguments,
    #[command(flatten)]
    _melange: BuildFlags,
    /// RSA key that signs the packages in place of the factory's own. Only the signer reads it. apk
    /// looks for the public half under this file's name with `.pub`; it is written into --out-dir,
    /// as the factory's own is without this flag. Attestations keep the factory's own keys
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Where packages, attestations and logs go, below a folder for the architecture
    #[arg(long, default_value = "packages")]
    pub(crate) out_dir: PathBuf,
    /// Folder whose files enter the workspace [default: the one beside the recipe that is named
    /// like the package, if there is one]
    #[arg(long)]
    pub(crate) source_dir: Option<PathBuf>,
    /// Let no file from beside the recipe enter the workspace
    #[arg(long, conflicts_with = "source_dir")]
    empty_workspace: bool,
    /// Directory or URL that is asked for sources first; may be repeated
    #[arg(long = "mirror")]
    pub(crate) mirrors: Vec<String>,
    /// What runs the guests
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg", value_parser = accelerator)]
    pub(crate) accelerator: AcceleratorChoice,
    /// Open a shell in the guest at a step that fails; the result is never signed
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Keep the scratch and output disks; the result is never signed
    #[arg(long)]
    pub(crate) keep: bool,
    /// Do not show what the steps print
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn accelerator(text: &str) -> Result<AcceleratorChoice, String> {
    match text {
        "auto" => Ok(AcceleratorChoice::Auto),
        "kvm" => Ok(AcceleratorChoice::Kvm),
        "tcg" => Ok(AcceleratorChoice::Tcg),
        other => Err(format!("`{other}` is none of auto, kvm, tcg")),
    }
}

/// Builds, tests, attests.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let places = Places::of(false)?;
    let services = Services::open_with_key(inherited, arguments.signing_key.as_deref())?;
    let store = Store::open(places.cache.join("store"))?;
    let mut progress = Progress::new(true);
    let compiled = arguments.recipe.compile(&[], &[])?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let plan = compiled.plan;
    check_architecture(&plan)?;
    let opened = arguments
        .repositories
        .open(&OfRecipe::new(&plan), &plan.architecture, &store)?;
    let out = arguments.out_dir.join(&plan.architecture);
    fs_err::create_dir_all(&out)?;
    bessemer_package::remove_partial(&out)?;
    let parameters = Parameters {
        // In apk's words, whatever was typed.
        architecture: plan.architecture.clone(),
        ..external_parameters(arguments)?
    };
    let mut client = services.signer()?;
    let trust_root = client.trust_root()?;
    let source_directory = source_directory(arguments, &plan)?;
    let run = RunDirectory::create(&places.cache)?;
    say_workspace(&plan, source_directory.as_deref());
    let ground = Ground {
        run: &run,
        source_directory: source_directory.as_deref(),
        opened: &opened,
        store: &store,
        places: &places,
        trust_root: &trust_root,
    };
    let job = job(arguments, plan, parameters, &ground, &mut progress)?;
    let spec = job.write()?;
    let registration = client.register(
        &File::open(&spec)?,
        &File::open(job.directory.join("lock.json"))?,
    )?;
    let job = Registered {
        spec: &spec,
        invocation: &registration.invocation_id,
        source_directory: source_directory.as_deref(),
        credentials: opened.fetching.credentials.to_text(),
    };
    let mut result = match worker(arguments, &services, &job, &out)? {
        Ok(result) => result,
        Err(status) => return Ok(status),
    };
    let key = export_key(&mut client, &ground, &arguments.out_dir)?;
    if arguments.json {
        result["key"] = serde_json::to_value(key)?;
        print::json(&result)?;
    } else {
        shown(&result)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Guests run this machine's own programs: the agent and the emulator are for one architecture.
pub(super) fn check_architecture(plan: &Plan) -> Result<()> {
    let (asked, own) = (plan.architecture.as_str(), std::env::consts::ARCH);
    if asked == own {
        return Ok(());
    }
    Err(anyhow!("guests for {asked} cannot run on this {own} machine").context(Hint(format!(
        "leave --arch out, or run this on an {asked} machine; `bessemer compile` takes any architecture"
    ))).context("no guest can be started"))
}

/// Writes the public half of the key that signs packages where an installer's user finds it.
fn export_key(client: &mut SignerClient, ground: &Ground<'_>, out: &Path) -> Result<PathBuf> {
    let path = out.join(client.describe()?.apk_key);
    let key = ground
        .trust_root
        .keys
        .iter()
        .find(|key| key.role == Role::Apk)
        .context("the signer has no key for packages")?;
    Scratch::new(ground.run.path())
        .write_whole(&path, key.public_key_pem.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What a job is prepared on.
#[derive(Debug, Clone, Copy)]
struct Ground<'a> {
    source_directory: Option<&'a Path>,
    run: &'a RunDirectory,
    opened: &'a Opened,
    store: &'a Store,
    places: &'a Places,
    trust_root: &'a TrustRoot,
}

fn job(
    arguments: &Arguments,
    plan: Plan,
    parameters: Parameters,
    ground: &Ground<'_>,
    progress: &mut Progress,
) -> Result<Job> {
    let Ground {
        opened,
        store,
        places,
        trust_root,
        ..
    } = *ground;
    let sources = opened.sources(store, places, Some(trust_root));
    let recipe = arguments.recipe.path()?;
    let agent = companion("bessemer-agent")?;
    let name = format!("{}-{}", plan.package.name, plan.package.full_version());
    let directory = ground.run.path().join(name);
    let request = Request {
        config_source: config_source::config_source(&recipe, plan.recipe.sha256),
        limits: arguments.limits.limits(&plan)?,
        plan,
        parameters,
        sources: &sources,
        mirrors: &arguments.mirrors,
        source_directory: ground.source_directory,
        agent: &agent,
        accelerator: arguments.accelerator,
        interactive: arguments.interactive || arguments.keep,
    };
    prepare(request, directory, progress).map_err(|error| at_checksum(error.into(), &recipe))
}

/// What somebody outside chose, as provenance states it: what the flag table says of each flag.
pub(crate) fn external_parameters(arguments: &Arguments) -> Result<Parameters> {
    let directories = arguments.recipe.pipeline_dirs.iter();
    Ok(Parameters {
        architecture: arguments.recipe.arch.clone(),
        options: arguments.recipe.build_options.clone(),
        extra_repositories: arguments.repositories.locations()?,
        keyrings: arguments.repositories.key_names(),
        pipeline_directories: directories.map(|path| path.display().to_string()).collect(),
        variables: arguments.recipe.variables()?,
    })
}

/// The folder that was named, or the one beside the recipe that bears the package's name.
fn source_directory(arguments: &Arguments, plan: &Plan) -> Result<Option<PathBuf>> {
    if arguments.empty_workspace {
        return Ok(None);
    }
    if let Some(directory) = &arguments.source_dir {
        if !directory.is_dir() {
            bail!("--source-dir {} is no folder", directory.display());
        }
        return Ok(Some(directory.clone()));
    }
    let beside = arguments.recipe.path()?.with_file_name(&plan.package.name);
    // A link could lead to the home directory of whoever builds a stranger's recipe.
    let own = fs_err::symlink_metadata(&beside).is_ok_and(|metadata| metadata.is_dir());
    Ok(own.then_some(beside))
}

/// What enters the workspace is easily missed: a folder with a mistyped name is no error.
fn say_workspace(plan: &Plan, directory: Option<&Path>) {
    match directory {
        Some(directory) => print::note(&format!("workspace: files of {}", directory.display())),
        None if plan.sources.is_empty() => print::note(&format!(
            "workspace: empty; the recipe fetches nothing and no folder `{}` is beside it",
            plan.package.name
        )),
        None => {}
    }
}

/// What the worker is told of the job.
#[derive(Debug)]
struct Registered<'a> {
    spec: &'a Path,
    invocation: &'a str,
    source_directory: Option<&'a Path>,
    /// Servers are asked by the worker too: only it knows what the tests install.
    credentials: String,
}

/// Runs the worker to its end; returns what it printed, or the status it failed with after saying
/// why itself.
fn worker(
    arguments: &Arguments,
    services: &Services,
    job: &Registered<'_>,
    out: &Path,
) -> Result<Result<serde_json::Value, ExitCode>> {
    let mut inherited = services.inherited().clone();
    inherited.parent = i32::try_from(std::process::id())?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("worker")
        .arg("--spec")
        .arg(job.spec)
        .arg("--invocation")
        .arg(job.invocation);
    command
        .arg("--out")
        .arg(out)
        .arg("--inherited")
        .arg(inherited.to_string());
    if let Some(directory) = job.source_directory {
        command.arg("--source-dir").arg(directory);
    }
    command.env(HTTP_AUTH, &job.credentials);
    for (flag, wanted) in [
        ("--offline", arguments.repositories.fetching.offline),
        ("--interactive", arguments.interactive),
        ("--keep", arguments.keep),
        ("--quiet", arguments.quiet || arguments.json),
    ] {
        if wanted {
            command.arg(flag);
        }
    }
    arguments.lint.selection()?;
    command.args(arguments.lint.words());
    let output = command
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the worker")?;
    if !output.status.success() {
        if arguments.json {
            print::bytes(&output.stdout)?;
        }
        let code = output
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok());
        let Some(code) = code else {
            bail!("the worker ended with {}", output.status);
        };
        return Ok(Err(ExitCode::from(match code {
            exit::TEST_FAILED => exit::TEST_FAILED,
            _ => exit::ERROR,
        })));
    }
    let result = serde_json::from_slice(&output.stdout);
    Ok(Ok(result.context("the worker's result cannot be read")?))
}

fn shown(result: &serde_json::Value) -> Result<()> {
    let Some(packages) = result["packages"].as_array() else {
        bail!("the worker's result lists no packages");
    };
    for package in packages {
        print::line(format_args!(
            "{}  {}  {}",
            package["sha256"].as_str().unwrap_or_default(),
            package["path"].as_str().unwrap_or_default(),
            package["test"].as_str().unwrap_or_default(),
        ))?;
    }
    Ok(())
}
