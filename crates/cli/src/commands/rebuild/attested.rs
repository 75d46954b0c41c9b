//! What the attestations beside a package prove of its making.

use super::answers::Answer;
use super::reading::Original;
use crate::commands::verify::Beside;
use anyhow::{Context, Result};
use bessemer_attest::predicates::{PROVENANCE_TYPE, Provenance, ResourceParameters};
use bessemer_attest::verify::{Origin, VerifyPolicy, verify};
use bessemer_attest::{ResourceDescriptor, Role, Sidecar, Statement, TrustRoot};
use bessemer_build::worker::now;
use bessemer_digest::Digest;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Proven of a package.
#[derive(Debug)]
pub(super) struct Attested {
    /// Who built it.
    pub(super) builder: String,
    /// The build environment's packages: file name to SHA-256 in hexadecimal.
    pub(super) packages: BTreeMap<String, String>,
    /// Their file names in the order in which they were installed.
    pub(super) order: Vec<String>,
    /// The files from beside the recipe that entered the workspace.
    pub(super) workspace: Vec<String>,
    /// Whether steps printed their commands.
    pub(super) debug: bool,
    /// What its guest was given by servers, as a network record.
    pub(super) network: Option<Digest>,
    /// The same by answer.
    pub(super) answers: Vec<Answer>,
    /// What its guest might use.
    pub(super) resources: Option<ResourceParameters>,
    /// Digests of what its guest was started with, in hexadecimal: disks and boot files.
    pub(super) measured: BTreeMap<String, String>,
    /// What its guest was given: digest of the document. Absent in provenance of before there was
    /// such.
    pub(super) guest_inputs: Option<Digest>,
}

impl Attested {
    /// Looks for attestations where `beside` says. An error when something is there that does not
    /// speak of this very file, or that no known key signed.
    pub(super) fn find(
        original: &Original,
        beside: &Beside,
        root: &TrustRoot,
    ) -> Result<Option<Self>> {
        if !beside.attestations.exists() {
            return Ok(None);
        }
        let sidecar = beside.read()?;
        let policy = VerifyPolicy {
            now: Some(now()?),
            ..VerifyPolicy::default()
        };
        let report = verify(&original.contents.facts, &sidecar, root, &policy)?;
        let Origin::Built(built) = report.origin else {
            anyhow::bail!("its attestations are not of a build");
        };
        let provenance = provenance(&sidecar, root)?;
        let byproduct = |name: &str| {
            let mut list = provenance.run_details.byproducts.iter();
            let found = list.find(|one| one.name.as_deref() == Some(name));
            let found = found.and_then(|one| one.digest.get("sha256"));
            found.map(|hex| Digest::from_hex(hex)).transpose()
        };
        let network = byproduct("network")?;
        let guest_inputs = byproduct("guest-inputs")?;
        let disks = provenance.run_details.byproducts.iter();
        let disks = disks.filter(|one| one.name.as_deref().is_some_and(|it| it.ends_with("-disk")));
        let definition = &provenance.build_definition;
        let boot = definition.resolved_dependencies.iter();
        let boot = boot.filter(|one| annotation(one, "role") == Some("boot"));
        let measured = disks.chain(boot).filter_map(|one| {
            let digest = one.digest.get("sha256")?;
            Some((one.name.clone()?, digest.clone()))
        });
        let measured = measured.collect();
        let definition = provenance.build_definition;
        let resolved = definition.resolved_dependencies;
        let of_role = |role: &'static str| {
            let entries = resolved.iter();
            entries.filter(move |entry| annotation(entry, "role") == Some(role))
        };
        let packages = of_role("build-root").filter_map(|entry| {
            let digest = entry.digest.get("sha256")?;
            Some((entry.name.clone()?, digest.clone()))
        });
        let order = of_role("build-root").filter_map(|entry| entry.name.clone());
        let workspace = of_role("source").filter_map(|entry| {
            let name = entry.name.as_deref()?.strip_prefix("workspace/")?;
            Some(name.to_owned())
        });
        Ok(Some(Self {
            builder: built.builder_id,
            packages: packages.collect(),
            order: order.collect(),
            workspace: workspace.collect(),
            debug: definition.external_parameters.debug,
            network,
            answers: Answer::listed(&resolved),
            resources: Some(definition.internal_parameters.resources),
            measured,
            guest_inputs,
        }))
    }

    /// Whether its guest was given the same as another's.
    pub(super) fn same_guest(&self, other: &Self) -> bool {
        self.measured == other.measured && self.guest_inputs == other.guest_inputs
    }
}

fn annotation<'a>(entry: &'a ResourceDescriptor, name: &str) -> Option<&'a str> {
    entry.annotations.get(name).map(String::as_str)
}

/// The provenance in a sidecar that was verified.
fn provenance(sidecar: &Sidecar, root: &TrustRoot) -> Result<Provenance> {
    let keys = root.statement_keys()?;
    let keys = keys.iter().filter(|(_, key)| key.role == Role::Provenance);
    for (key, _) in keys {
        for envelope in sidecar.envelopes() {
            let Ok(payload) = envelope.open(key) else {
                continue;
            };
            let statement: Statement<IgnoredAny> = serde_json::from_slice(&payload)?;
            if statement.predicate_type == PROVENANCE_TYPE {
                let statement: Statement<Provenance> = serde_json::from_slice(&payload)?;
                return Ok(statement.predicate);
            }
        }
    }
    None.context("there is no provenance among its attestations")
}
