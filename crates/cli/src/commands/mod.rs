//! One file a verb.

mod additions;
pub(crate) mod affected;
pub(crate) mod apk;
pub(crate) mod bootstrap;
pub(crate) mod build;
pub(crate) mod compile;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod image;
pub(crate) mod index;
pub(crate) mod kernel;
pub(crate) mod keygen;
pub(crate) mod keys;
pub(crate) mod license_check;
pub(crate) mod lint;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod publish;
pub(crate) mod query;
pub(crate) mod rebuild;
mod recipe_at_commit;
mod recipe_file;
pub(crate) mod repositories;
pub(crate) mod scan;
pub(crate) mod schema;
pub(crate) mod sign;
mod subject;
pub(crate) mod test;
pub(crate) mod trace;
pub(crate) mod update_cache;
pub(crate) mod verify;
pub(crate) mod worker;

use crate::arguments::{Arguments, Command, Page, definition};
use crate::{influence, pipelines_page, print};
use anyhow::Result;
use std::process::ExitCode;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let inherited = arguments.inherited.as_ref();
    match arguments.command {
        Command::Apk(arguments) => apk::run(&arguments),
        Command::Bootstrap(arguments) => bootstrap::run(&arguments, inherited),
        Command::Build(arguments) => build::run(&arguments, inherited),
        Command::Rebuild(arguments) => rebuild::run(&arguments, inherited),
        Command::Test(arguments) => test::run(&arguments, inherited),
        Command::Publish(arguments) => publish::run(&arguments, inherited),
        Command::Verify(arguments) => verify::run(&arguments, inherited),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Affected(arguments) => affected::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::LicenseCheck(arguments) => license_check::run(&arguments),
        Command::UpdateCache(arguments) => update_cache::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::PackageVersion(arguments) => query::package_version(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Image(arguments) => image::run(&arguments, inherited),
        Command::Index(arguments) => index::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::SignIndex(arguments) => sign::index(&arguments),
        Command::Keys(arguments) => keys::run(&arguments, inherited),
        Command::Log(arguments) => log::run(&arguments),
        Command::Kernel(arguments) => kernel::run(&arguments, inherited),
        Command::Worker(arguments) => worker::run(&arguments, inherited),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Reference { page } => {
            let text = match page {
                Page::Flags => influence::markdown(),
                Page::Pipelines => pipelines_page::markdown()?,
            };
            print::bytes(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "bessemer", &mut script);
            print::bytes(&script)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
