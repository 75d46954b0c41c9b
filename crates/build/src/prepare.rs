//! From a compiled recipe to a job: resolve, fetch, lock.

use crate::boot::{self, Agent, BootError};
use crate::git::Ground;
use crate::job::Job;
use crate::lock::{ResolveError, Sources, locked_indexes, resolve};
use crate::reporter::{Event, Reporter};
use crate::source::{self, SourceError};
use bessemer_attest::documents::{AcceleratorChoice, ConfigSource, JailChoice};
use bessemer_attest::documents::{
    CanonicalError, JobSpec, JobSpecSchema, Limits, Lock, LockKind, LockSchema, LockedBoot,
    LockedFile, LockedPackage, LockedPipeline, Network, NetworkPolicy, Parameters, canonical_bytes,
    digest,
};
use bessemer_digest::Digest;
use bessemer_recipe::{PipelineOrigin, Plan};
use bessemer_repository::PackageFile;
use bessemer_store::StoreError;
use std::path::{Path, PathBuf};

/// The CPU model that every guest gets.
pub use bessemer_vm::CPU_BASELINE;

/// What documents say where no model was given: the direct runner has the host's processor.
const HOST_CPU: &str = "host";

/// What a job is made from.
#[derive(Debug)]
pub struct Request<'a> {
    /// What the recipe compiled to.
    pub plan: Plan,
    /// Where the recipe comes from.
    pub config_source: ConfigSource,
    /// What somebody outside chose.
    pub parameters: Parameters,
    /// The files that the parameters name, by digest.
    pub environment_files: Vec<LockedFile>,
    /// Where packages come from.
    pub sources: &'a Sources<'a>,
    /// File names of the environment's packages in the order in which an earlier build installed
    /// them; those that are not named stay behind them, as resolved.
    pub order: &'a [String],
    /// Places tried before a source's own.
    pub mirrors: &'a [String],
    /// The folder whose files enter the workspace.
    pub source_directory: Option<&'a Path>,
    /// The guest agent on this host, for where no repository offers one.
    pub agent: &'a Path,
    /// What the run may use.
    pub limits: Limits,
    /// What may run the guest.
    pub accelerator: AcceleratorChoice,
    /// Which jail each QEMU must stand in.
    pub jail: JailChoice,
    /// What guests may reach, and within which bounds.
    pub network: (Network, Option<NetworkPolicy>),
    /// Whether a person may enter the guest.
    pub interactive: bool,
}

/// Why no job could be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// An environment could not be resolved.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A source could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing to boot.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The store refused.
    #[error("cannot store a document")]
    Store(#[from] StoreError),
    /// A network is recorded by the proxy of a guest, and there is no guest.
    #[error(
        "the direct runner has no guest whose network could be recorded; build with `--network none`, or in a guest"
    )]
    DirectNetwork,
    /// No repository offers a kernel.
    #[error(
        "no repository of the command line offers a guest kernel (`{}`)",
        boot::KERNEL
    )]
    NoKernel,
}

/// Resolves, fetches and locks; the job's files are not written yet.
pub fn prepare(
    request: Request<'_>,
    directory: PathBuf,
    reporter: &mut dyn Reporter,
) -> Result<Job, PrepareError> {
    reporter.report(Event::Stage {
        name: "resolve",
        detail: &request.plan.package.name,
    });
    let world = &request.plan.environment.packages;
    let mut packages = resolve("build", world, request.sources)?;
    // Exact versions leave the solver no choice of packages, but one of their order; and the
    // environment disk follows the order.
    packages.sort_by_key(|package| place(&package.locked, request.order));
    assemble(request, LockKind::Build, &packages, directory, reporter)
}

/// Where an earlier build installed a package; behind all of them if it did not.
fn place(package: &LockedPackage, order: &[String]) -> usize {
    let file = format!("{}-{}.apk", package.name, package.version);
    let found = order.iter().position(|name| *name == file);
    found.unwrap_or(order.len())
}

/// The same for a run that only tests: there is no build environment, and of the plan's sources only
/// those are fetched that the caller left in it. No signer takes part, so the job is never registered.
pub fn prepare_test(
    request: Request<'_>,
    directory: PathBuf,
    reporter: &mut dyn Reporter,
) -> Result<Job, PrepareError> {
    assemble(request, LockKind::Test, &[], directory, reporter)
}

fn assemble(
    request: Request<'_>,
    kind: LockKind,
    packages: &[PackageFile],
    directory: PathBuf,
    reporter: &mut dyn Reporter,
) -> Result<Job, PrepareError> {
    if request.accelerator == AcceleratorChoice::Direct && request.network.0 != Network::None {
        return Err(PrepareError::DirectNetwork);
    }
    let plan = &request.plan;
    let boot = boots(&request)?;
    let count = format!("{} archives", plan.sources.len());
    reporter.report(Event::Stage {
        name: "sources",
        detail: &count,
    });
    fs_err::create_dir_all(&directory).map_err(SourceError::from)?;
    let lock = lock(&request, kind, packages, boot, &directory)?;
    let spec = JobSpec {
        schema: JobSpecSchema::V1,
        plan: lock.plan,
        lock: digest(&lock)?,
        config_source: request.config_source.clone(),
        external_parameters: request.parameters.clone(),
        limits: request.limits.clone(),
        network: request.network.0,
        network_policy: request.network.1.clone(),
        accelerator: request.accelerator,
        jail: request.jail,
        source_date_epoch: plan.source_date_epoch,
        cpu_baseline: match request.accelerator {
            AcceleratorChoice::Direct => HOST_CPU.to_owned(),
            _ => CPU_BASELINE.to_owned(),
        },
        interactive: request.interactive,
    };
    Ok(Job {
        directory,
        plan: request.plan,
        lock,
        spec,
    })
}

/// What guests boot, measured; for the direct runner the agent alone.
fn boots(request: &Request<'_>) -> Result<LockedBoot, PrepareError> {
    let kernel = match request.accelerator {
        AcceleratorChoice::Direct => None,
        _ => Some(boot::kernel_package(request.sources)?.ok_or(PrepareError::NoKernel)?),
    };
    let packaged = boot::agent_package(request.sources)?;
    let program = Agent::Program(request.agent);
    let agent = packaged.as_ref().map_or(program, Agent::Package);
    let bundle = boot::bundle(kernel.as_ref(), agent)?;
    Ok(LockedBoot {
        package: kernel.map(|kernel| kernel.locked),
        kernel: bundle.kernel_digest(),
        initramfs: bundle.initramfs_digest(),
        agent: bundle.agent_digest(),
        agent_package: packaged.map(|agent| agent.locked),
    })
}

fn lock(
    request: &Request<'_>,
    kind: LockKind,
    packages: &[PackageFile],
    boot: LockedBoot,
    scratch: &Path,
) -> Result<Lock, PrepareError> {
    let plan = &request.plan;
    let ground = Ground {
        cache: request.sources.cache,
        scratch,
        store: request.sources.store,
        offline: request.sources.client.is_offline(),
    };
    let mut sources = source::fetch(plan, request.mirrors, request.sources.client, ground)?;
    if let Some(directory) = request.source_directory {
        sources.extend(source::workspace(directory)?);
    }
    let pipelines = plan.pipelines.iter().map(|pipeline| LockedPipeline {
        uses: pipeline.uses.clone(),
        origin: match pipeline.origin {
            PipelineOrigin::Builtin => "builtin".to_owned(),
            PipelineOrigin::Local => "local".to_owned(),
        },
        sha256: pipeline.sha256,
    });
    Ok(Lock {
        schema: LockSchema::V1,
        kind,
        plan: Digest::of(canonical_bytes(plan)?),
        architecture: plan.architecture.clone(),
        recipe: LockedFile {
            path: plan.recipe.path.clone(),
            sha256: plan.recipe.sha256,
        },
        pipelines: pipelines.collect(),
        environment_files: request.environment_files.clone(),
        sources,
        indexes: locked_indexes(request.sources.repositories),
        keys: request.sources.keys.to_vec(),
        packages: packages
            .iter()
            .map(|package| package.locked.clone())
            .collect(),
        boot,
        environment_disk: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_stand_where_an_earlier_build_had_them() {
        let package = |name: &str| LockedPackage {
            name: name.to_owned(),
            version: "1-r0".to_owned(),
            architecture: "x86_64".to_owned(),
            uri: String::new(),
            sha256: Digest::of(name),
            size: 0,
            control_sha1: String::new(),
            attestation: None,
            from_build: false,
        };
        let sorted = |order: &[&str]| {
            let order: Vec<String> = order.iter().map(|it| format!("{it}-1-r0.apk")).collect();
            let mut packages = ["a", "b", "c", "d"].map(package);
            packages.sort_by_key(|package| place(package, &order));
            packages.map(|package| package.name).concat()
        };
        assert_eq!(sorted(&[]), "abcd");
        assert_eq!(sorted(&["d", "b", "a", "c"]), "dbac");
        // What is not known stays as it was resolved.
        assert_eq!(sorted(&["c", "x", "a"]), "cabd");
    }
}
