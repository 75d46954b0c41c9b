//! What the gate says of a build environment before it is started.
//!
//! Source: the Build Environment track of SLSA, a working draft (`build-env-track-basics`). Level 1: the
//! platform verifies the provenance of what boots, at Build level 2 or above, before each start, and
//! leaves a signed result. The draft names no word for the level in a summary; this is the pattern of
//! the other tracks.

use super::summary::{Verdict, passed};
use super::{DeriveError, gate_id, text};
use crate::documents::{Accelerator, Lock, Timestamp, digest};
use crate::predicates::{SUMMARY_TYPE, Summary, SummaryDigest};
use crate::verify::{Origin, Report};
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;
use serde::Serialize;

/// The verified property of an environment whose parts were measured and whose kernel package has a
/// verified attestation, of whatever level.
pub const MEASURED_PROPERTY: &str = "BESSEMER_BOOT_MEASURED";
/// The word for level 1.
const LEVEL_1: &str = "SLSA_BUILDENV_LEVEL_1";

/// What is demanded of an environment. Its digest stands in every summary.
#[derive(Debug, Serialize)]
struct EnvironmentPolicy {
    /// Whether a kernel repacked from a distribution may boot.
    accept_imports: bool,
    /// Digests of other factories' trust roots under which kernel and agent may verify.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boot_roots: Vec<Digest>,
}

/// What a build environment is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildEnvironment {
    /// Level of the Build Environment track.
    pub level: u8,
    /// Why it is not 1; empty at level 1.
    pub why_not_higher: Vec<String>,
}

impl BuildEnvironment {
    /// Of a kernel package that verified, and an agent with the provenance that is given.
    pub fn of(kernel: &Report, agent: Option<&Report>) -> Self {
        let mut why_not_higher = weakness("kernel", kernel);
        match agent {
            Some(agent) => why_not_higher.extend(weakness("agent", agent)),
            None => why_not_higher.push(
                "the agent is a program of this host, without provenance of its own".to_owned(),
            ),
        }
        Self {
            level: u8::from(why_not_higher.is_empty()),
            why_not_higher,
        }
    }
}

fn weakness(what: &str, report: &Report) -> Vec<String> {
    match &report.origin {
        Origin::Imported(_) => vec![format!("the {what} was repacked from a distribution")],
        Origin::Built(built) => {
            let mut reasons = Vec::new();
            if built.accelerator == Accelerator::Direct.as_str() {
                reasons.push(format!("the {what} was built without a machine"));
            }
            if built.level < 2 {
                let level = built.level;
                reasons.push(format!(
                    "the {what}'s provenance is of level {level}; 2 is needed"
                ));
            }
            reasons
        }
    }
}

/// What is asked of the gate's key, beside the evidence.
#[derive(Debug, Clone)]
pub struct EnvironmentRequest<'a> {
    /// The factory's URL.
    pub base: &'a str,
    /// The gate's own version.
    pub version: &'a str,
    /// The gate's clock.
    pub time: &'a Timestamp,
    /// What will boot.
    pub lock: &'a Lock,
    /// Digests of other factories' trust roots under which it may verify.
    pub boot_roots: Vec<Digest>,
}

/// The summary of an environment whose kernel package verified, and whose agent's package did if there
/// is a report of it. Its subjects are what boots.
pub fn environment_statement(
    request: &EnvironmentRequest<'_>,
    kernel: &Report,
    agent: Option<&Report>,
) -> Result<Statement<Summary>, DeriveError> {
    let boot = &request.lock.boot;
    let package = boot.package.as_ref().ok_or(DeriveError::NoMachine)?;
    text::uri("the kernel package's uri", &package.uri)?;
    let mut verified_levels = vec![MEASURED_PROPERTY.to_owned()];
    if BuildEnvironment::of(kernel, agent).level == 1 {
        verified_levels.push(LEVEL_1.to_owned());
    }
    let policy = (
        "build-environment/v1",
        digest(&EnvironmentPolicy {
            accept_imports: true,
            boot_roots: request.boot_roots.clone(),
        })?,
    );
    let verdict = Verdict {
        verifier: gate_id(request.base),
        base: request.base,
        version: request.version,
        time: request.time,
        resource_uri: &package.uri,
        policy,
        verified_levels,
    };
    let agent = agent.map_or(&[][..], Report::evidence);
    let evidence = kernel.evidence().iter().chain(agent);
    let predicate = passed(verdict, evidence.map(SummaryDigest::of).collect());
    let parts = [
        ("kernel", boot.kernel.as_ref()),
        ("initramfs", boot.initramfs.as_ref()),
        ("agent", Some(&boot.agent)),
    ];
    let subjects = parts
        .into_iter()
        .filter_map(|(name, digest)| Some(ResourceDescriptor::file(name, digest?)));
    Ok(Statement::new(subjects.collect(), SUMMARY_TYPE, predicate))
}
