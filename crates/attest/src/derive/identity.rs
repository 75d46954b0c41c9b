//! Who issues statements, and under which builder id it may do so (design: invariant 4).

use super::{DeriveError, Evidence};
use crate::LOCAL_BASE;
use crate::documents::{Accelerator, AcceleratorChoice, Component, MachineObservation};
use bessemer_digest::Digest;

/// The kinds of builder there are. Each has one id, and conditions under which it is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuilderKind {
    /// A machine that nobody provisioned.
    Local,
    /// A provisioned host with hardware virtualisation and a full jail.
    Microvm,
    /// A provisioned host that emulates; the full jail is the boundary.
    MicrovmEmulated,
}

/// Who issues the statements of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The factory's URL, without a slash at its end.
    pub base: String,
    /// The one builder id it may assert.
    pub builder: BuilderKind,
    /// The signer itself.
    pub signer: Component,
}

impl Issuer {
    /// The builder's id.
    pub fn builder_id(&self) -> String {
        let name = match self.builder {
            BuilderKind::Local => "local",
            BuilderKind::Microvm => "microvm",
            BuilderKind::MicrovmEmulated => "microvm-emulated",
        };
        format!("{}/builders/{name}/v1", self.base)
    }
}

/// The base of a machine that nobody provisioned: unique to its provenance key.
pub fn local_base(provenance_key_id: &Digest) -> String {
    format!("{LOCAL_BASE}{}", &provenance_key_id.hex()[..32])
}

/// The build type of package builds.
pub fn apk_build_type(base: &str) -> String {
    format!("{base}/buildtypes/apk-package/v1")
}

/// The verifier id of the gate.
pub fn gate_id(base: &str) -> String {
    format!("{base}/gate/v1")
}

/// The predicate type of import attestations.
pub fn import_type(base: &str) -> String {
    format!("{base}/import/v1")
}

/// Refuses when the conditions of the issuer's builder id do not hold for this run.
pub(super) fn may_assert(issuer: &Issuer, evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let refuse = |reason: String| {
        Err(DeriveError::Builder {
            id: issuer.builder_id(),
            reason,
        })
    };
    let wanted = match issuer.builder {
        BuilderKind::Local => return Ok(()),
        BuilderKind::Microvm => Accelerator::Kvm,
        BuilderKind::MicrovmEmulated => Accelerator::Tcg,
    };
    if evidence.job_spec.accelerator == AcceleratorChoice::Auto {
        return refuse("the accelerator was left to chance (`auto`)".to_owned());
    }
    if evidence.job_spec.config_source.commit.is_none() {
        return refuse("the recipe is not at a clean commit".to_owned());
    }
    let tested = evidence
        .record
        .tests
        .iter()
        .filter_map(|test| test.machine.as_ref());
    for machine in std::iter::once(&evidence.record.build_machine).chain(tested) {
        if let Some(reason) = weakness(machine, wanted) {
            return refuse(reason);
        }
    }
    Ok(())
}

fn weakness(machine: &MachineObservation, wanted: Accelerator) -> Option<String> {
    if machine.accelerator != wanted {
        let (found, wanted) = (machine.accelerator.as_str(), wanted.as_str());
        return Some(format!("a guest ran on `{found}`, not `{wanted}`"));
    }
    if !machine.jail.missing.is_empty() {
        return Some(format!(
            "jail layers were missing: {}",
            machine.jail.missing.join(", ")
        ));
    }
    None
}
