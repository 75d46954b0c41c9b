//! `bessemer worker`: runs one registered job, and has its record attested.

mod booting;

use super::lint::LintArguments;
use super::network::network;
use super::rebuild::inputs_file;
use crate::exit;
use crate::fetching::FetchArguments;
use crate::places::Places;
use crate::print::{self, Progress};
use crate::programs::companion;
use crate::services::{Inherited, QEMU, Services};
use crate::signing::{JobSigner, component, finish, write_whole};
use crate::staging::Staging;
use anyhow::{Context, Result};
use bessemer_attest::Sidecar;
use bessemer_attest::documents::{Accelerator, Components, TestOutcome, canonical_bytes};
use bessemer_build::boot;
use bessemer_build::job::Job;
use bessemer_build::lock::Sources;
use bessemer_build::worker::{Done, Linting, Tools, Work};
use bessemer_package::Scratch;
use bessemer_repository::{PackageFile, Repository};
use bessemer_store::Store;
use bessemer_vm::Qemu;
use booting::Gate;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer worker --spec job/job-spec.json --invocation ID --out packages/x86_64"
)]
pub(crate) struct Arguments {
    /// The job spec; plan and lock stand beside it
    #[arg(long)]
    spec: PathBuf,
    /// The id that the signer issued for it
    #[arg(long)]
    invocation: String,
    /// Where packages, attestations and logs go
    #[arg(long)]
    out: PathBuf,
    /// Folder whose files enter the workspace
    #[arg(long)]
    source_dir: Option<PathBuf>,
    #[arg(long)]
    interactive: bool,
    #[arg(long)]
    keep: bool,
    /// Explain everything that enters the build's guest
    #[arg(long)]
    account: bool,
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    fetching: FetchArguments,
    #[command(flatten)]
    lint: LintArguments,
}

/// Runs the job and prints the result as JSON.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let places = Places::of(false)?;
    let services = Services::open(inherited)?;
    let store = Store::open(places.cache.join("store"))?;
    let job = Job::read(&arguments.spec)?;
    let mut progress = Progress::new(arguments.quiet);
    let mut client = services.signer()?;
    let description = client.describe()?;
    let trust_root = client.trust_root()?;
    let repositories = job
        .lock
        .indexes
        .iter()
        .map(|index| Repository::from_snapshot(index, &job.lock.architecture, &store))
        .collect::<Result<Vec<_>, _>>()?;
    let fetching = arguments.fetching.open(&[])?;
    let signer = description.signer;
    let tools = tools(&job, &store, &services, signer, &mut progress)?;
    let gate = Gate {
        client: &mut client,
        invocation: &arguments.invocation,
        root: &trust_root,
    };
    let environment = booting::vouched(&job, &store, gate)?;
    let staging = Staging::create(&scratch_beside(&arguments.spec), &arguments.out)?;
    let work = Work {
        job: &job,
        invocation_id: arguments.invocation.clone(),
        sources: Sources {
            repositories: &repositories,
            of_recipe: 0,
            keys: &job.lock.keys,
            store: &store,
            client: &fetching.client,
            cache: &places.cache,
            trust_root: Some(&trust_root),
        },
        packages: locked_packages(&job, &store),
        source_directory: arguments.source_dir.clone(),
        tools,
        out: arguments.out.clone(),
        packages_out: staging.path().to_path_buf(),
        linting: Linting {
            selection: arguments.lint.selection()?,
            results: arguments
                .lint
                .persist_lint_results
                .then(|| arguments.out.clone()),
        },
        network: network(&job.spec, &store, &fetching.credentials)?,
        account: arguments.account,
        keep: arguments.keep,
        interactive: arguments.interactive,
    };
    let mut signer = JobSigner::new(&mut client, &arguments.invocation, job.spec.interactive);
    let mut done = work.run(&mut signer, &mut progress)?;
    if let Some(failure) = done.failure.take() {
        let failure = anyhow::Error::new(failure).context("a test failed; nothing was attested");
        print::failure(&failure);
        print::json(&print::failure_json(&failure))?;
        return Ok(ExitCode::from(exit::TEST_FAILED));
    }
    if done.record.interactive {
        print::note("a person could enter this build, so no signer attests it");
    } else {
        finish(&mut client, &job, &done, staging.path())?;
        keep(&job, &done, environment.as_ref(), &store, &arguments.out)?;
    }
    let mut placed = Vec::new();
    for package in &done.packages {
        placed.push(staging.place(&package.output.file)?);
    }
    print::json(&result(&job, &done, &placed, &arguments.out))?;
    Ok(ExitCode::SUCCESS)
}

/// What goes beside attested packages, and into the store.
fn keep(
    job: &Job,
    done: &Done,
    environment: Option<&Sidecar>,
    store: &Store,
    out: &Path,
) -> Result<()> {
    keep_documents(job, done, store)?;
    let package = &job.plan.package;
    let inputs = inputs_file(&package.name, &package.full_version());
    write_whole(&out.join(inputs), &done.guest_inputs)?;
    environment.map_or(Ok(()), |summary| booting::keep(summary, job, store, out))
}

/// A job's directory is its run's: somebody clears it.
fn scratch_beside(spec: &Path) -> Scratch {
    match spec.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Scratch::new(parent),
        _ => Scratch::new("."),
    }
}

/// Puts the documents into the store: provenance names them by digest, and whoever wants to look
/// into a build or repeat it finds them there.
fn keep_documents(job: &Job, done: &Done, store: &Store) -> Result<()> {
    let mut documents = vec![
        canonical_bytes(&job.plan)?,
        canonical_bytes(&job.lock)?,
        canonical_bytes(&job.spec)?,
        canonical_bytes(&done.record)?,
    ];
    documents.extend(done.test_locks.iter().cloned());
    documents.extend(done.networks.iter().cloned());
    documents.push(done.guest_inputs.clone());
    for document in documents {
        store.insert(document.as_slice(), document.len() as u64)?;
    }
    Ok(())
}

fn locked_packages(job: &Job, store: &Store) -> Vec<PackageFile> {
    let packages = job.lock.packages.iter();
    packages
        .map(|locked| PackageFile {
            path: store.object_path(&locked.sha256),
            locked: locked.clone(),
        })
        .collect()
}

/// What guests are started with: the job's kernel, checked against its lock, and QEMU.
pub(super) fn tools(
    job: &Job,
    store: &Store,
    services: &Services,
    signer: bessemer_attest::documents::Component,
    progress: &mut Progress,
) -> Result<Tools> {
    use bessemer_build::{Event, Reporter as _};
    let bundle = booting::bundle(job, store)?;
    boot::check(&bundle, &job.lock.boot)?;
    let qemu =
        Qemu::measure(Path::new(QEMU)).context("QEMU is missing; install qemu-system-x86")?;
    let components = Components {
        controller: component(&std::env::current_exe()?)?,
        jailer: component(&companion("bessemer-jailer")?)?,
        signer,
    };
    let launcher = services.launcher(qemu, job.spec.jail)?;
    let (tools, reason) = Tools::new(
        bundle,
        job.spec.accelerator,
        services.accelerator(),
        launcher,
        components,
    )?;
    progress.report(Event::Note(&format!("accelerator: {reason}")));
    Ok(tools)
}

fn result(job: &Job, done: &Done, placed: &[PathBuf], out: &Path) -> serde_json::Value {
    let tests = &done.record.tests;
    let packages: Vec<_> = done
        .packages
        .iter()
        .zip(placed)
        .zip(tests)
        .map(|((package, path), test)| {
            json!({
                "name": package.output.package,
                "version": package.output.version,
                "file": package.output.file,
                "path": path,
                "sha256": package.output.sha256,
                "size": package.output.size,
                "test": test.outcome,
                "built_in": guest(&done.record.build_machine),
                "tested_in": test.machine.as_ref().map_or_else(|| "untested".to_owned(), guest),
            })
        })
        .collect();
    let passed = tests
        .iter()
        .filter(|test| test.outcome == TestOutcome::Passed)
        .count();
    let untested = tests.len() - passed;
    json!({
        "architecture": job.plan.architecture,
        "invocation_id": done.record.invocation_id,
        "accelerator": done.record.build_machine.accelerator,
        "out": out,
        "log": done.log,
        "packages": packages,
        "attested": !done.record.interactive,
        "environment_reused": done.environment_reused,
        "entered": done.entered,
        "network": job.spec.network,
        "network_record": done.record.networks.first().map(|network| network.record),
        "tests": format!("{passed} passed, {untested} untested"),
    })
}

/// Where a guest ran, in a word.
pub(super) fn guest(machine: &bessemer_attest::documents::MachineObservation) -> String {
    match machine.accelerator {
        Accelerator::Direct => "direct, no machine".to_owned(),
        accelerator => format!("microVM/{}", accelerator.as_str()),
    }
}
