//! `bessemer image publish`: images are built, verified and attested by the signer, and pushed; tags
//! come last, so that whoever finds an image by its tag finds its attestations.

mod bases;
mod behind;
mod packages;
mod record;
mod send;

use super::assembly::{Assembly, AssemblyArguments};
use super::bills::{BillArguments, Named, Spdx};
use super::output;
use super::registries::{RegistryArguments, target_tag, turn};
use crate::print;
use crate::services::{Inherited, Services};
use anyhow::{Context as _, Result, anyhow};
use bases::BaseArguments;
use behind::{Behind, BehindArguments, Sources};
use bessemer_attest::documents::{ImageRecord, canonical_bytes};
use bessemer_attest::predicates::ImagePolicy;
use bessemer_attest::verify::{
    ImageExpectations, ImageReport, ImageVerifyPolicy, VerifiedImage, verify_image_whole,
};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_build::worker::now;
use bessemer_registry::{Reference, Turn};
use bessemer_signer::{BaseFiles, Client, ClientError, ImagesToSign, PlatformFiles, SignedImages};
use send::{Sent, Target};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image publish image.yaml registry.example.com/app:1.2\n  bessemer image publish image.yaml registry.example.com/app:1.2 registry.example.com/app:latest --accept-imports\n  bessemer image publish on-base.yaml registry.example.com/app:1.2 --lockfile on-base.lock.json --base-attestations base.bundle"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    assembly: AssemblyArguments,
    /// Where the images go: [HOST[:PORT]/]NAME[:TAG]; further tags and repositories may follow
    #[arg(required = true, value_name = "REFERENCE")]
    references: Vec<Reference>,
    /// Let packages in that were repacked from a distribution; provenance says so
    #[arg(long)]
    accept_imports: bool,
    /// Let this package in although nothing about it verifies; provenance says so; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    accept_unverified: Vec<String>,
    #[command(flatten)]
    bases: BaseArguments,
    #[command(flatten)]
    behind: BehindArguments,
    #[command(flatten)]
    bills: BillArguments,
    /// Write what was published to a file, one reference by digest a line: images, then the index
    #[arg(long, value_name = "FILE")]
    image_refs: Option<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Directories that it writes to.
    pub(crate) fn writes(&self) -> Vec<PathBuf> {
        let refs = self.image_refs.as_ref().and_then(|path| path.parent());
        let refs = refs.filter(|parent| !parent.as_os_str().is_empty());
        let cache = self.assembly.session.cache_dir.as_deref();
        let all = [refs, cache, self.bills.directory()];
        all.into_iter().flatten().map(PathBuf::from).collect()
    }

    /// Takes the turn of every repository; in order of their names, so that two publishers do not wait
    /// for each other.
    pub(crate) fn take_turns(&self) -> Result<Vec<Turn>> {
        let mut targets = targets(&self.references)?;
        targets.sort_by(|one, other| one.name.cmp(&other.name));
        let turns = targets.iter().map(|target| turn(target.reference));
        turns.collect()
    }

    fn policy(&self) -> ImagePolicy {
        ImagePolicy {
            accept_imports: self.accept_imports,
            accept_unverified: self.accept_unverified.clone(),
            accept_unverified_base: self.bases.accept_unverified_base,
        }
    }
}

/// Builds, has everything signed, pushes, and gives tags.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let targets = targets(&arguments.references)?;
    let registries = arguments.registries.open()?;
    let services = Services::open(inherited)?;
    let mut client = services.signer()?;
    let root = client.trust_root()?;
    let started = now()?;
    let assembly = arguments.assembly.assemble(Some(&root))?;
    let tag = arguments.references[0].to_string();
    let named = Named {
        tag: &tag,
        vcs_url: &assembly.loaded.configuration.vcs_url,
    };
    let bills = Spdx::of(&assembly.built, named)?;
    let record = record::of(&arguments.assembly, &assembly, &bills, started)?;
    let beside = packages::beside(&record, &assembly.session)?;
    let (attested, given) = arguments.bases.attested(&assembly, &root)?;
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let handed = Handed {
        names: &names,
        record: &record,
        bills: &bills,
        packages: &beside,
        bases: &attested,
    };
    let signed = sign(&mut client, &assembly, &arguments.policy(), &handed)?;
    let verified = verified(&assembly, &signed, &root)?;
    let sources = Sources {
        session: &assembly.session,
        registries: &arguments.registries,
        packages: beside,
        bases: given,
    };
    let behind = arguments.behind.of(&names[0], &verified, &root, sources)?;
    // Who divided the work has every turn already.
    let turns = match inherited {
        Some(_) => Vec::new(),
        None => arguments.take_turns()?,
    };
    let sent = send::all(&assembly, &signed, behind.as_ref(), &targets, &registries)?;
    drop(turns);
    let written = match arguments.bills.directory() {
        Some(directory) => arguments.bills.write(&assembly.built, named, directory)?,
        None => Vec::new(),
    };
    if let Some(path) = &arguments.image_refs {
        let text = sent.iter().flat_map(Sent::lines).collect::<String>();
        output::write(path, |out| Ok(out.write_all(text.as_bytes())?))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(
        arguments,
        &sent,
        &verified.report,
        behind.as_ref(),
        &written,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Each repository once, with all of its tags.
fn targets(references: &[Reference]) -> Result<Vec<Target<'_>>> {
    let mut targets: Vec<Target<'_>> = Vec::new();
    for reference in references {
        let (name, tag) = (reference.name(), target_tag(reference)?);
        match targets.iter_mut().find(|target| target.name == name) {
            Some(target) => target.tags.push(tag),
            None => targets.push(Target {
                reference,
                name,
                tags: vec![tag],
            }),
        }
    }
    Ok(targets)
}

/// What the signer is handed beside the images themselves.
struct Handed<'a> {
    names: &'a [String],
    record: &'a ImageRecord,
    bills: &'a Spdx,
    packages: &'a [Option<Sidecar>],
    bases: &'a [Sidecar],
}

/// Asks the signer; a refusal that a flag would lift says which.
fn sign(
    client: &mut Client,
    assembly: &Assembly,
    policy: &ImagePolicy,
    handed: &Handed<'_>,
) -> Result<SignedImages> {
    let images = &assembly.built.images;
    let platforms: Vec<PlatformFiles<'_>> = images
        .images
        .iter()
        .zip(&handed.bills.images)
        .map(|(image, sbom)| PlatformFiles {
            manifest: &image.manifest.bytes,
            config: &image.config.bytes,
            sbom: sbom.as_bytes(),
        })
        .collect();
    let bases: Vec<BaseFiles<'_>> = bases::bases(assembly)
        .into_iter()
        .zip(handed.bases)
        .map(|(base, attestations)| BaseFiles {
            index: &base.listing.bytes,
            manifest: &base.manifest.bytes,
            config: &base.configuration.bytes,
            attestations,
        })
        .collect();
    let images = ImagesToSign {
        names: handed.names,
        policy,
        record: &canonical_bytes(handed.record)?,
        index: &images.index.bytes,
        index_sbom: handed.bills.index.as_bytes(),
        platforms: &platforms,
        bases: &bases,
        packages: handed.packages,
    };
    let refused = |error: ClientError| {
        let hint = match &error {
            ClientError::Refused(reasons) => hint(&reasons.join(": ")),
            _ => None,
        };
        let error = anyhow!(error).context("the images were not signed, and nothing was pushed");
        match hint {
            Some(hint) => error.context(print::Hint(hint.to_owned())),
            None => error,
        }
    };
    client.sign_images(&images).map_err(refused)
}

fn hint(reason: &str) -> Option<&'static str> {
    if reason.contains("were imported from a distribution") {
        return Some("--accept-imports lets them in, and provenance says so");
    }
    if reason.contains("is built on what has no valid provenance") {
        return Some(
            "--base-attestations FILE names what attests the base (bessemer export writes it), or --accept-unverified-base accepts it: provenance says so",
        );
    }
    reason.contains("have no valid provenance").then_some(
        "publish them with attestations beside them, or name each with --accept-unverified: provenance says so",
    )
}

/// What is about to be pushed must verify as anybody would verify it.
fn verified(assembly: &Assembly, signed: &SignedImages, root: &TrustRoot) -> Result<VerifiedImage> {
    let images = &assembly.built.images;
    let all = images.images.iter().map(|image| image.manifest.digest);
    let all = std::iter::once(images.index.digest).chain(all);
    let mut first = None;
    let expected = ImageExpectations::nothing();
    let policy = ImageVerifyPolicy {
        min_level: 0,
        now: Some(now()?),
    };
    for (digest, sbom) in all.zip(&signed.sboms) {
        let mut attached = Sidecar::default();
        for (envelope, proof) in [&signed.provenance, sbom] {
            attached.push_logged(envelope.clone(), proof.clone());
        }
        let found = verify_image_whole(&digest, &attached, root, &policy, &expected);
        let found = found.context("what would be published does not verify")?;
        first.get_or_insert(found);
    }
    first.context("there is no image")
}

fn say(
    arguments: &Arguments,
    sent: &[Sent],
    report: &ImageReport,
    behind: Option<&Behind>,
    sboms: &[PathBuf],
) -> Result<()> {
    let unverified = &report.packages.unverified;
    if !unverified.is_empty() {
        let names = print::plain_line(&unverified.join(", "));
        print::warning(&format!(
            "published with packages that nothing vouches for: {names}"
        ));
    }
    let within = report
        .bases
        .iter()
        .filter_map(|base| base.contents.as_ref());
    let within: Vec<&str> = within
        .flat_map(|contents| contents.unverified.iter().map(String::as_str))
        .collect();
    if !within.is_empty() {
        let names = print::plain_line(&within.join(", "));
        print::warning(&format!(
            "published on a base with packages that nothing vouches for: {names}"
        ));
    }
    for base in report.bases.iter().filter(|base| base.is_unverified()) {
        let name = print::plain_line(&base.name);
        print::warning(&format!(
            "published on a base that nothing vouches for: {name} ({})",
            base.digest
        ));
    }
    if arguments.json {
        return print::json(&json!({
            "digest": report.digest,
            "published": sent,
            "builder_id": report.builder_id,
            "level": report.level,
            "invocation_id": report.invocation_id,
            "packages": report.packages,
            "evidence": behind.map(Behind::to_json),
            "bases": report.bases,
            "sboms": sboms,
        }));
    }
    // As apko: whoever reads a line wants the image that cannot change.
    for one in sent {
        print::line(format_args!("{}@{}", one.name, one.digest))?;
    }
    Ok(())
}
