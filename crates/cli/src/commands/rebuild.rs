//! `bessemer rebuild`: builds packages again from what they carry about their making, and compares.

mod answers;
mod attested;
mod comparing;
mod complete;
mod contents;
mod outcome;
mod reading;
mod sbom;
mod summary;
#[cfg(test)]
mod tests;
mod told;

use super::build::index::Wanted;
use super::build::limits::LimitArguments;
use super::build::order::{Failed, Inputs, Made, Order};
use super::build::{accelerator, check_architecture, jail};
use super::lint::LintArguments;
use super::network::NetworkArguments;
use super::repositories::RepositoryArguments;
use super::verify::{Beside, read_trust_root};
use crate::melange_flags::RebuildFlags;
use crate::print::{self, Hint};
use crate::services::{Inherited, Services};
use crate::{folders, hints};
use anyhow::{Context, Result, anyhow};
use attested::Attested;
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::{AcceleratorChoice, ConfigSource, JailChoice, Parameters};
use bessemer_recipe::{FileRef, Plan};
use comparing::Comparison;
use complete::Completeness;
use contents::Contents;
pub(super) use outcome::Outcome;
use reading::{Original, RECIPE};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use told::Documents;
pub(super) use told::inputs_file;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A package is built again from the evaluated recipe in it, in the versions that this recipe names, at\nits own source date; of several packages of one build, the build is done once. Control and data are\ncompared, the signature is not. The recipe's tests are not run. The status is 1 when anything differs.\nWhere a package that is attested is the same again, the signer says so in a summary (VSA) beside the\nrebuilt one: FILE.apk.reproduced.intoto.jsonl, with its proof.\n\nExamples:\n  bessemer rebuild packages/x86_64/bzip2-*.apk -r ./repository -k import.rsa.pub\n  bessemer rebuild bzip2-1.0.8-r0.apk -r ./repository -k import.rsa.pub --trust-root keys/trust-root.json --json\n  bessemer rebuild bzip2-1.0.8-r0.apk -r ./repository -k import.rsa.pub --trust-root keys/trust-root.json --complete"
)]
pub(crate) struct Arguments {
    /// The packages; attestations beside one are checked before its recipe is believed
    #[arg(required = true, value_name = "APK")]
    pub(super) packages: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) repositories: RepositoryArguments,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
    #[command(flatten)]
    pub(super) network: NetworkArguments,
    #[command(flatten)]
    pub(super) melange: RebuildFlags,
    /// Where rebuilt packages go, below a folder for the architecture
    #[arg(long, default_value = "rebuilt-packages")]
    pub(crate) out_dir: PathBuf,
    /// Folder whose files entered the workspace of the original build
    #[arg(long, value_name = "DIR")]
    pub(super) source_dir: Option<PathBuf>,
    /// RSA key that signs the rebuilt packages in place of the factory's own
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Compare, and fail when anything differs
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true
    )]
    pub(super) diff: bool,
    /// Prove that the provenance lists everything: build within its limits, and explain every byte of
    /// the guest's disks, its command line and each message to it by what is listed
    #[arg(long)]
    pub(super) complete: bool,
    /// Sign no summary (VSA) of packages that are the same again
    #[arg(long)]
    pub(super) no_summary: bool,
    /// Where summaries go, when not beside what was built again; `verify` says so
    #[arg(skip)]
    pub(super) summaries: Option<PathBuf>,
    /// The keys that attestations of the packages are checked with [default: this factory's own]
    #[arg(long, value_name = "FILE")]
    pub(super) trust_root: Option<PathBuf>,
    /// Where the attestations of a single package are, when not beside it; `verify` says so
    #[arg(skip)]
    pub(super) beside: Option<Beside>,
    /// Directory or URL that is asked for sources first; may be repeated
    #[arg(long = "mirror")]
    pub(super) mirrors: Vec<String>,
    /// Folder with sources in files named `sha256:HEX` or `sha512:HEX`; asked for sources first
    #[arg(long, value_name = "DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// What runs the guests
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg|direct", value_parser = accelerator)]
    pub(super) accelerator: AcceleratorChoice,
    /// Which jail each QEMU stands in; `host` and `pod` must be whole, `auto` is what there is
    #[arg(long, default_value = "auto", value_name = "auto|host|pod", value_parser = jail)]
    pub(crate) jail: JailChoice,
    /// Do not show what the steps print
    #[arg(long)]
    pub(super) quiet: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// What another command asks for, which shows the result in its own way.
    pub(super) fn quiet() -> Self {
        Self {
            packages: Vec::new(),
            repositories: RepositoryArguments::default(),
            limits: LimitArguments::default(),
            network: NetworkArguments::default(),
            melange: RebuildFlags::default(),
            out_dir: PathBuf::new(),
            source_dir: None,
            signing_key: None,
            diff: true,
            complete: false,
            no_summary: false,
            summaries: None,
            trust_root: None,
            beside: None,
            mirrors: Vec::new(),
            cache_dir: None,
            accelerator: AcceleratorChoice::Auto,
            jail: JailChoice::Auto,
            quiet: true,
            json: false,
        }
    }
}

/// Builds again, compares and says so.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    arguments.melange.say();
    match carry_out(arguments, inherited)? {
        Outcome::Failed(failed) => {
            if arguments.json {
                print::bytes(&failed.printed)?;
            }
            Ok(failed.status)
        }
        rebuilt @ Outcome::Rebuilt { .. } => {
            if arguments.json {
                print::json(&rebuilt.to_json())?;
            } else {
                print::bytes(rebuilt.to_text(arguments.diff).as_bytes())?;
            }
            Ok(ExitCode::from(rebuilt.judge(arguments.diff)))
        }
    }
}

/// Reads all packages first, then builds each origin once, then compares.
pub(super) fn carry_out(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<Outcome> {
    if let Some(directory) = &arguments.source_dir {
        folders::check("--source-dir", directory)?;
    }
    let mut originals = Vec::new();
    for path in &arguments.packages {
        originals.push(Original::read(path)?);
    }
    let services =
        Services::open_with(inherited, arguments.signing_key.as_deref(), arguments.jail)?;
    let root = match &arguments.trust_root {
        Some(path) => read_trust_root(path)?,
        None => services.signer()?.trust_root()?,
    };
    let mut built: BTreeMap<(String, String, String), Build> = BTreeMap::new();
    let mut comparisons = Vec::new();
    let mut complete: Vec<Completeness> = Vec::new();
    for original in originals {
        let attested = attested(&original, &root, arguments)?;
        let is_attested = attested.is_some();
        let known = built.get(&original.origin());
        if known.is_none_or(|known| !known.covers(&original, attested.as_ref())) {
            let made = match build(arguments, &services, &original, attested.as_ref())? {
                Ok(made) => made,
                Err(failed) => return Ok(Outcome::Failed(failed)),
            };
            if let (true, Some(attested)) = (arguments.complete, &attested) {
                let own = services.signer()?.trust_root()?;
                complete.push(completeness(arguments, &original, attested, &own, &made)?);
            }
            let build = Build {
                original: original.clone(),
                attested,
            };
            built.insert(original.origin(), build);
        } else {
            print::note(&format!(
                "{} is of the build that was just done",
                original.file
            ));
        }
        let path = rebuilt_path(&original, arguments);
        let rebuilt = rebuilt(&path)?;
        let mut comparison = Comparison::new(&original, is_attested, &path, &rebuilt);
        summary::clear(&path)?;
        if is_attested && comparison.equal() && !arguments.no_summary {
            let signed = summary::sign(arguments, &services, &original, &path, &rebuilt)?;
            comparison.signed(signed);
        }
        if let Some(complete) = complete.iter_mut().rfind(|one| one.is_of(&original)) {
            complete.compared(comparison.equal());
        }
        comparisons.push(comparison);
    }
    Ok(Outcome::Rebuilt {
        comparisons,
        complete,
    })
}

/// A build that was done again.
#[derive(Debug)]
struct Build {
    original: Original,
    attested: Option<Attested>,
}

impl Build {
    /// Whether another package is of this build. Two runs of one recipe may have had other guests.
    fn covers(&self, package: &Original, attested: Option<&Attested>) -> bool {
        let guest = match (&self.attested, attested) {
            (Some(one), Some(two)) => one.same_guest(two),
            // Nothing is said of one of them.
            _ => true,
        };
        guest && self.original.same_build(package)
    }
}

/// What the rebuild's guest was given, held against the original's.
fn completeness(
    arguments: &Arguments,
    original: &Original,
    attested: &Attested,
    own: &TrustRoot,
    made: &Made,
) -> Result<Completeness> {
    let rebuilt = Original::read(&rebuilt_path(original, arguments))?;
    let beside = Beside::of(&rebuilt.path);
    let again = Attested::find(&rebuilt, &beside, own)?;
    let again = again.context("the rebuild was not attested")?;
    let documents = Documents::of(original)?;
    Completeness::new(original, attested, &again, &made.result, &documents)
}

/// What the attestations beside a package prove of it; nothing when there are none.
fn attested(
    original: &Original,
    root: &TrustRoot,
    arguments: &Arguments,
) -> Result<Option<Attested>> {
    let beside = arguments.beside.clone();
    let beside = beside.unwrap_or_else(|| Beside::of(&original.path));
    let attested = Attested::find(original, &beside, root).map_err(|error| {
        let usual = "name the keys of the factory that built it with --trust-root, or take the attestations away to believe the package as it is";
        match arguments.trust_root {
            None if hints::hint(&error).is_none() => error.context(Hint(usual.to_owned())),
            _ => error,
        }
        .context(format!("{} is not what was attested", original.file))
    })?;
    let Some(attested) = attested else {
        if arguments.complete {
            let error = anyhow!("{} has no attestations beside it", original.file);
            let hint = "--complete asks whether a provenance lists everything".to_owned();
            return Err(error.context(Hint(hint)));
        }
        print::note(&format!(
            "{} has no attestations beside it: what it says of its making is taken on trust",
            original.file
        ));
        return Ok(None);
    };
    print::note(&format!(
        "{} is what {} attested",
        original.file, attested.builder
    ));
    let beside = attested.workspace.len();
    if beside > 0 && arguments.source_dir.is_none() {
        let first = &attested.workspace[0];
        let error = anyhow!(
            "{} was built with {beside} files from beside its recipe, such as `{first}`",
            original.file
        );
        return Err(error.context(Hint("name their folder with --source-dir".to_owned())));
    }
    Ok(Some(attested))
}

/// Builds one origin again.
fn build(
    arguments: &Arguments,
    services: &Services,
    original: &Original,
    attested: Option<&Attested>,
) -> Result<Result<Made, Failed>> {
    let pinned = attested.filter(|_| arguments.complete);
    let pinned = pinned.and_then(|attested| attested.resources.as_ref());
    let limits = pinned.map_or_else(|| arguments.limits.clone(), LimitArguments::of);
    let plan = plan(original, arguments)?;
    check_architecture(&plan)?;
    let repositories = &arguments.repositories;
    let order = Order {
        config_source: ConfigSource {
            repository: None,
            reference: None,
            commit: None,
            path: plan.recipe.path.clone(),
            sha256: plan.recipe.sha256,
        },
        parameters: Parameters {
            extra_repositories: repositories.repositories.clone(),
            keyrings: repositories.key_names(),
            debug: attested.is_some_and(|attested| attested.debug),
            ..original.parameters()
        },
        environment_files: Vec::new(),
        plan,
        repositories,
        limits: &limits,
        network: arguments
            .network
            .policy(attested.and_then(|attested| attested.network))?,
        lint: &LintArguments::none(),
        mirrors: &arguments.mirrors,
        cache_dir: arguments.cache_dir.as_deref(),
        source_directory: arguments.source_dir.as_deref(),
        out_dir: &arguments.out_dir,
        accelerator: arguments.accelerator,
        jail: arguments.jail,
        interactive: false,
        keep: false,
        account: arguments.complete,
        quiet: arguments.quiet || arguments.json,
        index: Wanted::No,
        inputs: Inputs::Pinned {
            attested: attested.map_or_else(BTreeMap::new, |attested| attested.packages.clone()),
            order: attested.map_or_else(Vec::new, |attested| attested.order.clone()),
        },
        run: None,
    };
    order.carry_out(services)
}

/// The plan of the same build: the recipe is the one in the package. Repositories that are named
/// stand in for the recipe's own, since whoever has the exact versions will do. Tests are left out:
/// whether the bytes are the same is all that is asked.
fn plan(original: &Original, arguments: &Arguments) -> Result<Plan> {
    let mut plan = original.plan()?;
    plan.recipe = FileRef {
        path: RECIPE.to_owned(),
        sha256: original.recipe_sha256,
    };
    if !arguments.repositories.repositories.is_empty() {
        plan.environment.repositories.clear();
    }
    plan.package.test = None;
    for package in &mut plan.subpackages {
        package.test = None;
    }
    plan.sources
        .retain(|source| bessemer_recipe::test_of(&source.id).is_none());
    Ok(plan)
}

fn rebuilt_path(original: &Original, arguments: &Arguments) -> PathBuf {
    let name = format!("{}-{}.apk", original.info.name, original.info.version);
    arguments.out_dir.join(&original.info.arch).join(name)
}

fn rebuilt(path: &Path) -> Result<Contents> {
    Contents::read(path)
        .with_context(|| format!("the rebuild made no such package as {}", path.display()))
}
