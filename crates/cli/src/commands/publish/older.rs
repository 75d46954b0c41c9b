//! Attestations of a package that was published before, when the same bytes come from another run.
//!
//! What was built with it names the attestation that was verified then. That one stays in the repository, in a
//! file of its own, or every chain through the package would have a gap.

use crate::commands::verify::{proofs_path, read_sidecar, sidecar_path};
use anyhow::Result;
use bessemer_attest::predicates::PROVENANCE_TYPE;
use bessemer_attest::{Envelope, Sidecar};
use bessemer_digest::Digest;
use bessemer_package::Scratch;
use std::path::Path;

/// Characters of a digest in a file's name.
const NAMED: usize = 16;

/// Puts what lies beside the package aside, as `FILE.<digest>.intoto.jsonl`, if `new` is about another origin.
pub(super) fn keep(target: &Path, new: &Sidecar, scratch: &Scratch) -> Result<()> {
    if !sidecar_path(target).exists() {
        return Ok(());
    }
    let old = read_sidecar(target)?;
    let known: Vec<Digest> = new.envelopes().iter().flat_map(Envelope::digest).collect();
    for envelope in old.envelopes().iter().filter(|one| is_origin(one)) {
        let digest = envelope.digest()?;
        if known.contains(&digest) {
            continue;
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", &digest.hex()[..NAMED]));
        let aside = target.with_file_name(name);
        scratch.write_whole(&proofs_path(&aside), &old.proofs_to_bytes())?;
        scratch.write_whole(&sidecar_path(&aside), &old.to_bytes()?)?;
    }
    Ok(())
}

/// Whether an envelope says where a package is from.
fn is_origin(envelope: &Envelope) -> bool {
    envelope.claimed().is_some_and(|statement| {
        let kind = statement.predicate_type;
        kind == PROVENANCE_TYPE || kind.ends_with("/import/v1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_attest::{SignError, Signer};

    /// Nothing here verifies: names of files are what is looked at.
    struct Nobody;

    impl Signer for Nobody {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            Ok(message.to_vec())
        }
    }

    fn sidecar(kind: &str, run: u8) -> Sidecar {
        let text = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"{kind}","predicate":{run}}}"#
        );
        Sidecar::new(vec![Envelope::seal(text.as_bytes(), &Nobody).unwrap()])
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn another_origin_is_kept_and_the_same_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path());
        let target = folder.path().join("a-1-r0.apk");
        let (first, second) = (sidecar(PROVENANCE_TYPE, 1), sidecar(PROVENANCE_TYPE, 2));
        keep(&target, &first, &scratch).unwrap();
        assert_eq!(names(folder.path()), 0);
        std::fs::write(sidecar_path(&target), first.to_bytes().unwrap()).unwrap();
        keep(&target, &first, &scratch).unwrap();
        assert_eq!(names(folder.path()), 1);
        keep(&target, &second, &scratch).unwrap();
        let digest = first.envelopes()[0].digest().unwrap().hex();
        let aside = folder
            .path()
            .join(format!("a-1-r0.apk.{}.intoto.jsonl", &digest[..16]));
        assert_eq!(std::fs::read(aside).unwrap(), first.to_bytes().unwrap());
        // A summary of a gate, which is another each time, is no origin.
        let gate = sidecar("https://slsa.dev/verification_summary/v1", 1);
        std::fs::write(sidecar_path(&target), gate.to_bytes().unwrap()).unwrap();
        keep(&target, &second, &scratch).unwrap();
        assert_eq!(names(folder.path()), 3);
    }
}
