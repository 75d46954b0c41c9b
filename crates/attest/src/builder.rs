//! The kinds of builder: which id each asserts, how much it may claim, and what it demands of a job
//! (design: invariant 4).

use crate::documents::{Accelerator, JailChoice, JobSpec, Network, is_branch_or_tag};

/// No kind of builder that a host can be provisioned for has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is none of microvm, microvm-emulated")]
pub struct UnknownBuilder;

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

impl BuilderKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Local, Self::Microvm, Self::MicrovmEmulated];

    /// Its name in ids: `local`, `microvm`, `microvm-emulated`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Microvm => "microvm",
            Self::MicrovmEmulated => "microvm-emulated",
        }
    }

    /// The kind of this name that a host can be provisioned for.
    pub fn provisioned(name: &str) -> Result<Self, UnknownBuilder> {
        let mut kinds = [Self::Microvm, Self::MicrovmEmulated].into_iter();
        kinds.find(|kind| kind.name() == name).ok_or(UnknownBuilder)
    }

    /// The id of this kind under a base: `<base>/builders/<name>/v1`.
    pub fn id(self, base: &str) -> String {
        format!("{base}/builders/{}/v1", self.name())
    }

    /// The kind that has this id under `base`.
    pub fn of_id(base: &str, id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id(base) == id)
    }

    /// The highest SLSA Build level that the id can stand for: docs/builders has the reasons.
    pub const fn highest_level(self) -> u8 {
        match self {
            Self::Local => 1,
            Self::Microvm => 3,
            // QEMU promises no isolation without hardware virtualisation.
            Self::MicrovmEmulated => 2,
        }
    }

    /// What its guests must run on; none where anything will do.
    pub const fn accelerator(self) -> Option<Accelerator> {
        match self {
            Self::Local => None,
            Self::Microvm => Some(Accelerator::Kvm),
            Self::MicrovmEmulated => Some(Accelerator::Tcg),
        }
    }

    /// What a job asks for that its id does not allow; none where there is nothing. What is seen in
    /// the run is judged when it is over.
    pub fn objection(self, job: &JobSpec) -> Option<String> {
        let wanted = self.accelerator()?;
        let Some(asked) = job.accelerator.named() else {
            return Some("the accelerator was left to chance (`auto`)".to_owned());
        };
        if asked != wanted {
            let (asked, wanted) = (asked.as_str(), wanted.as_str());
            return Some(format!(
                "the accelerator that was asked for is `{asked}`, not `{wanted}`"
            ));
        }
        if job.jail != JailChoice::Host {
            let asked = job.jail.as_str();
            return Some(format!(
                "the jail that was asked for is `{asked}`, not `host`"
            ));
        }
        if job.config_source.commit.is_none() {
            return Some("the recipe is not at a clean commit".to_owned());
        }
        let reference = job.config_source.reference.as_deref();
        if let Some(name) = reference.filter(|name| !is_branch_or_tag(name)) {
            return Some(format!(
                "the recipe's reference `{name}` is no branch or tag"
            ));
        }
        (job.network == Network::Open).then(|| "the network was open".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::BuilderKind;

    #[test]
    fn ids_and_kinds_belong_together() {
        let base = "https://factory.example";
        for kind in BuilderKind::ALL {
            assert_eq!(BuilderKind::of_id(base, &kind.id(base)), Some(kind));
            let named = BuilderKind::provisioned(kind.name()).ok();
            assert_eq!(named, Some(kind).filter(|kind| *kind != BuilderKind::Local));
        }
        for id in [
            "https://factory.example/builders/microvm/v2",
            "https://factory.example/builders/microvm",
            "https://other.example/builders/microvm/v1",
        ] {
            assert_eq!(BuilderKind::of_id(base, id), None, "{id}");
        }
    }
}
