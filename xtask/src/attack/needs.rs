//! What tests need that costs minutes to make, and only some of them.

use super::case::Test;
use crate::ground::Ground;
use crate::images;
use crate::kernel::Kernel;
use crate::release;
use anyhow::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The kernel of our own.
    Kernel,
    /// The agent as a package.
    Release,
    /// Debian's registry and readers of images.
    Images,
}

impl Need {
    pub(super) const ALL: [Self; 3] = [Self::Kernel, Self::Release, Self::Images];

    /// Whether a test has this need: by its module.
    pub(super) fn is_of(self, test: &Test) -> bool {
        let module = test.name.split("::").next().unwrap_or_default();
        match self {
            Self::Kernel => module == "own_kernel",
            Self::Release => ["provisioned", "released"].contains(&module),
            Self::Images => module.starts_with("image_"),
        }
    }

    /// How the variables begin by which tests find it.
    #[cfg(test)]
    pub(super) const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Kernel => &["BESSEMER_TEST_OWN_", "BESSEMER_TEST_TOOLS"],
            Self::Release => &["BESSEMER_TEST_RELEASE"],
            Self::Images => &["BESSEMER_TEST_COSIGN_", "BESSEMER_TEST_DOCKER_REGISTRY"],
        }
    }

    /// Makes it; what tests read from their environment.
    pub(super) fn prepare(self, ground: &Ground) -> Result<Vec<(String, String)>> {
        let bessemer = ground.program("bessemer");
        match self {
            Self::Kernel => Ok(Kernel::prepare(&bessemer)?.environment()),
            Self::Release => Ok(release::Built::agent(&bessemer)?.environment().into()),
            Self::Images => images::prepare(),
        }
    }
}
