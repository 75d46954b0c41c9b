//! `bessemer trace`: where a file in an image or package comes from.

mod located;

use super::subject::{SubjectArguments, Subjects};
use crate::commands::verify::{Target, print_lines};
use crate::evidence::{AcceptArguments, ChainArguments, chain_json};
use crate::print;
use anyhow::{Result, bail};
use bessemer_attest::chain::{Chain, Node, Verdict};
use located::{Located, Owner, locate};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer trace docker://registry.example.com/app:1.2 /usr/bin/app --trust-root trust-root.json --evidence ./repository\n  bessemer trace bzip2-1.0.8-r0.apk /usr/bin/bzip2 --trust-root trust-root.json --evidence ./repository"
)]
pub(crate) struct Arguments {
    /// A package, or `docker://` and the reference of an image
    #[arg(value_name = "PACKAGE|docker://IMAGE")]
    target: Target,
    /// The file in it; symbolic links are followed within the image
    #[arg(value_name = "/PATH")]
    path: String,
    /// Of an index: in the image for this architecture, by apk's name or OCI's [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    #[command(flatten)]
    subject: SubjectArguments,
    #[command(flatten)]
    following: ChainArguments,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Finds the file, the package that owns it, and what that was made from.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut subjects = arguments
        .subject
        .open(std::slice::from_ref(&arguments.target))?;
    let located = located(arguments, &subjects)?;
    let chain = subjects.chain(&arguments.following)?;
    let node = owner(&located, &chain);
    if arguments.json {
        print::json(&json!({
            "file": located, "owner": node.map(|number| &chain.nodes[number]), "chain": chain_json(&chain),
        }))?;
    } else {
        print_lines(&located.lines())?;
        if let Some(number) = node {
            print_lines(&[String::new()])?;
            print_lines(&chain.lines_of(number))?;
        }
    }
    judged(&located, node.map(|number| &chain.nodes[number]))?;
    if let Some(number) = node {
        let accept = AcceptArguments {
            accept_unattested: true,
        };
        let behind = chain.behind(number);
        arguments.following.judge_of(&chain, behind, accept)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn located(arguments: &Arguments, subjects: &Subjects) -> Result<Located> {
    let [proven] = subjects.proven.as_slice() else {
        bail!("{} is of several artifacts", arguments.target);
    };
    locate(
        &arguments.target,
        &arguments.path,
        arguments.arch.as_deref(),
        proven,
        &arguments.subject.registries,
    )
}

/// The number of the package in the chain.
fn owner(located: &Located, chain: &Chain) -> Option<usize> {
    let Owner::Package { file, sha256, .. } = &located.owner else {
        return None;
    };
    let sha256 = sha256.as_ref()?;
    chain.nodes.iter().position(|node| {
        let artifact = &node.artifact;
        artifact.sha256 == *sha256 && artifact.name == *file
    })
}

/// An answer that ends in a gap is none.
fn judged(located: &Located, node: Option<&Node>) -> Result<()> {
    let Owner::Package { file, matches, .. } = &located.owner else {
        return Ok(());
    };
    let file = print::plain_line(file);
    if !matches {
        bail!("the file is not as {file} brought it: the package database has another digest");
    }
    let Some(node) = node else {
        bail!("the image's provenance does not name {file}, which its package database has");
    };
    match &node.verdict {
        Verdict::Package { .. } | Verdict::Image { .. } => Ok(()),
        Verdict::Unattested => bail!("nobody attests where {file} is from"),
        Verdict::Missing => Err(
            anyhow::anyhow!("the attestation of {file} is not there").context(print::Hint(
                "--evidence DIR names a repository or bundle that has it".to_owned(),
            )),
        ),
        Verdict::Refused { reason } => bail!("{file} is refused: {}", print::plain_line(reason)),
        Verdict::NotFollowed => bail!("the chain has too many artifacts to reach {file}"),
    }
}
