//! `bessemer kernel`.

use super::repositories::{OfRecipe, RepositoryArguments};
use crate::folders::NewFolders;
use crate::places::Places;
use anyhow::{Context, Result};
use bessemer_build::boot::{kernel_package, unpack};
use bessemer_store::Store;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Unpack the kernel that guests would boot
    Unpack(UnpackArguments),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer kernel unpack --out boot -r ./repository -k keys/import-*.rsa.pub"
)]
pub(crate) struct UnpackArguments {
    #[command(flatten)]
    repositories: RepositoryArguments,
    /// Architecture of the guests
    #[arg(long, default_value = std::env::consts::ARCH)]
    arch: String,
    /// Where the kernel, its modules and their description go
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// Copies what boots into a directory.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments::Unpack(arguments) = arguments;
    let places = Places::of(false)?;
    let store = Store::open(places.cache.join("store"))?;
    let opened = arguments
        .repositories
        .open(&OfRecipe::default(), &arguments.arch, &store)?;
    let sources = opened.sources(&store, &places, None);
    let kernel = kernel_package(&sources)?.context("the repositories offer no kernel")?;
    let from = unpack(&kernel, &places.cache)?;
    let folders = NewFolders::make(&arguments.out)?;
    copy(&from, &arguments.out)?;
    folders.keep();
    Ok(ExitCode::SUCCESS)
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
