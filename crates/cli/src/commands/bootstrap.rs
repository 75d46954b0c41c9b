//! `bessemer bootstrap`.

use super::verify::{proofs_path, sidecar_path};
use crate::places::Places;
use crate::print;
use crate::services::{Inherited, Services};
use anyhow::{Context, Result};
use bessemer_apk::signature_member;
use bessemer_attest::predicates::{Import, ImportedDeb, ImportedRelease};
use bessemer_bootstrap::{
    Config, Event, ImportFacts, Options, SignBytes, Summary, bootstrap_debian,
};
use bessemer_build::RunDirectory;
use bessemer_digest::Digest;
use bessemer_package::Scratch;
use bessemer_signer::{Client, Repository, memory_file};
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// From Debian packages that apt fetches and verifies
    Debian(DebianArguments),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer bootstrap debian --out ./repository")]
pub(crate) struct DebianArguments {
    /// Where the repository goes
    #[arg(long, required_unless_present = "print_list")]
    pub(crate) out: Option<PathBuf>,
    /// YAML list of what to import [default: the built-in one]
    #[arg(long)]
    list: Option<PathBuf>,
    /// Print the list that would be used, and stop
    #[arg(long)]
    pub(crate) print_list: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Imports, signs, and attests each package.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let Arguments::Debian(arguments) = arguments;
    let (config, text) = match &arguments.list {
        Some(path) => {
            let text = fs_err::read_to_string(path).context("cannot read the list")?;
            (Config::parse(&path.display().to_string(), &text)?, text)
        }
        None => (Config::embedded()?, Config::embedded_text().to_owned()),
    };
    if arguments.print_list {
        print::bytes(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let out = arguments.out.clone().context("--out says where to")?;
    let places = Places::of(false)?;
    let services = Services::open(inherited)?;
    let mut client = services.signer()?;
    let run = RunDirectory::create(&places.cache)?;
    let options = Options {
        out,
        cache: places.cache.join("debian"),
        scratch: Scratch::new(run.path()),
        source_date_epoch: 0,
    };
    let quiet = arguments.json;
    let mut downloaded = 0;
    let mut signer = ImportSigner {
        client: &mut client,
    };
    let summary = bootstrap_debian(&config, &options, &mut signer, &mut |event| {
        if let Event::Fetching { packages, .. } = event {
            downloaded = packages;
        }
        if !quiet {
            tell(&event);
        }
    })?;
    attest(&summary, &mut client, &options.scratch)?;
    if arguments.json {
        print::json(&json!({
            "directory": summary.directory,
            "packages": summary.packages.len(),
            "attested": summary.packages.len(),
            "downloaded": downloaded,
            "index_sha256": summary.index_sha256,
            "list_sha256": summary.config_sha256,
        }))?;
    } else {
        print::line(format_args!(
            "{} in {}",
            print::count(summary.packages.len(), "package"),
            summary.directory.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the import attestation of every package beside it.
fn attest(summary: &Summary, client: &mut Client, scratch: &Scratch) -> Result<()> {
    for package in &summary.packages {
        let name = package
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let sidecar = client
            .sign_import(
                &name.unwrap_or_default(),
                &import(summary.config_sha256, package.facts.as_ref()),
                &File::open(&package.path)?,
            )
            .with_context(|| format!("cannot attest {}", package.path.display()))?;
        scratch.write_whole(&proofs_path(&package.path), &sidecar.proofs_to_bytes())?;
        scratch.write_whole(&sidecar_path(&package.path), &sidecar.to_bytes()?)?;
    }
    Ok(())
}

/// How many packages are written between two lines of progress.
const TOLD: usize = 20;

fn tell(event: &Event) {
    match event {
        Event::Resolved { packages } => {
            print::note(&format!("{packages} Debian packages are needed"));
        }
        Event::Fetching { packages, bytes } if *packages > 0 => {
            let size = bytes >> 20;
            print::note(&format!("fetching {packages} of them, {size} MiB"));
        }
        Event::Written { done, total, .. } if done % TOLD == 0 => {
            print::note(&format!("{done} of {total} packages written"));
        }
        Event::Indexed { packages } => {
            print::note(&format!("index of {packages} packages written"));
        }
        _ => {}
    }
}

/// What is attested of a package; one without facts only pulls others in.
fn import(list: Digest, facts: Option<&ImportFacts>) -> Import {
    let debs = facts.map(|facts| ImportedDeb {
        name: facts.deb.name.clone(),
        version: facts.deb.version.clone(),
        architecture: facts.deb.architecture.clone(),
        sha256: facts.deb.sha256,
        packages_file: facts.packages.sha256,
    });
    let release = facts.map(|facts| ImportedRelease {
        suite: facts.release.codename.clone(),
        sha256: facts.release.sha256,
    });
    Import {
        list,
        debs: debs.into_iter().collect(),
        release,
    }
}

struct ImportSigner<'a> {
    client: &'a mut Client,
}

impl SignBytes for ImportSigner<'_> {
    fn sign_control(&mut self, control: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let (key, signature) = self.client.sign_import_control(&memory_file(control)?)?;
        Ok(signature_member(
            &format!(".SIGN.RSA256.{key}"),
            &signature,
            0,
        ))
    }

    fn sign_index(&mut self, index: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let (key, signature) = self
            .client
            .sign_index(Repository::Import, &memory_file(index)?)?;
        Ok(signature_member(
            &format!(".SIGN.RSA256.{key}"),
            &signature,
            0,
        ))
    }
}
