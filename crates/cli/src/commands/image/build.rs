//! `bessemer image build`.

use super::assembly::AssemblyArguments;
use super::bills::{BillArguments, Named};
use super::output;
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_image::oci::{ImageIndex, write_archive, write_layout};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image build image.yaml example/app:1 app.tar\n  bessemer image build image.yaml example/app:1 layout/ --lockfile image.lock.json --arch host"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    assembly: AssemblyArguments,
    /// What the image is called in an archive: `name:tag`
    tag: String,
    /// An archive that is made, or a directory that is there, for an OCI layout
    output: PathBuf,
    #[command(flatten)]
    bills: BillArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Builds the images and writes them where they are to go.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let assembly = arguments.assembly.assemble(None)?;
    let images = &assembly.built.images;
    write(images, &arguments.tag, &arguments.output)?;
    let named = Named {
        tag: &arguments.tag,
        vcs_url: &assembly.loaded.configuration.vcs_url,
    };
    let bills = &arguments.bills;
    let bills = bills.write(&assembly.built, named, &bills.beside(&arguments.output))?;
    report(images, &bills, arguments.json)?;
    drop(assembly.scratch);
    Ok(ExitCode::SUCCESS)
}

fn write(images: &ImageIndex, tag: &str, output: &Path) -> Result<()> {
    if output.is_dir() {
        return Ok(write_layout(images, output)?);
    }
    output::write(output, |out| Ok(write_archive(images, tag, out)?))
        .with_context(|| format!("cannot write {}", output.display()))
}

fn report(images: &ImageIndex, bills: &[PathBuf], as_json: bool) -> Result<()> {
    let digest = |blob: &bessemer_image::oci::Blob| format!("sha256:{}", blob.digest.hex());
    if !as_json {
        return print::line(format_args!("{}", digest(&images.index)));
    }
    let all = images.images.iter().map(|image| {
        let layers = image.layers.iter().map(|layer| {
            json!({
                "digest": format!("sha256:{}", layer.digest.hex()),
                "diffId": format!("sha256:{}", layer.diff_id.hex()),
                "size": layer.size,
                "cached": layer.cached,
                "base": layer.base,
            })
        });
        json!({
            "arch": image.arch,
            "manifest": digest(&image.manifest),
            "config": digest(&image.config),
            "layers": layers.collect::<Vec<_>>(),
        })
    });
    print::json(&json!({
        "index": digest(&images.index),
        "images": all.collect::<Vec<_>>(),
        "sboms": bills,
    }))
}
