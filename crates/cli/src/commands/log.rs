//! `bessemer log`.

use super::verify::read_trust_root;
use crate::places::Places;
use crate::print;
use anyhow::{Context, Result, bail};
use bessemer_attest::TrustRoot;
use bessemer_signer::Entry;
use bessemer_tlog::{Audit, Checkpoint, NoteKey, audit};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Hold every file of the signer's log against its checkpoint, and that against older ones
    Verify(VerifyArguments),
    /// Print the entries of the signer's log
    Show(ShowArguments),
}

/// Which log.
#[derive(Debug, clap::Args)]
struct Place {
    /// The signer's state directory [default: this user's]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A copy of a log: a folder with `checkpoint` and `tile`
    #[arg(
        long,
        value_name = "DIR",
        requires = "trust_root",
        conflicts_with = "state"
    )]
    log: Option<PathBuf>,
    /// The keys to believe [default: the one in the state directory]
    #[arg(long)]
    trust_root: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer log verify\n  bessemer log verify --log ./mirror --trust-root trust-root.json --checkpoint yesterday"
)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    place: Place,
    /// A checkpoint from earlier, or a `.tlog-proof`: the log must continue it
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer log show --json")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    place: Place,
}

/// Exit status 1 if the log is not what it says.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match arguments {
        Arguments::Verify(arguments) => verify(arguments),
        Arguments::Show(arguments) => show(&arguments.place),
    }
}

fn verify(arguments: &VerifyArguments) -> Result<ExitCode> {
    let (log, key) = arguments.place.open()?;
    let mut older = Vec::new();
    for path in &arguments.checkpoint {
        older.extend(checkpoints(path, &key)?);
    }
    let found = match checked(&log, &key, &older) {
        Ok(found) => found,
        Err(error) => {
            print::failure(&error.context(format!("FAIL {}", log.display())));
            return Ok(ExitCode::FAILURE);
        }
    };
    let Checkpoint { origin, size, root } = &found.checkpoint;
    let sizes: Vec<u64> = older.iter().map(|one| one.size).collect();
    if arguments.place.json {
        print::json(&json!({
            "result": "PASS", "origin": origin, "size": size, "root": root, "continues": sizes,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print::line(format_args!("PASS {origin}"))?;
    print::line(format_args!("size: {size} entries"))?;
    print::line(format_args!("root: {root}"))?;
    for size in sizes {
        print::line(format_args!("continues the checkpoint of {size}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(place: &Place) -> Result<ExitCode> {
    let (log, key) = place.open()?;
    let mut entries = Vec::new();
    audit(&key, reader(&log), |index, bytes| {
        let entry = Entry::parse(bytes).ok_or("it is none of a signer's")?;
        entries.push((index, entry));
        Ok(())
    })?;
    if place.json {
        let entry = |(index, entry): &(u64, Entry)| json!({"index": index, "entry": entry});
        print::json(&entries.iter().map(entry).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for (index, entry) in &entries {
        let text = String::from_utf8(entry.to_bytes()?)?;
        print::line(format_args!("{index}  {}", print::plain_line(&text)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn checked(log: &Path, key: &NoteKey, older: &[Checkpoint]) -> Result<Audit> {
    let found = audit(key, reader(log), |_, bytes| {
        let read = Entry::parse(bytes).map(drop);
        read.ok_or_else(|| "it is none of a signer's".to_owned())
    })?;
    for one in older {
        found.continues(one)?;
    }
    Ok(found)
}

fn reader(log: &Path) -> impl FnMut(&str) -> io::Result<Vec<u8>> {
    move |path| fs_err::read(log.join(path))
}

impl Place {
    /// The folder of the log, and the key that its checkpoints are verified with.
    fn open(&self) -> Result<(PathBuf, NoteKey)> {
        let state = match &self.state {
            Some(state) => state.clone(),
            None => Places::of(rustix::process::geteuid().is_root())?.signer_state,
        };
        let root = match &self.trust_root {
            Some(path) => path.clone(),
            None => state.join("trust-root.json"),
        };
        let root: TrustRoot = read_trust_root(&root)?;
        let key = root.log_key()?;
        let key = key.context("the trust root names no log")?;
        Ok((self.log.clone().unwrap_or_else(|| state.join("log")), key))
    }
}

/// The checkpoint in a file, or those of the proofs in one.
fn checkpoints(path: &Path, key: &NoteKey) -> Result<Vec<Checkpoint>> {
    let bytes = fs_err::read(path)?;
    let refused = || format!("{} has no checkpoint of this log", path.display());
    if let Ok(one) = Checkpoint::open(&bytes, key) {
        return Ok(vec![one]);
    }
    let proofs = bessemer_attest::Sidecar::default().with_proofs(&bytes);
    let Ok(proofs) = proofs else { bail!(refused()) };
    let proofs = proofs.proofs().iter();
    let found: Result<Vec<_>, _> = proofs.map(|proof| proof.check(key)).collect();
    found.with_context(refused)
}
