//! Summaries of rebuilds in files of their own beside a package.

use super::{Beside, read_trust_root};
use anyhow::{Context, Result};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{ApkFacts, Report, VerifyError, reproductions};
use bessemer_attest::{Sidecar, TrustRoot};
use std::path::{Path, PathBuf};

/// Behind a package's name, before the ends that its other statements have.
const REPRODUCED: &str = ".reproduced";

#[derive(Debug, clap::Args)]
pub(super) struct RebuilderArguments {
    /// Believe the rebuild keys in this trust root, too: of somebody else who built the package again
    #[arg(long = "rebuilder", value_name = "TRUST-ROOT")]
    rebuilders: Vec<PathBuf>,
}

impl RebuilderArguments {
    /// Whether one was named.
    pub(super) fn says_something(&self) -> bool {
        !self.rebuilders.is_empty()
    }

    /// Takes in the summaries beside a package, if there are any; one that does not hold is an error.
    pub(super) fn add(
        &self,
        package: &Path,
        facts: &ApkFacts,
        root: &TrustRoot,
        now: Option<&Timestamp>,
        report: &mut Report,
    ) -> Result<()> {
        let others = self.rebuilders.iter().map(|path| read_trust_root(path));
        let others: Vec<TrustRoot> = others.collect::<Result<_>>()?;
        let Some(sidecar) = summaries(package)? else {
            return Ok(());
        };
        let roots: Vec<_> = std::iter::once(root).chain(&others).collect();
        let found = reproductions(facts, &sidecar, &roots, report, now);
        let strange = matches!(found, Err(VerifyError::UnknownKey { .. }));
        let found = found.with_context(|| {
            let hint = "; other rebuilders are believed with --rebuilder TRUST-ROOT";
            refused(package) + if strange { hint } else { "" }
        });
        for reproduction in found? {
            report.add_reproduction(reproduction);
        }
        Ok(())
    }
}

/// Where summaries of rebuilds are beside a package, and the proofs that they are logged.
pub(crate) fn beside_reproduced(package: &Path) -> Beside {
    let mut name = package.as_os_str().to_owned();
    name.push(REPRODUCED);
    Beside::of(Path::new(&name))
}

/// A package's statements with what lies beside it of rebuilds by this factory. What another rebuilder
/// signed has no place among them: who verifies by this factory's trust root would refuse all.
pub(crate) fn taken_along(
    package: &Path,
    facts: &ApkFacts,
    report: &Report,
    mut sidecar: Sidecar,
    root: &TrustRoot,
) -> Result<Sidecar> {
    let Some(rebuilds) = summaries(package)? else {
        return Ok(sidecar);
    };
    let found = reproductions(facts, &rebuilds, &[root], report, None);
    found.with_context(|| refused(package))?;
    sidecar.add(&rebuilds)?;
    Ok(sidecar)
}

fn summaries(package: &Path) -> Result<Option<Sidecar>> {
    let beside = beside_reproduced(package);
    if !beside.attestations.exists() {
        return Ok(None);
    }
    beside.read().map(Some)
}

fn refused(package: &Path) -> String {
    let path = beside_reproduced(package).attestations;
    format!("{} is refused", path.display())
}
