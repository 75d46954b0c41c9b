//! What was found, for people and programs.

use super::{Tried, advice};
use crate::print;
use anyhow::Result;
use bessemer_attest::BuilderKind;
use bessemer_vm::{Accelerator, Probe, Qemu};
use serde_json::{Value, json};

/// Everything that was tried.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) is_root: bool,
    pub(super) probe: Probe,
    pub(super) qemu: Option<Qemu>,
    pub(super) tried: Tried,
}

/// The best builder id that a signer on this host could be provisioned for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Builder {
    /// Its last components.
    pub(super) id: String,
    /// The highest SLSA Build level that it can claim.
    pub(super) level: u8,
    /// Why it is not a better one.
    pub(super) because: Vec<String>,
}

impl Builder {
    fn new(kind: BuilderKind, because: Vec<String>) -> Self {
        Self {
            id: format!("{}/v1", kind.name()),
            level: kind.highest_level(),
            because,
        }
    }
}

impl Report {
    /// Whether a guest can run here, in whatever jail.
    pub(super) const fn can_build(&self) -> bool {
        matches!(self.tried, Tried::Ran(_))
    }

    /// By the conditions of each id (`attest`, `derive/identity.rs`).
    pub(super) fn builder(&self) -> Builder {
        let mut because = match &self.tried {
            Tried::Failed(reason) => vec![format!("no guest can run: {reason}")],
            Tried::Ran(jail) if jail.profile != "host" => {
                vec![format!("the jail is `{}`, not `host`", jail.profile)]
            }
            Tried::Ran(_) => Vec::new(),
        };
        if let Tried::Ran(jail) = &self.tried {
            because.extend(jail.missing.iter().map(|layer| format!("without {layer}")));
        }
        if !because.is_empty() {
            return Builder::new(BuilderKind::Local, because);
        }
        match self.probe.accelerator {
            Accelerator::Kvm => Builder::new(BuilderKind::Microvm, because),
            Accelerator::Tcg | Accelerator::Direct => {
                let reason = format!(
                    "guests are emulated, and QEMU promises no isolation then: {}",
                    self.probe.reason
                );
                Builder::new(BuilderKind::MicrovmEmulated, vec![reason])
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        let builder = self.builder();
        let jail = match &self.tried {
            Tried::Ran(jail) => json!({
                "profile": jail.profile,
                "applied": jail.applied,
                "missing": jail.missing,
            }),
            Tried::Failed(reason) => json!({"failed": reason}),
        };
        json!({
            "can_build": self.can_build(),
            "root": self.is_root,
            "accelerator": self.probe.accelerator,
            "accelerator_reason": self.probe.reason,
            "qemu": self.qemu.as_ref().map(|qemu| json!({
                "path": qemu.path,
                "version": qemu.version,
                "sha256": qemu.digest,
            })),
            "jail": jail,
            "builder": {"id": builder.id, "level": builder.level, "because": builder.because},
            "change": advice::of(self),
        })
    }

    pub(super) fn show(&self) -> Result<()> {
        let builder = self.builder();
        let accelerator = match self.probe.accelerator {
            Accelerator::Kvm => "KVM",
            Accelerator::Tcg | Accelerator::Direct => "emulation",
        };
        row("guests", &format!("{accelerator}: {}", self.probe.reason))?;
        match &self.qemu {
            Some(qemu) => row("QEMU", &qemu.version)?,
            None => row("QEMU", "none")?,
        }
        match &self.tried {
            Tried::Failed(reason) => row("jail", &format!("none: {reason}"))?,
            Tried::Ran(jail) => {
                row("jail", &format!("profile `{}`", jail.profile))?;
                row("  in force", &jail.applied.join(", "))?;
                for layer in &jail.missing {
                    row("  missing", layer)?;
                }
            }
        }
        let claim = match builder.level {
            1 => "alone, which claims SLSA Build L1".to_owned(),
            level => format!("at best, SLSA Build L{level}, with keys for it (bessemer keys init)"),
        };
        row("builder", &format!("{} {claim}", builder.id))?;
        for reason in &builder.because {
            row("  because", reason)?;
        }
        for change in advice::of(self) {
            row("to change", &change)?;
        }
        Ok(())
    }
}

fn row(name: &str, text: &str) -> Result<()> {
    print::line(format_args!("{name:<11} {}", print::plain_line(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_vm::JailReport;

    fn report(accelerator: Accelerator, profile: &str, missing: &[&str]) -> Report {
        Report {
            is_root: true,
            probe: Probe {
                accelerator,
                reason: "tried".to_owned(),
            },
            qemu: None,
            tried: Tried::Ran(JailReport {
                profile: profile.to_owned(),
                applied: Vec::new(),
                missing: missing.iter().map(|&layer| layer.to_owned()).collect(),
            }),
        }
    }

    #[test]
    fn the_builder_is_as_good_as_the_weakest_part() {
        for (report, id, level) in [
            (report(Accelerator::Kvm, "host", &[]), "microvm/v1", 3),
            (
                report(Accelerator::Tcg, "host", &[]),
                "microvm-emulated/v1",
                2,
            ),
            (report(Accelerator::Kvm, "pod", &[]), "local/v1", 1),
            (
                report(Accelerator::Kvm, "host", &["landlock: none"]),
                "local/v1",
                1,
            ),
        ] {
            let builder = report.builder();
            assert_eq!((builder.id.as_str(), builder.level), (id, level));
            assert_eq!(builder.because.is_empty(), level == 3, "{builder:?}");
        }
    }

    #[test]
    fn every_missing_layer_has_advice() {
        let report = report(
            Accelerator::Tcg,
            "host",
            &[
                "own-uid: no",
                "user-namespace: no",
                "cgroup-limits: no",
                "landlock: no",
                "no-nested-namespaces: no",
            ],
        );
        assert_eq!(advice::of(&report).len(), 6);
    }
}
