//! `bessemer verify`.

mod beside;
mod complete;
pub(crate) mod found;
pub(crate) mod images;
mod looking;
pub(crate) mod policy;
mod reproduced;
mod summaries;
mod target;

use crate::commands::image::registries::RegistryArguments;
use crate::evidence::{self, AcceptArguments, ChainArguments, EvidenceArguments, Start};
use crate::services::Inherited;
use crate::{exit, print};
use anyhow::{Result, anyhow, bail};
pub(crate) use beside::{
    Beside, beside_what, facts, proofs_path, read_sidecar, read_trust_root, sidecar_path,
};
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::Pool;
use bessemer_attest::verify::VerifyError;
use bessemer_policy::starting_policy;
use complete::CompleteArguments;
use found::Proven;
pub(crate) use images::ExpectedArguments;
pub(crate) use looking::Looking;
use policy::{Judge, PolicyArguments, SourceArguments, Violated};
use reproduced::RebuilderArguments;
pub(crate) use reproduced::{beside_reproduced, taken_along};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use summaries::SummaryArguments;
pub(crate) use target::Target;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --min-level 3 --json\n  bessemer verify docker://registry.example.com/app:1.2 --trust-root keys/trust-root.json --recursive --evidence ./repository\n  bessemer verify app.bundle --trust-root keys/trust-root.json --recursive --name registry.example.com/app\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --complete -r ./repository -k import.rsa.pub\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --policy policy.yaml"
)]
pub(crate) struct Arguments {
    /// What to verify: packages, beside which their attestations stand; `docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]`,
    /// an image in a registry, and what is attached to it; or a bundle of `bessemer export`
    #[arg(required = true, value_name = "PACKAGE|docker://IMAGE|BUNDLE")]
    targets: Vec<Target>,
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    /// Where the attestations of a single package are [default: <package>.intoto.jsonl]
    #[arg(long)]
    attestations: Option<PathBuf>,
    /// Where the proofs are that its attestations are logged [default: <package>.tlog-proof]
    #[arg(long)]
    proofs: Option<PathBuf>,
    /// Refuse a package built below this SLSA build level
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    min_level: u8,
    /// Accept a package without proof that its tests passed
    #[arg(long)]
    allow_untested: bool,
    /// Demand the summary of a gate that admitted the package to a repository
    #[arg(long)]
    require_gate: bool,
    /// Demand that the gate admitted it to this repository, what `publish --resource-uri` was given, or
    /// as this very file
    #[arg(long)]
    resource_uri: Option<String>,
    /// Verify everything that it was made from, too, down to sources and bootstrap seed, and print the tree.
    /// What other flags and policies demand is demanded of what is named, not of what is behind it
    #[arg(long)]
    recursive: bool,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    rebuilders: RebuilderArguments,
    #[command(flatten)]
    summaries: SummaryArguments,
    #[command(flatten)]
    evidence: EvidenceArguments,
    #[command(flatten)]
    following: ChainArguments,
    #[command(flatten)]
    accept: AcceptArguments,
    /// Print the report as JSON; an array if several packages are named
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "Options for images")]
    expected: ExpectedArguments,
    #[command(flatten, next_help_heading = "Options for images")]
    registries: RegistryArguments,
    #[command(flatten, next_help_heading = "Options for --complete")]
    pub(crate) complete: CompleteArguments,
}

impl Arguments {
    /// What is wrong with the flags together, if something is.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        let files = self.targets.iter().filter(|target| target.file().is_some());
        let files = files.count();
        if files != self.targets.len() && self.complete.complete {
            return Some("--complete builds packages again; an image is verified with --recursive");
        }
        if self.recursive && self.complete.complete {
            return Some("--recursive and --complete are two questions: ask one after the other");
        }
        if files != self.targets.len()
            && (self.require_gate
                || self.resource_uri.is_some()
                || self.attestations.is_some()
                || self.proofs.is_some()
                || self.summaries.folder().is_some()
                || self.rebuilders.says_something())
        {
            return Some(
                "--require-gate, --resource-uri, --attestations, --proofs, --rebuilder and --write-vsa are for packages",
            );
        }
        let of_chains = self.following.says_something() || self.accept.accept_unattested;
        if of_chains && !self.recursive {
            return Some(
                "--fetch, --accept-unattested and --dependency-trust-root are for --recursive",
            );
        }
        if self.targets.len() == 1 {
            None
        } else if self.attestations.is_some() {
            Some("--attestations names one file, and there are several targets")
        } else if self.sources.print_policy {
            Some("--print-policy is about one package, and there are several")
        } else {
            self.proofs
                .as_ref()
                .map(|_| "--proofs names one file, and there are several targets")
        }
    }

    /// Directories that it writes to.
    pub(crate) fn writes(&self) -> Vec<PathBuf> {
        let folder = self.summaries.folder();
        folder.map(Path::to_path_buf).into_iter().collect()
    }

    /// How targets are judged.
    fn looking<'a>(&'a self, root: &'a TrustRoot, judge: Option<&'a Judge>) -> Result<Looking<'a>> {
        let mut looking = Looking::at(root, &self.registries)?;
        looking.judge = judge;
        looking.policy.min_level = self.min_level;
        looking.policy.require_tests = !self.allow_untested;
        looking.policy.require_gate = self.require_gate || self.resource_uri.is_some();
        looking.resource_uri = self.resource_uri.as_deref();
        looking.attestations = self.attestations.as_deref();
        looking.proofs = self.proofs.as_deref();
        looking.expected = Some(&self.expected);
        looking.has_images = self.targets.iter().any(Target::may_have_images);
        looking.rebuilders = Some(&self.rebuilders);
        looking.summaries = Some(&self.summaries);
        Ok(looking)
    }
}

/// Verifies, and says what was proven; exit status 1 if any target has any mismatch.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let root = read_trust_root(&arguments.trust_root)?;
    let mut pool = arguments.evidence.open()?;
    let judge = arguments.policy.open(Some(&arguments.sources))?;
    let looking = arguments.looking(&root, judge.as_ref())?;
    let (mut reports, mut start) = (Vec::new(), Start::default());
    let mut failed = false;
    for target in &arguments.targets {
        match found::verified(target, &looking, &mut pool) {
            Ok(found) => {
                for one in found {
                    reports.push(one.json(judge.as_ref()));
                    if !arguments.json {
                        told(arguments, &one, judge.as_ref())?;
                    }
                    start.add(&one);
                }
            }
            Err(error) => {
                failed = true;
                reports.push(refusal(target, &error));
                for failure in failures(target, &error) {
                    print::failure(&failure);
                }
            }
        }
    }
    if arguments.recursive && !failed {
        return recursively(arguments, &root, &mut pool, (&start, &reports));
    }
    if arguments.complete.complete && !failed {
        return proven_complete(arguments, &reports, inherited);
    }
    if arguments.json && arguments.recursive {
        print::json(&serde_json::json!({"result": "FAIL", "targets": reports}))?;
    } else if arguments.json {
        match reports.as_slice() {
            [report] if arguments.targets.len() == 1 => print::json(report)?,
            reports => print::json(&reports)?,
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// Verifies one target and says what was proven; exit status 1 if it is not.
pub(crate) fn one(target: &Target, looking: &Looking<'_>, json: bool) -> Result<ExitCode> {
    match found::verified(target, looking, &mut Pool::new()) {
        Ok(found) => {
            for one in found {
                if json {
                    print::json(&one.json(looking.judge))?;
                } else {
                    let mut lines = one.lines();
                    lines.extend(looking.judge.map(Judge::line));
                    print_lines(&lines)?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            if json {
                print::json(&refusal(target, &error))?;
            }
            for failure in failures(target, &error) {
                print::failure(&failure);
            }
            Ok(ExitCode::from(exit::ERROR))
        }
    }
}

pub(crate) fn print_lines(lines: &[String]) -> Result<()> {
    for line in lines {
        print::line(format_args!("{line}"))?;
    }
    Ok(())
}

/// The report as it was asked for: in words, or as a policy that knows it.
fn told(arguments: &Arguments, proven: &Proven, judge: Option<&Judge>) -> Result<()> {
    match proven {
        Proven::Image { .. } if arguments.sources.print_policy => {
            bail!("--print-policy is about packages; docs/policy.md has a rule for an image")
        }
        Proven::Package { verified, .. } if arguments.sources.print_policy => {
            print::bytes(starting_policy(&verified.report).as_bytes())
        }
        _ => {
            let mut lines = proven.lines();
            lines.extend(judge.map(Judge::line));
            print_lines(&lines)
        }
    }
}

/// A failure for each violation of a policy; one for anything else.
fn failures(target: &Target, error: &anyhow::Error) -> Vec<anyhow::Error> {
    let Some(violated) = error.downcast_ref::<Violated>() else {
        return vec![hinted(target, error)];
    };
    let target = print::plain_line(&target.to_string());
    let violations = violated.violations.iter();
    violations
        .map(|violation| anyhow!("FAIL {target}: {violation}"))
        .collect()
}

/// `FAIL TARGET: REASON` in one line, and the hint if there is one.
pub(crate) fn hinted(target: &Target, error: &anyhow::Error) -> anyhow::Error {
    let hint = error.downcast_ref::<print::Hint>().cloned();
    let target = print::plain_line(&target.to_string());
    let failure = anyhow!("FAIL {target}: {}", reason(error));
    match hint {
        Some(hint) => failure.context(hint),
        None => failure,
    }
}

/// Verifies everything behind what was verified.
fn recursively(
    arguments: &Arguments,
    root: &TrustRoot,
    pool: &mut Pool,
    (start, reports): (&Start, &[serde_json::Value]),
) -> Result<ExitCode> {
    let chain = arguments
        .following
        .chain(start, root, pool, &arguments.registries)?;
    let judged = arguments.following.judge(&chain, arguments.accept);
    if arguments.json {
        let result = if judged.is_ok() { "PASS" } else { "FAIL" };
        print::json(&serde_json::json!({
            "result": result,
            "targets": reports,
            "chain": evidence::chain_json(&chain),
        }))?;
    } else {
        print_lines(&[String::new()])?;
        print_lines(&chain.lines())?;
    }
    match judged {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            print::failure(&error);
            Ok(ExitCode::from(exit::ERROR))
        }
    }
}

/// Builds again what was verified, from what its provenance lists.
fn proven_complete(
    arguments: &Arguments,
    reports: &[serde_json::Value],
    inherited: Option<&Inherited>,
) -> Result<ExitCode> {
    let packages = arguments.targets.iter().filter_map(Target::file);
    let packages: Vec<PathBuf> = packages.map(Path::to_path_buf).collect();
    let root = &arguments.trust_root;
    // Several packages have no file named for them: the command line was checked.
    let beside = match packages.as_slice() {
        [package] => Some(
            arguments
                .looking(&read_trust_root(root)?, None)?
                .beside(package),
        ),
        _ => None,
    };
    for package in &packages {
        if evidence::is_bundle(package)? {
            bail!(
                "{} is a bundle: --complete builds packages again",
                package.display()
            );
        }
    }
    let complete = &arguments.complete;
    let folder = arguments.summaries.folder();
    let outcome = complete.carry_out(&packages, beside, root, folder, inherited)?;
    let status = outcome.judge(true);
    if arguments.json {
        print::json(&complete::report(&outcome, status == 0, reports))?;
    } else {
        print::bytes(outcome.to_text(true).as_bytes())?;
    }
    Ok(ExitCode::from(status))
}

/// One line, however long the chain of causes: a log is searched for it.
fn reason(error: &anyhow::Error) -> String {
    let text = print::sentence(error);
    match error.downcast_ref() {
        Some(VerifyError::Subject { .. }) => {
            text + " (`bessemer sign` makes another file, of which attestations made before do not speak)"
        }
        _ => text,
    }
}

fn refusal(target: &Target, error: &anyhow::Error) -> serde_json::Value {
    let mut value = serde_json::json!({
        "result": "FAIL",
        (target.kind()): target.to_string(),
        "reason": print::sentence(error),
    });
    if let Some(violated) = error.downcast_ref::<Violated>() {
        value["policy"] = violated.policy.clone();
        value["violations"] = serde_json::json!(violated.violations);
        value["report"] = violated.report.clone();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{VerifyError, reason};
    use bessemer_digest::Digest;

    #[test]
    fn a_file_that_nothing_speaks_of_may_have_been_signed_again() {
        let error = VerifyError::Subject {
            number: 1,
            file: "a-1-r0.apk".to_owned(),
            sha256: Digest::of("a"),
        };
        let line = reason(&error.into());
        assert!(
            line.contains("(`bessemer sign` makes another file"),
            "{line}"
        );
        let other = reason(&anyhow::anyhow!("one\ntwo"));
        assert_eq!(other, "one two");
    }
}
