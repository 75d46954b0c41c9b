//! `bessemer trace`: where a file in an image or package comes from.

mod located;

use super::subject::{SubjectArguments, Subjects};
use crate::commands::verify::{Target, print_lines};
use crate::evidence::{AcceptArguments, ChainArguments, chain_json};
use crate::print;
use anyhow::{Result, anyhow, bail};
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

/// The number in the chain of the package, or of the base that the file is from where that is as far as one
/// can see.
fn owner(located: &Located, chain: &Chain) -> Option<usize> {
    if let Owner::Package { file, sha256, .. } = &located.owner
        && let Some(sha256) = sha256
    {
        return chain.nodes.iter().position(|node| {
            let artifact = &node.artifact;
            artifact.sha256 == *sha256 && artifact.name == *file
        });
    }
    let wanted = located.base.as_ref()?;
    let mut bases = chain.bases().into_iter();
    let base = bases.find(|number| chain.nodes[*number].artifact.sha256 == wanted.sha256)?;
    match &located.owner {
        Owner::Package { file, .. } => in_base(file, base, chain),
        _ => Some(base),
    }
}

/// The number of a package that a base, or what it is built on, was made from. Of a base that does not verify
/// nothing is known: then it is the base's own.
fn in_base(file: &str, base: usize, chain: &Chain) -> Option<usize> {
    let node = chain.nodes.get(base)?;
    if !matches!(node.verdict, Verdict::Image { .. }) {
        return Some(base);
    }
    let called = |number: usize| chain.nodes[number].artifact.name == file;
    let mut members = node.members.iter();
    let own = members.find(|member| member.role == "package" && called(member.node));
    own.map(|member| member.node).or_else(|| {
        let mut below = node.members.iter().filter(|member| member.is_base());
        below.find_map(|member| in_base(file, member.node, chain))
    })
}

/// An answer that ends in a gap is none.
fn judged(located: &Located, node: Option<&Node>) -> Result<()> {
    let file = match &located.owner {
        Owner::Package { file, matches, .. } => {
            let file = print::plain_line(file);
            if !matches {
                bail!(
                    "the file is not as {file} brought it: the package database has another digest"
                );
            }
            file
        }
        Owner::Base => "the base of the image".to_owned(),
        Owner::Assembly { .. } => return Ok(()),
    };
    let Some(node) = node else {
        let whose = match located.base {
            Some(_) => "the provenance of neither the image nor its base names",
            None => "the image's provenance does not name",
        };
        bail!("{whose} {file}, which its package database has");
    };
    // The package's own, or that of the base that has it.
    let name = print::plain_line(&node.artifact.name);
    let what = if name == file {
        file
    } else {
        format!("{file} (in the base {name})")
    };
    match &node.verdict {
        Verdict::Package { .. } | Verdict::Image { .. } => Ok(()),
        Verdict::Unattested => bail!("nobody attests where {what} is from"),
        Verdict::Missing if name != what => Err(missing(&format!(
            "the attestation of the base {name} is not there"
        ))),
        Verdict::Missing => Err(missing(&format!("the attestation of {what} is not there"))),
        Verdict::Refused { reason } => bail!("{what} is refused: {}", print::plain_line(reason)),
        Verdict::NotFollowed => bail!("the chain has too many artifacts to reach {what}"),
    }
}

fn missing(text: &str) -> anyhow::Error {
    anyhow!("{text}").context(print::Hint(
        "--evidence DIR names a repository or bundle that has it".to_owned(),
    ))
}
