//! What became of all packages, for a person and for a program.

use super::comparing::Comparison;
use super::complete::Completeness;
use crate::commands::build::order::Failed;
use crate::{exit, print};
use anyhow::anyhow;
use serde_json::{Value, json};

/// What became of all packages.
#[derive(Debug)]
pub(in crate::commands) enum Outcome {
    /// They were built again.
    Rebuilt {
        /// Old and new, one for each package.
        comparisons: Vec<Comparison>,
        /// What entered the guests, one for each build, if that was asked.
        complete: Vec<Completeness>,
    },
    /// A build failed, and the worker said why.
    Failed(Failed),
}

impl Outcome {
    fn parts(&self) -> (&[Comparison], &[Completeness]) {
        match self {
            Self::Rebuilt {
                comparisons,
                complete,
            } => (comparisons, complete),
            Self::Failed(_) => (&[], &[]),
        }
    }

    /// How many packages are not what they were.
    fn different(&self) -> usize {
        let (comparisons, _) = self.parts();
        comparisons.iter().filter(|one| !one.equal()).count()
    }

    /// Why a build failed, if one did: `error` and `causes`, as the worker told them.
    pub(in crate::commands) fn failure(&self) -> Option<Value> {
        let Self::Failed(failed) = self else {
            return None;
        };
        // One that was killed, or could not write, told nothing.
        let told = serde_json::from_slice(&failed.printed);
        Some(told.unwrap_or_else(|_| print::failure_json(&anyhow!("the worker failed"))))
    }

    pub(in crate::commands) fn to_json(&self) -> Value {
        let (comparisons, complete) = self.parts();
        let packages: Vec<_> = comparisons.iter().map(Comparison::to_json).collect();
        let mut result = json!({"equal": self.different() == 0, "packages": packages});
        if !complete.is_empty() {
            result["complete"] = complete.iter().map(Completeness::to_json).collect();
        }
        result
    }

    pub(in crate::commands) fn to_text(&self, diff: bool) -> String {
        let (comparisons, complete) = self.parts();
        let comparisons = comparisons
            .iter()
            .map(|one| print::plain(&one.to_text(diff)));
        comparisons
            .chain(complete.iter().map(Completeness::to_text))
            .collect()
    }

    /// The exit status, after a word on what differs.
    pub(in crate::commands) fn judge(&self, wanted: bool) -> u8 {
        match (self, self.different()) {
            (Self::Failed(_), _) => exit::ERROR,
            (_, different) if wanted && different > 0 => {
                print::failure(&anyhow!(
                    "{different} of {} packages differ from what was built before",
                    self.parts().0.len()
                ));
                exit::ERROR
            }
            _ => self.judge_complete(),
        }
    }

    /// Whether all builds of which that was asked are shown to be complete.
    fn judge_complete(&self) -> u8 {
        let (_, complete) = self.parts();
        let open = complete.iter().filter(|one| !one.is_complete()).count();
        if open == 0 {
            return 0;
        }
        print::failure(&anyhow!(
            "{open} of {} builds are not shown to be complete",
            complete.len()
        ));
        exit::ERROR
    }
}
