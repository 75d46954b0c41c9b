//! `bessemer diff`: what is different between how two artifacts came to be.

use super::subject::SubjectArguments;
use crate::commands::verify::Target;
use crate::commands::verify::found::Proven;
use crate::{exit, print};
use anyhow::{Result, anyhow, bail};
use bessemer_attest::compare::Compared;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer diff old/app-1.0-r0.apk new/app-1.1-r0.apk --trust-root trust-root.json\n  bessemer diff docker://registry.example.com/app:1 docker://registry.example.com/app:2 --trust-root trust-root.json --exit-code"
)]
pub(crate) struct Arguments {
    /// The one: a package, `docker://` and the reference of an image, or a bundle of one artifact
    from: Target,
    /// The other
    to: Target,
    /// Exit with 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    subject: SubjectArguments,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

/// Compares what provenance, which is verified, says of both.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let from = compared(arguments, &arguments.from)?;
    let to = compared(arguments, &arguments.to)?;
    let changes = from.changes(&to);
    if arguments.json {
        print::json(&json!({
            "from": {"name": from.name, "sha256": from.sha256},
            "to": {"name": to.name, "sha256": to.sha256},
            "changes": changes,
        }))?;
    } else if changes.is_empty() {
        print::line(format_args!("no difference"))?;
    } else {
        for change in &changes {
            print::line(format_args!("{}", change.line()))?;
        }
    }
    let differs = arguments.exit_code && !changes.is_empty();
    Ok(ExitCode::from(if differs { exit::ERROR } else { 0 }))
}

fn compared(arguments: &Arguments, target: &Target) -> Result<Compared> {
    let subjects = arguments.subject.open(std::slice::from_ref(target))?;
    let [proven] = subjects.proven.as_slice() else {
        bail!("{target} is of several artifacts");
    };
    match proven {
        Proven::Package { verified, .. } => {
            let report = &verified.report;
            let provenance = verified.provenance.as_ref().ok_or_else(|| {
                anyhow!(
                    "{} was imported, not built: it has no provenance to compare",
                    report.file
                )
            })?;
            Ok(Compared::of_package(
                report.file.clone(),
                report.sha256,
                provenance,
            ))
        }
        Proven::Image {
            name,
            digest,
            verified,
            ..
        } => Ok(Compared::of_image(
            name.clone(),
            *digest,
            &verified.provenance,
        )),
    }
}
