//! `bessemer kernel`.

use super::repositories::{OfRecipe, RepositoryArguments};
use crate::folders::NewFolders;
use crate::places::Places;
use anyhow::{Context, Result};
use bessemer_build::boot::{boot_files, kernel_package};
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
    let files = boot_files(&kernel)?;
    let folders = NewFolders::make(&arguments.out)?;
    for (name, content) in files {
        let target = arguments.out.join(name);
        if let Some(folder) = target.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(target, content)?;
    }
    folders.keep();
    Ok(ExitCode::SUCCESS)
}
