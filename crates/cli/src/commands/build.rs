//! `bessemer build`: plan, lock, register, hand over to a worker.

mod demanded;
pub(super) mod index;
pub(super) mod limits;
pub(super) mod order;
mod origin;
mod pinned;

use super::additions::{Additions, Claims, Environment, record};
use super::lint::LintArguments;
use super::network::NetworkArguments;
use super::recipe_file::{RecipeArguments, at_checksum, render};
use super::repositories::RepositoryArguments;
use crate::melange_flags::BuildFlags;
use crate::print::{self, Hint};
use crate::services::{Inherited, Services};
use anyhow::{Result, anyhow, bail};
use bessemer_attest::documents::{AcceleratorChoice, JailChoice, Parameters};
use bessemer_recipe::Plan;
use index::Wanted;
use limits::LimitArguments;
use order::{Failed, Inputs, Order};
use origin::Origin;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) lint: LintArguments,
    #[command(flatten)]
    pub(crate) additions: Additions,
    #[command(flatten)]
    pub(crate) claims: Claims,
    #[command(flatten)]
    melange: BuildFlags,
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
    /// Folder with sources in files named `sha256:HEX` or `sha512:HEX`, such as melange's cache;
    /// asked for sources first
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Extend the index beside the packages, `APKINDEX.tar.gz`, and sign it with the packages' key;
    /// not for a build that a person can enter [default: with --signing-key only]
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        hide_possible_values = true
    )]
    pub(crate) generate_index: Option<bool>,
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
    pub(crate) debug: bool,
    /// What runs the guests; `direct` is no guest at all: steps run on this host's kernel in
    /// namespaces, and what they make never rises above L1
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg|direct", value_parser = accelerator)]
    pub(crate) accelerator: AcceleratorChoice,
    /// Which jail each QEMU stands in; `host` and `pod` must be whole, `auto` is what there is
    #[arg(long, default_value = "auto", value_name = "auto|host|pod", value_parser = jail)]
    pub(crate) jail: JailChoice,
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
        "direct" => Ok(AcceleratorChoice::Direct),
        other => Err(format!("`{other}` is none of auto, kvm, tcg")),
    }
}

pub(super) fn jail(text: &str) -> Result<JailChoice, String> {
    match text {
        "auto" => Ok(JailChoice::Auto),
        "host" => Ok(JailChoice::Host),
        "pod" => Ok(JailChoice::Pod),
        other => Err(format!("`{other}` is none of auto, host, pod")),
    }
}

/// Builds, tests, attests.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    arguments.melange.say();
    say_unused();
    let services =
        Services::open_with(inherited, arguments.signing_key.as_deref(), arguments.jail)?;
    let (origin, run) = Origin::of(arguments)?;
    let recipe = &origin.recipe;
    recipe.say_missing_pipelines();
    let environment = arguments.additions.environment.read()?;
    let additions = origin.additions(&arguments.additions)?;
    let compiled = recipe.compile_with(|options| {
        additions.apply(&environment, options);
        Ok(())
    })?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let plan = compiled.plan;
    let source_directory = origin.source_directory(arguments, &plan)?;
    say_workspace(&plan, source_directory.as_deref());
    let path = recipe.path()?;
    let order = Order {
        config_source: origin.config_source(&plan)?,
        environment_files: environment.files.clone(),
        parameters: recorded(arguments, recipe, &additions, environment)?,
        plan,
        repositories: &arguments.repositories,
        limits: &arguments.limits,
        network: arguments.network.policy(None)?,
        lint: &arguments.lint,
        mirrors: &arguments.mirrors,
        cache_dir: arguments.cache_dir.as_deref(),
        source_directory: source_directory.as_deref(),
        out_dir: &arguments.out_dir,
        accelerator: arguments.accelerator,
        jail: arguments.jail,
        interactive: arguments.interactive,
        keep: arguments.keep,
        account: false,
        quiet: arguments.quiet || arguments.json,
        index: arguments.index(),
        inputs: Inputs::Resolved,
        run,
    };
    let mut made = match order
        .carry_out(&services)
        .map_err(|error| at_checksum(error, &path))?
    {
        Ok(made) => made,
        Err(Failed { status, printed }) => {
            if arguments.json {
                print::bytes(&printed)?;
            }
            return Ok(status);
        }
    };
    if arguments.json {
        made.result["key"] = serde_json::to_value(made.key)?;
        if let Some(index) = made.index {
            made.result["index"] = serde_json::to_value(index)?;
        }
        print::json(&made.result)?;
    } else {
        shown(&made.result)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A variable that melange reads and that has no meaning here is not passed over in silence.
pub(super) fn say_unused() {
    if std::env::var_os("QEMU_KERNEL_IMAGE").is_some_and(|value| !value.is_empty()) {
        print::note(
            "QEMU_KERNEL_IMAGE is not used: guests boot a kernel package of a repository, so that \
             provenance can name it",
        );
    }
}

impl Arguments {
    /// What becomes of the index beside the packages. With a key of somebody's own the packages
    /// are that person's to offer, as with melange; with the factory's it is `publish` that
    /// decides what is offered.
    fn index(&self) -> Wanted {
        if self.interactive || self.keep {
            // Its packages stay unsigned, and no signed index may offer them.
            if self.generate_index == Some(true) {
                print::note("no index is written: a build that a person could enter is not signed");
            }
            return Wanted::No;
        }
        match (self.generate_index, &self.signing_key) {
            (Some(true), _) => Wanted::Yes,
            (None, Some(_)) => Wanted::IfOwn,
            _ => Wanted::No,
        }
    }
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

/// What somebody outside chose, as provenance states it: what the flag table says of each flag.
#[cfg(test)]
pub(crate) fn external_parameters(arguments: &Arguments) -> Result<Parameters> {
    let environment = arguments.additions.environment.read()?;
    recorded(
        arguments,
        &arguments.recipe,
        &arguments.additions,
        environment,
    )
}

/// The same, with the environment files read already.
fn recorded(
    arguments: &Arguments,
    recipe: &RecipeArguments,
    additions: &Additions,
    environment: Environment,
) -> Result<Parameters> {
    let directories = arguments.recipe.pipeline_dirs.iter();
    let parameters = Parameters {
        architecture: arguments.recipe.arch.clone(),
        options: arguments.recipe.build_options.clone(),
        extra_repositories: arguments.repositories.locations()?,
        keyrings: arguments.repositories.key_names(),
        pipeline_directories: directories.map(|path| path.display().to_string()).collect(),
        variables: recipe.variables()?,
        debug: arguments.debug,
        ..Parameters::default()
    };
    record(additions, &arguments.claims, environment, parameters)
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
