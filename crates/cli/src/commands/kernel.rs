//! `bessemer kernel`.

pub(super) mod info;

use super::repositories::{OfRecipe, RepositoryArguments};
use crate::folders::NewFolders;
use crate::places::Places;
use crate::services::Inherited;
use anyhow::{Context, Result};
use bessemer_build::boot::{boot_files, kernel_package};
use bessemer_store::Store;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Say what guests would boot, where it comes from and what that is worth; exit status 1 if no
    /// attestation of it verifies
    Info(info::InfoArguments),
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

/// Says what boots, or copies it into a directory.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    match arguments {
        Arguments::Info(arguments) => info::run(arguments, inherited),
        Arguments::Unpack(arguments) => unpack(arguments),
    }
}

fn unpack(arguments: &UnpackArguments) -> Result<ExitCode> {
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
