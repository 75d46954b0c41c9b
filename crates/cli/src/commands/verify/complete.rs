//! `verify --complete`: whether the provenance lists everything that the build had.

use super::Beside;
use crate::commands::build::{accelerator, jail};
use crate::commands::rebuild::{self, Outcome};
use crate::commands::repositories::RepositoryArguments;
use crate::services::Inherited;
use anyhow::{Context as _, Result};
use bessemer_attest::documents::{AcceleratorChoice, JailChoice};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct CompleteArguments {
    /// Prove that the provenance lists everything: build again from what it lists alone, compare the
    /// bytes, and explain every byte of the guest's disks, its command line and each message to it
    #[arg(long)]
    pub(crate) complete: bool,
    #[command(flatten)]
    repositories: RepositoryArguments,
    /// Directory or URL that is asked for sources first; may be repeated
    #[arg(long = "mirror", requires = "complete")]
    mirrors: Vec<String>,
    /// Folder with sources in files named `sha256:HEX` or `sha512:HEX`; asked for sources first
    #[arg(long, value_name = "DIR", requires = "complete")]
    cache_dir: Option<PathBuf>,
    /// Folder whose files entered the workspace of the original build
    #[arg(long, value_name = "DIR", requires = "complete")]
    source_dir: Option<PathBuf>,
    /// What runs the guest
    #[arg(long, default_value = "auto", value_name = "auto|kvm|tcg|direct", value_parser = accelerator, requires = "complete")]
    accelerator: AcceleratorChoice,
    /// Which jail its QEMU stands in
    #[arg(long, default_value = "auto", value_name = "auto|host|pod", value_parser = jail, requires = "complete")]
    pub(crate) jail: JailChoice,
}

impl CompleteArguments {
    /// Builds what was verified again, by the attestations it was verified by; nothing is kept but the
    /// summaries that are signed of it, in the folder for these, if there is one.
    pub(super) fn carry_out(
        &self,
        packages: &[PathBuf],
        beside: Option<Beside>,
        trust_root: &Path,
        summaries: Option<&Path>,
        inherited: Option<&Inherited>,
    ) -> Result<Outcome> {
        let folder = tempfile::tempdir().context("cannot make a folder for the rebuild")?;
        let asked = rebuild::Arguments {
            packages: packages.to_vec(),
            repositories: self.repositories.clone(),
            out_dir: folder.path().join("packages"),
            source_dir: self.source_dir.clone(),
            complete: true,
            no_summary: summaries.is_none(),
            summaries: summaries.map(Path::to_path_buf),
            trust_root: Some(trust_root.to_path_buf()),
            beside,
            mirrors: self.mirrors.clone(),
            cache_dir: self.cache_dir.clone(),
            accelerator: self.accelerator,
            jail: self.jail,
            ..rebuild::Arguments::quiet()
        };
        rebuild::carry_out(&asked, inherited)
    }
}

/// What `--json` prints: the reports of verification, and `rebuilt` or, when nothing was built
/// again, `failure` as the worker told it.
pub(super) fn report(outcome: &Outcome, passed: bool, reports: &[Value]) -> Value {
    let result = if passed { "PASS" } else { "FAIL" };
    let mut report = json!({"result": result, "packages": reports});
    match outcome.failure() {
        Some(failure) => report["failure"] = failure,
        None => report["rebuilt"] = outcome.to_json(),
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::build::order::Failed;
    use std::process::ExitCode;

    #[test]
    fn a_rebuild_that_failed_has_a_reason_and_no_packages() {
        let failed = |printed: &[u8]| {
            let (status, printed) = (ExitCode::from(1), printed.to_vec());
            Outcome::Failed(Failed { status, printed })
        };
        let packages = [json!({"result": "PASS"})];
        let told = failed(br#"{"causes": ["no space"], "error": "cannot write"}"#);
        assert_eq!(
            report(&told, false, &packages),
            json!({
                "result": "FAIL", "packages": packages,
                "failure": {"error": "cannot write", "causes": ["no space"]},
            })
        );
        // One that was killed tells nothing.
        let found = report(&failed(b""), false, &packages);
        assert_eq!(found["failure"]["error"], "the worker failed");
        assert_eq!(found.get("rebuilt"), None);
    }
}
