//! `bessemer image lock`.

use super::file::{FileArguments, FormatArgument};
use super::session::SessionArguments;
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_image::packages::take_chosen;
use bessemer_image::{lock, resolve};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image lock image.yaml\n  bessemer image lock image.yaml --output locked.json --arch x86_64,aarch64"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: FileArguments,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    session: SessionArguments,
    /// Where the lock goes [default: the image file's name with `.lock.json` for its ending]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Resolves an image file and writes down to what.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut loaded = arguments.file.load()?;
    arguments.format.apply(&mut loaded)?;
    let session = arguments.session.open(&loaded)?;
    let offers = session.offers(&loaded.configuration)?;
    let mut packages = Vec::new();
    let bases = arguments.file.bases(&loaded, &session)?;
    for choice in resolve(&loaded.configuration, &offers, &bases)? {
        packages.push((choice.arch, take_chosen(&choice, session.taking(None))?));
    }
    let text = lock(&loaded, &offers.keys, &packages, &bases)?.render()?;
    let output = arguments.output.clone();
    let output = output.unwrap_or_else(|| arguments.file.config.with_extension("lock.json"));
    super::output::write(&output, |out| Ok(out.write_all(text.as_bytes())?))
        .with_context(|| format!("cannot write {}", output.display()))?;
    for (arch, packages) in &packages {
        let count = print::count(packages.len(), "package");
        print::note(&format!("{count} for {arch} in {}", output.display()));
    }
    Ok(ExitCode::SUCCESS)
}
