//! Testing packages that a repository offers, in guests of their own. Nothing is recorded for a
//! signer: what was tested was not made here.

use super::test_guest::Subject;
use super::{GuestError, Tested, Work, WorkError};
use crate::lock::resolve;
use crate::reporter::Reporter;
use crate::run_directory::RunDirectory;
use bessemer_apk::{Dependency, ParseDependencyError};
use bessemer_attest::documents::{LockedPackage, TestRun};
use bessemer_repository::PackageFile;
use std::path::PathBuf;

/// What the test of one offered package showed.
#[derive(Debug)]
pub struct OfferedTest {
    /// The package that was installed: name, version, digest, and where it came from. `None` when
    /// its recipe has no test, so that nothing was installed.
    pub package: Option<LockedPackage>,
    /// What was observed.
    pub run: Option<TestRun>,
    /// The guest's log.
    pub log: Option<PathBuf>,
    /// The step that failed.
    pub failure: Option<GuestError>,
}

/// Why no test could be run.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// Neither a name nor a name with a version.
    #[error("`{text}` is not a package constraint")]
    Constraint {
        /// As written.
        text: String,
        /// Why not.
        source: ParseDependencyError,
    },
    /// The recipe describes other packages.
    #[error("the recipe has no package `{name}`; it has {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The recipe's packages.
        known: Vec<String>,
    },
    /// Something installed in its place, such as a provider.
    #[error("the repositories offer no package that is named `{0}`, only others that provide it")]
    Provided(String),
    /// The run ended early.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Work<'_> {
    /// Tests the package that `constraint` asks for: `name`, which means the recipe's own version,
    /// or `name=version`.
    pub fn test_offered(
        &self,
        constraint: &str,
        reporter: &mut dyn Reporter,
    ) -> Result<OfferedTest, TestError> {
        let asked: Dependency = constraint.parse().map_err(|source| TestError::Constraint {
            text: constraint.to_owned(),
            source,
        })?;
        if asked.conflict {
            return Err(self.unknown(constraint));
        }
        self.check_name(&asked.name)?;
        let Some(plan) = self.test_plan(&asked.name) else {
            return Ok(OfferedTest {
                package: None,
                run: None,
                log: None,
                failure: None,
            });
        };
        let mut world = plan.environment.packages.clone();
        world.push(if asked.name == constraint {
            format!("{constraint}={}", self.job.plan.package.full_version())
        } else {
            constraint.to_owned()
        });
        let what = format!("{} test", asked.name);
        let packages = resolve(&what, &world, &self.sources).map_err(WorkError::from)?;
        let package = subject(&asked.name, &packages)?;
        let subject = Subject {
            name: &package.name,
            version: &package.version,
            sha256: package.sha256,
        };
        let run = RunDirectory::create(self.sources.cache).map_err(WorkError::from)?;
        let Tested {
            run, log, failure, ..
        } = self.test_in_guest(&subject, plan, &packages, &run, reporter)?;
        Ok(OfferedTest {
            package: Some(package.clone()),
            run: Some(run),
            log,
            failure,
        })
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        let plan = &self.job.plan;
        let all = std::iter::once(&plan.package).chain(&plan.subpackages);
        all.map(|package| &package.name)
    }

    fn check_name(&self, name: &str) -> Result<(), TestError> {
        if self.names().any(|own| own == name) {
            return Ok(());
        }
        Err(self.unknown(name))
    }

    fn unknown(&self, name: &str) -> TestError {
        TestError::Unknown {
            name: name.to_owned(),
            known: self.names().cloned().collect(),
        }
    }
}

/// Of what was resolved, the very package of this name.
fn subject<'a>(name: &str, packages: &'a [PackageFile]) -> Result<&'a LockedPackage, TestError> {
    packages
        .iter()
        .map(|package| &package.locked)
        .find(|locked| locked.name == name)
        .ok_or_else(|| TestError::Provided(name.to_owned()))
}
