//! What attests the bases of images.

use crate::commands::image::assembly::Assembly;
use crate::commands::verify::found::attached_to;
use crate::commands::verify::{Beside, beside_what, proofs_path, sidecar_path};
use crate::evidence::{is_bundle, open_bundle};
use crate::print::{self, Hint};
use anyhow::{Result, anyhow};
use bessemer_attest::chain::Pool;
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_image::Base;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct BaseArguments {
    /// Where the attestations of the image's base are: a bundle of `bessemer export`, or a file with envelopes
    /// (`NAME.intoto.jsonl`), their proofs in `NAME.tlog-proof`; may be repeated [default: beside the base's folder,
    /// `FOLDER.intoto.jsonl`]
    #[arg(long, value_name = "FILE")]
    base_attestations: Vec<PathBuf>,
    /// Build on a base although nothing about it verifies; provenance says so
    #[arg(long)]
    pub(super) accept_unverified_base: bool,
}

impl BaseArguments {
    /// What attests the base of each image that has one, in the images' order, and everything that was given with
    /// it.
    pub(super) fn attested(
        &self,
        assembly: &Assembly,
        root: &TrustRoot,
    ) -> Result<(Vec<Sidecar>, Pool)> {
        let bases = bases(assembly);
        if bases.is_empty() && !self.base_attestations.is_empty() {
            let hint = "leave --base-attestations out, or name the base in `contents.baseimage`";
            let error = anyhow!("the image file names no base, and attestations of one were given");
            return Err(error.context(Hint(hint.to_owned())));
        }
        let mut pool = Pool::new();
        for path in &self.base_attestations {
            if is_bundle(path)? {
                open_bundle(path, &mut pool)?;
            } else {
                pool.add(of_file(path).read()?);
            }
        }
        for base in &bases {
            beside(&base.layout, &mut pool);
        }
        let attached = bases
            .iter()
            .map(|base| within_limits(attached_to(&pool, &base.manifest.digest), root));
        let attached = attached.collect::<Result<_>>()?;
        Ok((attached, pool))
    }
}

/// The bases, in the images' order.
pub(super) fn bases(assembly: &Assembly) -> Vec<&Base> {
    let contents = assembly.contents.iter();
    contents.filter_map(|one| one.base.as_ref()).collect()
}

/// The proofs of a file with envelopes are beside it.
fn of_file(path: &Path) -> Beside {
    let stem = beside_what(path);
    Beside {
        attestations: path.to_path_buf(),
        proofs: proofs_path(stem.as_deref().unwrap_or(path)),
    }
}

/// Takes in what lies beside the base's folder. What is there and is no attestation is as good as nothing: the
/// signer says that nothing verified.
fn beside(layout: &Path, pool: &mut Pool) {
    // Without a slash at its end.
    let folder: PathBuf = layout.components().collect();
    if !sidecar_path(&folder).exists() {
        return;
    }
    match Beside::of(&folder).read() {
        Ok(sidecar) => pool.add(sidecar),
        Err(error) => {
            let text = format!("{}: {error:#}", folder.display());
            print::warning(&print::plain_line(&text));
        }
    }
}

/// Where anybody added more than is read, only what the factory signed counts.
fn within_limits(attached: Sidecar, root: &TrustRoot) -> Result<Sidecar> {
    if Sidecar::default().add(&attached).is_ok() {
        return Ok(attached);
    }
    Ok(attached.signed_by(&[root])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_beside_the_envelopes() {
        for (envelopes, proofs) in [
            ("a/base.intoto.jsonl", "a/base.tlog-proof"),
            ("base.v1.intoto.jsonl", "base.v1.tlog-proof"),
            ("envelopes", "envelopes.tlog-proof"),
        ] {
            assert_eq!(of_file(Path::new(envelopes)).proofs, Path::new(proofs));
        }
    }
}
