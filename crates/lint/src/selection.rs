//! Which linters run, and which of them must pass.

use crate::Level;
use crate::rules::LINTERS;
use std::collections::BTreeSet;

/// Which linters run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    require: BTreeSet<&'static str>,
    warn: BTreeSet<&'static str>,
}

/// No linter has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no linter `{0}`")]
pub struct UnknownLinter(pub String);

impl Default for Selection {
    /// What melange's are.
    fn default() -> Self {
        let of = |level| {
            let linters = LINTERS.iter().filter(|linter| linter.level == level);
            linters.map(|linter| linter.name).collect()
        };
        Self {
            require: of(Level::Require),
            warn: of(Level::Warn),
        }
    }
}

impl Selection {
    /// The defaults, each set replaced by a list where there is one. A linter in both must pass.
    pub fn new(require: Option<&[String]>, warn: Option<&[String]>) -> Result<Self, UnknownLinter> {
        let mut selection = Self::default();
        for (names, set) in [
            (require, &mut selection.require),
            (warn, &mut selection.warn),
        ] {
            if let Some(names) = names {
                *set = names
                    .iter()
                    .map(|name| known(name))
                    .collect::<Result<_, _>>()?;
            }
        }
        Ok(selection)
    }

    /// The same for a package whose recipe disables linters (`checks.disabled`): those only warn.
    /// Names that no linter has disable nothing.
    #[must_use]
    pub fn without(&self, disabled: &[String]) -> Self {
        let mut selection = self.clone();
        for name in disabled.iter().filter_map(|name| known(name).ok()) {
            selection.require.remove(name);
            selection.warn.insert(name);
        }
        selection
    }

    /// What becomes of this linter's findings.
    pub fn level(&self, linter: &str) -> Level {
        if self.require.contains(linter) {
            Level::Require
        } else if self.warn.contains(linter) {
            Level::Warn
        } else {
            Level::Off
        }
    }
}

fn known(name: &str) -> Result<&'static str, UnknownLinter> {
    let linter = LINTERS.iter().find(|linter| linter.name == name);
    linter
        .map(|linter| linter.name)
        .ok_or_else(|| UnknownLinter(name.to_owned()))
}
