//! Who issues statements, and under which builder id it may do so (design: invariant 4).

use super::{DeriveError, Evidence};
use crate::documents::{Accelerator, Component, JailObservation, MachineObservation};
use crate::{BuilderKind, LOCAL_BASE};
use bessemer_digest::Digest;

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
        self.builder.id(&self.base)
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

/// The build type of image builds.
pub fn image_build_type(base: &str) -> String {
    format!("{base}/buildtypes/oci-image/v1")
}

/// The one id that image keys assert. On a machine that nobody provisioned it stands under that
/// machine's own base, which the trust root gives level 1 at most.
pub fn image_builder_id(base: &str) -> String {
    format!("{base}/builders/image/v1")
}

/// The verifier id of the gate.
pub fn gate_id(base: &str) -> String {
    format!("{base}/gate/v1")
}

/// The one verifier id that rebuild keys assert.
pub fn rebuild_id(base: &str) -> String {
    format!("{base}/rebuild/v1")
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
    let Some(wanted) = issuer.builder.accelerator() else {
        return Ok(());
    };
    if let Some(reason) = issuer.builder.objection(evidence.job_spec) {
        return refuse(reason);
    }
    if evidence.environment.is_none() {
        return refuse("what boots was not verified before the start".to_owned());
    }
    for network in &evidence.record.networks {
        if let Some(reason) = proxy_weakness(&network.jail) {
            return refuse(format!("the proxy: {reason}"));
        }
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
    jail_weakness(&machine.jail)
}

/// The layers of the profile `host`: one that nobody speaks of is missing too.
pub const HOST_LAYERS: [&str; 18] = [
    "own-uid",
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "net-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
    "cgroup-limits",
    "no-nested-namespaces",
    "pivot-root",
    "resource-limits",
    "closed-descriptors",
    "no-new-privs",
    "no-capabilities",
    "landlock",
    "system-call-filter",
    "qemu-sandbox",
];

fn jail_weakness(jail: &JailObservation) -> Option<String> {
    lacking(jail, &HOST_LAYERS)
}

/// A proxy has the host's network, and no sandbox of QEMU's.
fn proxy_weakness(jail: &JailObservation) -> Option<String> {
    let layers = HOST_LAYERS.iter().copied();
    let own: Vec<&str> = layers
        .filter(|layer| !matches!(*layer, "net-namespace" | "qemu-sandbox"))
        .collect();
    lacking(jail, &own)
}

fn lacking(jail: &JailObservation, layers: &[&str]) -> Option<String> {
    if jail.profile != "host" {
        return Some(format!("a jail was `{}`, not `host`", jail.profile));
    }
    let unspoken = layers.iter().map(|layer| (*layer).to_owned());
    let unspoken = unspoken.filter(|layer| !jail.applied.contains(layer));
    let named = |layer: &String| {
        let mut missing = jail.missing.iter();
        missing.any(|line| line == layer || line.starts_with(&format!("{layer}:")))
    };
    let missing: Vec<String> = jail
        .missing
        .iter()
        .cloned()
        .chain(unspoken.filter(|layer| !named(layer)))
        .collect();
    (!missing.is_empty()).then(|| format!("jail layers were missing: {}", missing.join(", ")))
}
