//! `bessemer affected`: what an input went into.

use crate::commands::verify::read_trust_root;
use crate::evidence::EvidenceArguments;
use crate::exit;
use crate::print::{self, Hint};
use anyhow::{Result, anyhow};
use bessemer_attest::chain::{Search, Walk, role_words};
use bessemer_build::worker::now;
use std::path::PathBuf;
use std::process::ExitCode;

/// Most artifacts that are named because nothing is known of them.
const NAMED: usize = 10;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer affected sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9 --trust-root trust-root.json --evidence ./repository\n  bessemer affected 8d1a1f0a9ab34f1b7c1ad7c2a3b6a52a6d1c5a10 --trust-root trust-root.json --evidence ./repository --json"
)]
pub(crate) struct Arguments {
    /// Digest of a package, source, archive, recipe or any other input (`sha256:HEX`), or a git commit. Each
    /// line begins with how many steps the artifact is from it
    #[arg(value_parser = parse_digest)]
    digest: String,
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    /// Where attestations are: a folder, such as a repository's, or a bundle of `bessemer export`; may be
    /// repeated
    #[arg(long, value_name = "DIR|BUNDLE", required = true)]
    evidence: Vec<PathBuf>,
    /// Trust root of another factory; may be repeated
    #[arg(long, value_name = "FILE")]
    dependency_trust_root: Vec<PathBuf>,
    /// Print what is affected as JSON
    #[arg(long)]
    json: bool,
}

/// The digits of a SHA-256 with its name before it, or of a git commit.
fn parse_digest(text: &str) -> Result<String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let whole = match digits.len() {
        64 => true,
        40 => digits.len() == text.len(),
        _ => false,
    };
    if whole
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Ok(digits.to_owned());
    }
    Err(anyhow!(
        "neither `sha256:` and 64 hexadecimal digits nor a git commit of 40 or 64"
    ))
}

/// Says what is affected by what, the nearest first. Status 1 where something could not be read: more may be.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut roots = vec![read_trust_root(&arguments.trust_root)?];
    for path in &arguments.dependency_trust_root {
        roots.push(read_trust_root(path)?);
    }
    let evidence = EvidenceArguments {
        evidence: arguments.evidence.clone(),
    };
    let pool = evidence.open()?;
    if pool.is_empty() {
        return Err(anyhow!("there are no attestations to search").context(Hint(
            "--evidence names a folder with `.intoto.jsonl` files, or a bundle".to_owned(),
        )));
    }
    let walk = Walk {
        pool: &pool,
        roots: &roots,
        now: Some(now()?),
        demand: &|_| Vec::new(),
    };
    let search = walk.affected(&arguments.digest);
    if arguments.json {
        print::json(&search)?;
    } else {
        for one in &search.affected {
            let by = one.by.iter().take(NAMED);
            let mut by: Vec<String> = by
                .map(|(role, name)| format!("{} {name}", role_words(role).unwrap_or(role)))
                .collect();
            if one.by.len() > NAMED {
                by.push(format!("and {} more", one.by.len() - NAMED));
            }
            let text = format!(
                "{} {} ({}): by {}",
                one.distance,
                one.artifact.name,
                one.artifact.sha256,
                by.join(", ")
            );
            print::line(format_args!("{}", print::plain_line(&text)))?;
        }
    }
    summary(&search, &arguments.digest);
    Ok(ExitCode::from(if search.complete {
        0
    } else {
        exit::ERROR
    }))
}

/// What was looked at; of what could not be read, that it says nothing either way.
fn summary(search: &Search, digest: &str) {
    for (name, reason) in search.refused.iter().take(NAMED) {
        let text = format!("nothing is known of {name}: {reason}");
        print::warning(&print::plain_line(&text));
    }
    let more = search.refused.len().saturating_sub(NAMED);
    if more > 0 {
        print::warning(&format!("nothing is known of {more} more"));
    }
    let affected = search.affected.len();
    if affected == 0 && search.complete {
        let count = print::count(search.read, "artifact");
        print::note(&format!(
            "none of the {count} among the evidence names {digest}"
        ));
        return;
    }
    let known = if search.complete {
        ""
    } else {
        " whose provenance could be read"
    };
    print::note(&format!(
        "{affected} of {}{known} are affected",
        print::count(search.read, "artifact")
    ));
}
