//! Building in a guest: environment, steps, results.

use super::entered::{Given, entered};
use super::guest::{Beginning, Guest, GuestError};
use super::inputs;
use super::machine::whole;
use super::outputs::Outputs;
use super::{Built, MachineError, SourcesDisk, Work, WorkError};
use crate::environment::{EnvironmentDisk, environment_disk};
use crate::log::Log;
use crate::reporter::{Event, Reporter};
use crate::run_directory::RunDirectory;
use crate::source::Asking;
use crate::step_script::OUTPUT;
use crate::worker::outputs::SignControl;
use bessemer_recipe::Step;
use bessemer_vm::{GuestPath, Machine};
use std::fs::File;
use std::path::Path;

impl Work<'_> {
    /// Runs the build's steps in one guest and makes packages of what it left.
    pub(super) fn build(
        &mut self,
        run: &RunDirectory,
        signer: &mut dyn SignControl,
        reporter: &mut dyn Reporter,
    ) -> Result<Built, WorkError> {
        let count = format!("{} packages", self.packages.len());
        reporter.report(Event::Stage {
            name: "environment",
            detail: &count,
        });
        let environment = environment_disk(&self.packages, self.sources.cache)?;
        if environment.reused {
            reporter.report(Event::Note("environment disk reused"));
        }
        let sources = self.sources_disk(Asking::Build, run)?;
        let machine = self.build_machine(&environment, &sources, run)?;
        let disks = inputs::disks(&environment, &sources, &machine.disks)?;
        let mut guest = self.start_build(&machine, run, reporter)?;
        let authority = guest.authority();
        for step in self.build_steps() {
            match guest.step(step, self.step_seconds(), reporter) {
                Ok(_) => {}
                Err(failed) if self.interactive => guest.look_into(failed, reporter)?,
                Err(failed) => return Err(failed.into()),
            }
        }
        reporter.report(Event::Stage {
            name: "results",
            detail: "archive to the output disk",
        });
        let length = guest.archive(&[
            GuestPath::new(OUTPUT).map_err(|_| MachineError::Path(OUTPUT.to_owned()))?
        ])?;
        let ended = guest.power_off()?;
        let inputs = inputs::inputs(disks, &ended.observed, &ended.sent);
        let entered = if self.account {
            let given = Given {
                environment: &environment,
                sources: &sources.path,
                observed: &ended.observed,
                sent: &ended.sent,
                inputs: &inputs,
            };
            Some(entered(self, &given)?)
        } else {
            None
        };
        let (log, log_digest) = ended.log.finish()?;
        let network = self.recorded(ended.proxy, "the build")?;
        let archive = output_archive(machine.disks.output.as_deref(), length)?;
        reporter.report(Event::Stage {
            name: "packages",
            detail: "split, detect, lint, SBOM, sign",
        });
        let outputs = Outputs {
            job: self.job,
            directory: &self.packages_out,
            linting: &self.linting,
            authority: authority.as_ref(),
        };
        Ok(Built {
            packages: outputs.make(archive, signer, reporter)?,
            observed: ended.observed,
            entered,
            inputs,
            environment,
            network,
            sources_digest: sources.digest,
            log,
            log_digest,
        })
    }

    fn build_machine(
        &self,
        environment: &EnvironmentDisk,
        sources: &SourcesDisk,
        run: &RunDirectory,
    ) -> Result<Machine, MachineError> {
        let mut machine = self.tools.machine(
            "build",
            &environment.path,
            Some(&sources.path),
            true,
            run.path(),
            &self.job.spec,
        )?;
        machine.limits.whole = whole(self.build_steps().count(), &self.job.spec);
        Ok(machine)
    }

    fn start_build(
        &self,
        machine: &Machine,
        run: &RunDirectory,
        reporter: &mut dyn Reporter,
    ) -> Result<Guest, GuestError> {
        let plan = &self.job.plan;
        let name = format!("{}-{}.log", plan.package.name, plan.package.full_version());
        let log = Log::create(&self.out.join(name))?;
        reporter.report(Event::Stage {
            name: "build guest",
            detail: self.tools.accelerator_word(),
        });
        let variables = self.variables(&plan.environment);
        let beginning = Beginning {
            what: "build",
            launcher: self.tools.launcher(),
            environment: variables,
            log,
            debug: self.job.spec.external_parameters.debug,
            network: self.proxy(machine, run)?,
        };
        let mut guest = Guest::start(machine, beginning, reporter)?;
        guest.make_folders(self.folders())?;
        Ok(guest)
    }

    /// Every step of the build, package by package, in the plan's order. The guest needs each
    /// package's folder to be there before its steps run.
    pub(super) fn build_steps(&self) -> impl Iterator<Item = &Step> {
        let plan = &self.job.plan;
        std::iter::once(&plan.package)
            .chain(&plan.subpackages)
            .flat_map(|package| &package.steps)
    }

    pub(super) fn folders(&self) -> Vec<String> {
        let plan = &self.job.plan;
        std::iter::once(&plan.package)
            .chain(&plan.subpackages)
            .map(|package| format!("{OUTPUT}/{}", package.name))
            .collect()
    }
}

/// The archive at the start of the output disk, and nothing of the disk behind it.
fn output_archive(disk: Option<&Path>, length: u64) -> Result<File, WorkError> {
    let disk = disk.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
    let archive = File::options().read(true).write(true).open(disk)?;
    archive.set_len(length)?;
    Ok(archive)
}
