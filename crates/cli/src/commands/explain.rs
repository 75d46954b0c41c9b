//! `bessemer explain`: one page of plain words for one artifact.

use super::subject::SubjectArguments;
use crate::commands::verify::found::Proven;
use crate::commands::verify::{Target, print_lines};
use crate::evidence::{AcceptArguments, ChainArguments, chain_json};
use crate::print;
use anyhow::{Result, bail};
use bessemer_attest::chain::{Chain, EndKind, Verdict};
use bessemer_attest::verify::{BaseReport, BuiltReport, ImageReport, ImportReport, Origin, Report};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Characters in a line.
const WIDTH: usize = 96;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer explain bzip2-1.0.8-r0.apk --trust-root trust-root.json --evidence ./repository\n  bessemer explain docker://registry.example.com/app:1.2 --trust-root trust-root.json --evidence ./repository"
)]
pub(crate) struct Arguments {
    /// A package, `docker://` and the reference of an image, or a bundle of one artifact
    #[arg(value_name = "PACKAGE|docker://IMAGE|BUNDLE")]
    target: Target,
    #[command(flatten)]
    subject: SubjectArguments,
    #[command(flatten)]
    following: ChainArguments,
    /// Print the paragraphs as JSON
    #[arg(long)]
    json: bool,
}

/// Says what is proven, by whom, and what is not known.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut subjects = arguments
        .subject
        .open(std::slice::from_ref(&arguments.target))?;
    let chain = subjects.chain(&arguments.following)?;
    let [proven] = subjects.proven.as_slice() else {
        bail!("{} is of several artifacts", arguments.target);
    };
    let mut paragraphs = match proven {
        Proven::Package { verified, .. } => of_package(&verified.report),
        Proven::Image { name, verified, .. } => of_image(name, &verified.report),
    };
    paragraphs.push(("Behind it", behind(&chain)));
    paragraphs.push(("Not known", unknown(&chain)));
    if arguments.json {
        let paragraphs = paragraphs.iter();
        let paragraphs: Vec<_> = paragraphs
            .map(|(title, text)| json!({"title": title, "text": text}))
            .collect();
        let judged = judged(arguments, &chain);
        let result = if judged.is_ok() { "PASS" } else { "FAIL" };
        print::json(
            &json!({"result": result, "paragraphs": paragraphs, "chain": chain_json(&chain)}),
        )?;
        return judged;
    }
    for (number, (title, text)) in paragraphs.iter().enumerate() {
        if number > 0 {
            print_lines(&[String::new()])?;
        }
        print_lines(&wrapped(title, &print::plain_line(text)))?;
    }
    judged(arguments, &chain)
}

/// An answer with gaps is not whole. Ends without attestation are said on the page.
fn judged(arguments: &Arguments, chain: &Chain) -> Result<ExitCode> {
    let accept = AcceptArguments {
        accept_unattested: true,
    };
    arguments.following.judge(chain, accept)?;
    Ok(ExitCode::SUCCESS)
}

type Paragraph = (&'static str, String);

fn of_package(report: &Report) -> Vec<Paragraph> {
    let what = format!(
        "The package {} with the digest {}.",
        report.file, report.sha256
    );
    let mut paragraphs = vec![("What it is", what)];
    match &report.origin {
        Origin::Built(built) => paragraphs.extend(of_build(built)),
        Origin::Imported(imported) => paragraphs.push(("Where it is from", of_import(imported))),
    }
    let tested = match &report.test {
        Some(test) => format!(
            "Its tests passed ({}) in a second {} for them alone, which had this very file installed.",
            print::count(test.steps, "step"),
            match test.accelerator.as_str() {
                "direct" => "run, without a machine,",
                _ => "virtual machine",
            }
        ),
        None => "Nothing proves that tests of it passed.".to_owned(),
    };
    let admitted = match &report.gate {
        Some(gate) => format!(
            " The gate {} admitted it as {}.",
            gate.verifier_id, gate.resource_uri
        ),
        None => " No gate admitted it to a repository, as far as can be seen here.".to_owned(),
    };
    let bill = if report.sbom {
        " A signed SPDX document lists what is in it."
    } else {
        " There is no signed list of what is in it."
    };
    paragraphs.push(("How it was checked", format!("{tested}{admitted}{bill}")));
    paragraphs
}

fn of_build(built: &BuiltReport) -> Vec<Paragraph> {
    let source = &built.source;
    let recipe = match (&source.repository, &source.commit) {
        (Some(repository), Some(commit)) => {
            format!(
                "the recipe {} of {repository} at commit {commit}",
                source.path
            )
        }
        _ => format!(
            "the recipe {}, of which only the digest is known and no commit",
            source.path
        ),
    };
    let counts = &built.dependencies;
    let made = format!(
        "It was built from {recipe}, with {}, in an environment of {}, between {} and {} by the host's clock.",
        print::count(counts.sources, "source"),
        print::count(counts.packages, "package"),
        built.started_on,
        built.finished_on
    );
    let network = match built.network.as_str() {
        "none" => "The build could reach no network.".to_owned(),
        other => format!("The build's network was `{other}`."),
    };
    let place = match built.accelerator.as_str() {
        "direct" => {
            "Its steps ran on the host's own kernel, not in a machine of their own.".to_owned()
        }
        other => format!(
            "Its steps ran in a virtual machine (`{other}`) that was started for them alone."
        ),
    };
    let level = format!(
        "The builder is {}, whose key stands for SLSA Build level {}.",
        built.builder_id, built.level
    );
    let higher = match built.why_not_higher.as_slice() {
        [] => String::new(),
        reasons => format!(" It is not higher because {}.", reasons.join("; ")),
    };
    vec![
        ("Where it is from", made),
        (
            "Who vouches for it",
            format!("{level}{higher} {place} {network}"),
        ),
    ]
}

fn of_import(imported: &ImportReport) -> String {
    match &imported.import.release {
        Some(release) => format!(
            "It was not built here. It was repacked from {} of the release {}, which apt verified.",
            print::count(imported.import.debs.len(), "archive"),
            release.suite
        ),
        None => "It was not built here: a package list alone describes it.".to_owned(),
    }
}

fn of_image(name: &str, report: &ImageReport) -> Vec<Paragraph> {
    let packages = &report.packages;
    let count = packages.built + packages.imported + packages.unverified.len();
    let unverified = match packages.unverified.as_slice() {
        [] => String::new(),
        names => format!(
            " Accepted although nothing vouches for them: {}.",
            names.join(", ")
        ),
    };
    vec![
        (
            "What it is",
            format!(
                "The image {name} with the digest {}, published as {}.",
                report.digest,
                report.names.join(", ")
            ),
        ),
        (
            "Where it is from",
            format!(
                "It was assembled from the image file {} between {} and {} by the host's clock, out of {}: {} with verified provenance, {} imported from a distribution.{unverified}{}",
                report.config,
                report.started_on,
                report.finished_on,
                print::count(count, "package"),
                packages.built,
                packages.imported,
                of_bases(&report.bases)
            ),
        ),
        (
            "Who vouches for it",
            format!(
                "The builder is {}, whose key stands for SLSA Build level {}: the image is put together in the control side, by no step of anybody's.",
                report.builder_id, report.level
            ),
        ),
        (
            "How it was checked",
            if report.sbom {
                "A signed SPDX document lists what is in it.".to_owned()
            } else {
                "There is no signed list of what is in it.".to_owned()
            },
        ),
    ]
}

/// What an image is built on, each base once.
fn of_bases(bases: &[BaseReport]) -> String {
    let mut seen = BTreeSet::new();
    let said = bases.iter().map(|base| {
        format!(
            " The image for {} is built on {}, {}; its packages are not counted here.",
            base.architecture,
            base.name,
            of_base(base)
        )
    });
    said.filter(|text| seen.insert(text.clone())).collect()
}

fn of_base(base: &BaseReport) -> String {
    let (Some(level), Some(contents)) = (base.level, &base.contents) else {
        return "which was accepted although nothing vouches for it".to_owned();
    };
    let mut parts = vec![format!(
        "whose provenance was verified, of SLSA Build level {level}"
    )];
    if contents.imported > 0 {
        let count = print::count(contents.imported, "package");
        parts.push(format!("with {count} imported from a distribution"));
    }
    if !contents.unverified.is_empty() {
        let names = contents.unverified.join(", ");
        parts.push(format!(
            "with packages that were accepted although nothing vouches for them ({names})"
        ));
    }
    if contents.unverified_base {
        parts.push("itself built on what nothing vouches for".to_owned());
    }
    parts.join(", ")
}

/// What the chain is made of.
fn behind(chain: &Chain) -> String {
    let (mut built, mut imported, mut bases) = (0, 0, 0);
    for node in chain.nodes.iter().skip(chain.targets) {
        match &node.verdict {
            Verdict::Package { report } => match report.origin {
                Origin::Built(_) => built += 1,
                Origin::Imported(_) => imported += 1,
            },
            Verdict::Image { .. } => bases += 1,
            _ => {}
        }
    }
    let bases = match bases {
        0 => String::new(),
        count => format!("{}, ", print::count(count, "base image")),
    };
    let ends = chain.ends().into_iter().map(|end| {
        let (one, many) = end.kind.words();
        format!("{} {}", end.count, if end.count == 1 { one } else { many })
    });
    let ends: Vec<String> = ends.collect();
    format!(
        "Verified again, link by link: {bases}{} that a factory built and {} that were imported. The chain ends in {}.",
        print::count(built, "package"),
        imported,
        ends.join(", ")
    )
}

/// Gaps first, then what ends are silent about.
fn unknown(chain: &Chain) -> String {
    let mut said = Vec::new();
    let missing = chain.gaps().count();
    if missing > 0 {
        said.push(format!(
            "{} cannot be verified here: their attestations are missing or do not hold (`bessemer verify --recursive` names them)",
            print::count(missing, "artifact")
        ));
    }
    let silent = [
        EndKind::UnattestedPackage,
        EndKind::UnattestedBase,
        EndKind::SourceArchive,
        EndKind::SourceCommit,
        EndKind::RecipeCommit,
        EndKind::NetworkAnswer,
        EndKind::DistributionArchive,
    ];
    let ends = chain.ends();
    let ends = ends.iter().filter(|end| silent.contains(&end.kind));
    said.extend(ends.map(|end| format!("{}: {}", end.kind.words().1, end.kind.why())));
    if said.is_empty() {
        return "Nothing that this program knows to ask for.".to_owned();
    }
    format!("{}.", said.join("; "))
}

/// A title and a paragraph below it.
fn wrapped(title: &str, text: &str) -> Vec<String> {
    let mut lines = vec![title.to_owned()];
    let mut line = String::from(" ");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
            lines.push(std::mem::replace(&mut line, String::from(" ")));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines
}
