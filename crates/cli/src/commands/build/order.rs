//! One build from a plan on: repositories, lock, registration, worker, and the index afterwards.

use super::check_architecture;
use super::demanded;
use super::index::{Neighbours, Wanted};
use super::limits::LimitArguments;
use super::pinned;
use crate::commands::lint::LintArguments;
use crate::commands::repositories::{OfRecipe, Opened, RepositoryArguments};
use crate::exit;
use crate::fetching::HTTP_AUTH;
use crate::folders::{self, NewFolders};
use crate::places::Places;
use crate::print::{self, Progress};
use crate::programs::companion;
use crate::services::Services;
use anyhow::{Context, Result, bail};
use bessemer_attest::documents::{
    AcceleratorChoice, ConfigSource, JailChoice, LockedFile, Network, NetworkPolicy, Parameters,
};
use bessemer_attest::{Role, TrustRoot};
use bessemer_build::RunDirectory;
use bessemer_build::job::Job;
use bessemer_build::prepare::{Request, prepare};
use bessemer_package::Scratch;
use bessemer_recipe::Plan;
use bessemer_store::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// What is to be built, from what, and where it goes.
#[derive(Debug)]
pub(in crate::commands) struct Order<'a> {
    pub(in crate::commands) plan: Plan,
    /// Where the recipe comes from.
    pub(in crate::commands) config_source: ConfigSource,
    /// What somebody outside chose; the architecture is the plan's.
    pub(in crate::commands) parameters: Parameters,
    /// The files of environment variables that the parameters name.
    pub(in crate::commands) environment_files: Vec<LockedFile>,
    pub(in crate::commands) repositories: &'a RepositoryArguments,
    pub(in crate::commands) limits: &'a LimitArguments,
    /// What guests may reach, and within which bounds.
    pub(in crate::commands) network: (Network, Option<NetworkPolicy>),
    pub(in crate::commands) lint: &'a LintArguments,
    /// Places asked for sources first.
    pub(in crate::commands) mirrors: &'a [String],
    /// A folder of sources by digest, which need not be there.
    pub(in crate::commands) cache_dir: Option<&'a Path>,
    /// The folder whose files enter the workspace.
    pub(in crate::commands) source_directory: Option<&'a Path>,
    /// Above the architecture's folder.
    pub(in crate::commands) out_dir: &'a Path,
    pub(in crate::commands) accelerator: AcceleratorChoice,
    pub(in crate::commands) jail: JailChoice,
    pub(in crate::commands) interactive: bool,
    pub(in crate::commands) keep: bool,
    /// Whether everything that enters the guest is to be explained.
    pub(in crate::commands) account: bool,
    pub(in crate::commands) quiet: bool,
    pub(in crate::commands) index: Wanted,
    pub(in crate::commands) inputs: Inputs,
    /// The run's directory, if somebody made it before.
    pub(in crate::commands) run: Option<RunDirectory>,
}

/// What is known of a build's packages before it is resolved.
#[derive(Debug, Clone)]
pub(in crate::commands) enum Inputs {
    /// Nothing: the newest that fit.
    Resolved,
    /// They are those of an earlier build: the plan asks for each in its version.
    Pinned {
        /// SHA-256 in hexadecimal by file name, of those that an attestation names.
        attested: BTreeMap<String, String>,
        /// File names in the order in which it installed them, if that is known.
        order: Vec<String>,
    },
}

/// What a build left.
#[derive(Debug)]
pub(in crate::commands) struct Made {
    /// What the worker says of it.
    pub(in crate::commands) result: Value,
    /// The public half of the key that signed the packages.
    pub(in crate::commands) key: PathBuf,
    /// The index that offers them, if one was written.
    pub(in crate::commands) index: Option<PathBuf>,
}

/// A worker that failed and said why itself.
#[derive(Debug)]
pub(in crate::commands) struct Failed {
    pub(in crate::commands) status: ExitCode,
    /// Its standard output: the failure as JSON.
    pub(in crate::commands) printed: Vec<u8>,
}

/// What a job is prepared on.
#[derive(Debug, Clone, Copy)]
struct Ground<'a> {
    run: &'a RunDirectory,
    opened: &'a Opened,
    store: &'a Store,
    places: &'a Places,
    trust_root: &'a TrustRoot,
}

impl Order<'_> {
    /// Builds, tests, attests.
    pub(in crate::commands) fn carry_out(
        mut self,
        services: &Services,
    ) -> Result<Result<Made, Failed>> {
        let places = Places::of(false)?;
        let store = Store::open(places.cache.join("store"))?;
        let mut progress = Progress::new(true);
        check_architecture(&self.plan)?;
        self.lint.selection()?;
        let mut client = services.signer()?;
        let trust_root = client.trust_root()?;
        let description = client.describe()?;
        if !(self.interactive || self.keep) {
            let (accelerator, jail) = (&mut self.accelerator, &mut self.jail);
            demanded::settle(&description, &self.config_source, accelerator, jail)?;
        }
        let apk_key = description.apk_key;
        let architecture = self.plan.architecture.clone();
        let own = OfRecipe::new(&self.plan);
        let opened = self.repositories.open(&own, &architecture, &store)?;
        if let Inputs::Pinned { .. } = &self.inputs {
            pinned::all_offered(&self.plan.environment.packages, &opened.repositories)?;
        }
        let out = self.out_dir.join(&architecture);
        let folders = NewFolders::make(&out)?;
        bessemer_package::remove_partial(&out)?;
        let neighbours = Neighbours::look(self.index, &out, &trust_root, &apk_key)?;
        let run = match self.run.take() {
            Some(run) => run,
            None => RunDirectory::create(&places.cache)?,
        };
        let ground = Ground {
            run: &run,
            opened: &opened,
            store: &store,
            places: &places,
            trust_root: &trust_root,
        };
        let job = self.job(&ground, &mut progress)?;
        if let Inputs::Pinned { attested, .. } = &self.inputs {
            pinned::as_attested(&job.lock.packages, attested)?;
        }
        let spec = job.write()?;
        let registration = client.register(
            &File::open(&spec)?,
            &File::open(job.directory.join("lock.json"))?,
        )?;
        let started = Started {
            spec: &spec,
            invocation: &registration.invocation_id,
            out: &out,
            credentials: opened.fetching.credentials.to_text(),
        };
        let result = match self.worker(services, &started)? {
            Ok(result) => result,
            Err(failed) => return Ok(Err(failed)),
        };
        let scratch = Scratch::new(run.path());
        let key = export_key(&trust_root, &self.out_dir.join(apk_key), &scratch)?;
        let index = match neighbours {
            Some(neighbours) => Some(neighbours.extend(&result, &mut client, &scratch)?),
            None => None,
        };
        folders.keep();
        Ok(Ok(Made { result, key, index }))
    }

    fn job(&self, ground: &Ground<'_>, progress: &mut Progress) -> Result<Job> {
        let Ground {
            opened,
            store,
            places,
            trust_root,
            ..
        } = *ground;
        let plan = self.plan.clone();
        let sources = opened.sources(store, places, Some(trust_root));
        let name = format!("{}-{}", plan.package.name, plan.package.full_version());
        let directory = ground.run.path().join(name);
        let request = Request {
            config_source: self.config_source.clone(),
            limits: self.limits.limits(&plan)?,
            parameters: Parameters {
                // In apk's words, whatever was typed.
                architecture: plan.architecture.clone(),
                ..self.parameters.clone()
            },
            environment_files: self.environment_files.clone(),
            plan,
            sources: &sources,
            order: match &self.inputs {
                Inputs::Pinned { order, .. } => order,
                Inputs::Resolved => &[],
            },
            mirrors: &with_cache(self.mirrors, self.cache_dir),
            source_directory: self.source_directory,
            agent: &companion("bessemer-agent")?,
            accelerator: self.accelerator,
            jail: self.jail,
            network: self.network.clone(),
            interactive: self.interactive || self.keep,
        };
        Ok(prepare(request, directory, progress)?)
    }

    /// Runs the worker to its end; returns what it printed, or the status it failed with after
    /// saying why itself.
    fn worker(&self, services: &Services, job: &Started<'_>) -> Result<Result<Value, Failed>> {
        let output = self
            .command(services, job)?
            .stdin(Stdio::inherit())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start the worker")?;
        if output.status.success() {
            let result = serde_json::from_slice(&output.stdout);
            return Ok(Ok(result.context("the worker's result cannot be read")?));
        }
        let code = output.status.code();
        let Some(code) = code.and_then(|code| u8::try_from(code).ok()) else {
            bail!("the worker ended with {}", output.status);
        };
        Ok(Err(Failed {
            status: ExitCode::from(match code {
                exit::TEST_FAILED => exit::TEST_FAILED,
                _ => exit::ERROR,
            }),
            printed: output.stdout,
        }))
    }

    fn command(&self, services: &Services, job: &Started<'_>) -> Result<Command> {
        let mut inherited = services.inherited().clone();
        inherited.parent = i32::try_from(std::process::id())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker").arg("--spec").arg(job.spec);
        command.arg("--invocation").arg(job.invocation);
        command.arg("--out").arg(job.out);
        command.arg("--inherited").arg(inherited.to_string());
        if let Some(directory) = self.source_directory {
            command.arg("--source-dir").arg(directory);
        }
        command.env(HTTP_AUTH, &job.credentials);
        for (flag, wanted) in [
            ("--offline", self.repositories.fetching.offline),
            ("--interactive", self.interactive),
            ("--keep", self.keep),
            ("--account", self.account),
            ("--quiet", self.quiet),
        ] {
            if wanted {
                command.arg(flag);
            }
        }
        command.args(self.lint.words());
        Ok(command)
    }
}

/// What the worker is told of the job.
#[derive(Debug)]
struct Started<'a> {
    spec: &'a Path,
    invocation: &'a str,
    out: &'a Path,
    /// Servers are asked by the worker too: only it knows what the tests install.
    credentials: String,
}

/// The mirrors, and the cache folder if it is there. Whatever is in it is held against the digests
/// that the recipe names.
pub(in crate::commands) fn with_cache(mirrors: &[String], cache: Option<&Path>) -> Vec<String> {
    say_missing_mirrors(mirrors);
    let mut all = mirrors.to_vec();
    match cache {
        Some(cache) if cache.is_dir() => all.push(cache.display().to_string()),
        Some(cache) => print::note(&format!(
            "--cache-dir: {} is no folder that can be read; sources come from where the recipe says",
            cache.display()
        )),
        None => {}
    }
    all
}

/// Notes each `--mirror` on this machine that cannot be used: sources come from elsewhere then.
pub(in crate::commands) fn say_missing_mirrors(mirrors: &[String]) {
    for mirror in mirrors.iter().filter(|mirror| !mirror.contains("://")) {
        if let Err(error) = folders::check("--mirror", Path::new(mirror)) {
            print::note(&format!(
                "{error:#}; sources come from where the recipe says"
            ));
        }
    }
}

/// Writes the public half of the key that signs packages where an installer's user finds it.
fn export_key(trust_root: &TrustRoot, path: &Path, scratch: &Scratch) -> Result<PathBuf> {
    let mut keys = trust_root.keys.iter();
    let key = keys
        .find(|key| key.role == Role::Apk)
        .context("the signer has no key for packages")?;
    scratch
        .write_whole(path, key.public_key_pem.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_path_buf())
}
