//! `bessemer keys`.

mod change;
mod init;
mod tool;

use crate::folders::NewFolders;
use crate::print;
use crate::services::{Inherited, Services};
use crate::signing::write_whole;
use anyhow::Result;
use bessemer_attest::Role;
use bessemer_attest::documents::canonical_bytes;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Make the keys of a factory: this host was provisioned for a builder id above `local`
    Init(init::InitArguments),
    /// Write the public keys: trust root, `cosign.pub` (the key of packages' provenance), package keys
    Export(ExportArguments),
    /// Give a role a new key; what the old one signed stays good
    Rotate(change::RotateArguments),
    /// Let what a key signed count only before some point of the log, and replace the key
    Revoke(change::RevokeArguments),
    /// Let kernels and agents boot that another factory vouches for
    Trust(change::TrustArguments),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer keys export --out keys")]
pub(crate) struct ExportArguments {
    /// Directory for `trust-root.json`, `cosign.pub`, the package keys, and `log.vkey`, the log's key as
    /// other programs take it
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the one that was asked for.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    match arguments {
        Arguments::Init(arguments) => init::init(arguments),
        Arguments::Export(arguments) => export(arguments, inherited),
        Arguments::Rotate(arguments) => change::rotate(arguments),
        Arguments::Revoke(arguments) => change::revoke(arguments),
        Arguments::Trust(arguments) => change::trust(arguments),
    }
}

/// Asks the signer for its public keys and writes them.
fn export(arguments: &ExportArguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let services = Services::open(inherited)?;
    let mut client = services.signer()?;
    let root = client.trust_root()?;
    let description = client.describe()?;
    let folders = NewFolders::make(&arguments.out)?;
    let mut written = vec![arguments.out.join("trust-root.json")];
    write_whole(&written[0], &canonical_bytes(&root)?)?;
    if let Some(log) = root.log_key()? {
        let path = arguments.out.join("log.vkey");
        write_whole(&path, format!("{}\n", log.to_line()).as_bytes())?;
        written.push(path);
    }
    for key in root.keys.iter().filter(|key| key.until.is_none()) {
        let name = match key.role {
            Role::Provenance => "cosign.pub".to_owned(),
            Role::Apk => description.apk_key.clone(),
            Role::ImportApk => description.import_key.clone(),
            _ => continue,
        };
        let path = arguments.out.join(name);
        write_whole(&path, key.public_key_pem.as_bytes())?;
        written.push(path);
    }
    folders.keep();
    if arguments.json {
        print::json(&json!({
            "written": written,
            "builder_id": description.builder_id,
            "apk_key": description.apk_key,
            "import_key": description.import_key,
        }))?;
    } else {
        for path in &written {
            print::line(format_args!("{}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
