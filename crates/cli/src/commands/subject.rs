//! What commands that look behind artifacts have in common: which artifacts, whom to believe, where evidence
//! is.

use crate::commands::image::registries::RegistryArguments;
use crate::commands::verify::found::{Proven, verified};
use crate::commands::verify::{Looking, Target, hinted, read_trust_root};
use crate::evidence::{ChainArguments, EvidenceArguments, Start};
use anyhow::Result;
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::{Chain, Pool};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct SubjectArguments {
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    #[command(flatten)]
    evidence: EvidenceArguments,
    #[command(flatten)]
    pub(crate) registries: RegistryArguments,
}

/// The artifacts that were named, and everything to look behind them.
pub(crate) struct Subjects<'a> {
    registries: &'a RegistryArguments,
    pub(crate) root: TrustRoot,
    pub(crate) pool: Pool,
    pub(crate) proven: Vec<Proven>,
}

impl SubjectArguments {
    /// Reads the evidence and verifies what was named.
    pub(crate) fn open(&self, targets: &[Target]) -> Result<Subjects<'_>> {
        let root = read_trust_root(&self.trust_root)?;
        let mut pool = self.evidence.open()?;
        let mut proven = Vec::new();
        let looking = Looking::at(&root, &self.registries)?;
        for target in targets {
            let found = verified(target, &looking, &mut pool);
            proven.extend(found.map_err(|error| hinted(target, &error))?);
        }
        Ok(Subjects {
            registries: &self.registries,
            root,
            pool,
            proven,
        })
    }
}

impl Subjects<'_> {
    /// Everything behind the artifacts.
    pub(crate) fn chain(&mut self, following: &ChainArguments) -> Result<Chain> {
        let mut start = Start::default();
        self.proven.iter().for_each(|proven| start.add(proven));
        following.chain(&start, &self.root, &mut self.pool, self.registries)
    }
}
