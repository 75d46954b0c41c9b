//! What the entries say of each job, so that no request reads the whole log.

use super::entry::{Entry, Event};
use bessemer_attest::Role;
use bessemer_attest::documents::Timestamp;
use bessemer_digest::Digest;
use std::collections::HashMap;

/// A job that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// When, by the signer's clock.
    pub(crate) time: Timestamp,
    /// Digest of its JobSpec.
    pub(crate) spec: Digest,
    /// Digest of its Lock.
    pub(crate) lock: Digest,
    /// The control members that were signed for it, and their sizes in bytes.
    pub(crate) controls: Vec<(Digest, u64)>,
    /// Digest of the gate's summary of what its machines boot: the first that was signed.
    pub(crate) environment: Option<Digest>,
    /// How it ended.
    pub(crate) finished: Option<Finish>,
}

/// The end of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finish {
    /// Digest of its Record.
    pub(crate) record: Digest,
    /// Digest of the stored result.
    pub(crate) result: Digest,
    /// The index of the entry that says so; the statements' entries stand right before it.
    pub(crate) index: u64,
}

/// Everything that later requests ask of the entries.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    by_invocation: HashMap<String, Job>,
    trust_root: Option<Digest>,
    boot_roots: Vec<Digest>,
    rebuild_roots: Vec<(Digest, bool)>,
}

impl Jobs {
    /// Takes in the entry at `index`.
    pub(super) fn take(&mut self, index: u64, entry: Entry) {
        match entry.event {
            Event::Initialised { trust_root }
            | Event::KeysChanged { trust_root, .. }
            | Event::KeyAdded { trust_root, .. } => {
                self.trust_root = Some(trust_root);
            }
            Event::BootRootTrusted { trust_root } => {
                self.boot_roots.retain(|earlier| *earlier != trust_root);
                self.boot_roots.push(trust_root);
            }
            Event::RebuildRootTrusted {
                trust_root,
                independent,
            } => {
                let roots = &mut self.rebuild_roots;
                roots.retain(|(earlier, _)| *earlier != trust_root);
                roots.push((trust_root, independent));
            }
            Event::Registered {
                invocation_id,
                job_spec,
                lock,
            } => {
                let job = Job {
                    time: entry.time,
                    spec: job_spec,
                    lock,
                    controls: Vec::new(),
                    environment: None,
                    finished: None,
                };
                self.by_invocation.entry(invocation_id).or_insert(job);
            }
            Event::ControlSigned {
                invocation_id,
                control,
                size,
                ..
            } => {
                if let Some(job) = self.by_invocation.get_mut(&invocation_id) {
                    job.controls.push((control, size));
                }
            }
            Event::Finished {
                invocation_id,
                record,
                result,
            } => {
                if let Some(job) = self.by_invocation.get_mut(&invocation_id) {
                    job.finished.get_or_insert(Finish {
                        record,
                        result,
                        index,
                    });
                }
            }
            // A gate speaks of a job only to say what boots.
            Event::Signed {
                role: Role::Gate,
                envelope,
                invocation_id: Some(invocation_id),
                ..
            } => {
                if let Some(job) = self.by_invocation.get_mut(&invocation_id) {
                    job.environment.get_or_insert(envelope);
                }
            }
            Event::Signed { .. } | Event::IndexSigned { .. } | Event::ImageSigned { .. } => {}
        }
    }

    /// The job with this id.
    pub(crate) fn get(&self, invocation_id: &str) -> Option<&Job> {
        self.by_invocation.get(invocation_id)
    }

    /// The digests of other factories' trust roots whose packages may boot, oldest first.
    pub(crate) fn boot_roots(&self) -> &[Digest] {
        &self.boot_roots
    }

    /// The digests of other factories' trust roots whose packages may be built again, oldest first, and
    /// whether somebody else operates them.
    pub(crate) fn rebuild_roots(&self) -> &[(Digest, bool)] {
        &self.rebuild_roots
    }

    /// The digest of the trust root that the log names last.
    pub(crate) const fn trust_root(&self) -> Option<Digest> {
        self.trust_root
    }
}
