//! What a package says of itself: its recipe's word and what is found in its files.

use bessemer_apk::PkgInfo;
use bessemer_package::Tree;
use bessemer_package::detect::{self, DetectError, Detected};
use bessemer_recipe::{PackagePlan, Plan};

/// Looks at the files of one package of a plan. `siblings` are those of all its packages.
pub fn detect(
    package: &PackagePlan,
    tree: &Tree,
    siblings: &[&Tree],
) -> Result<Detected, DetectError> {
    let version = package.full_version();
    let subject = detect::Package {
        name: &package.name,
        version: &version,
        tree,
        runtime: &package.dependencies.runtime,
        options: detect::Options {
            no_provides: package.options.no_provides,
            no_depends: package.options.no_depends,
            no_commands: package.options.no_commands,
        },
    };
    detect::detect(&subject, siblings)
}

/// The `.PKGINFO` of one package of a plan, without what depends on its data member.
pub fn pkginfo(plan: &Plan, package: &PackagePlan, detected: Detected) -> PkgInfo {
    let dependencies = &package.dependencies;
    let found = detected.with_declared(&dependencies.runtime, &dependencies.provides);
    let licenses = package.licenses.iter();
    PkgInfo {
        name: package.name.clone(),
        version: package.full_version(),
        arch: plan.architecture.clone(),
        origin: plan.package.name.clone(),
        description: package.description.clone(),
        url: package.url.clone(),
        commit: package.commit.clone(),
        build_date: (plan.source_date_epoch != 0).then_some(plan.source_date_epoch),
        licenses: licenses.map(|license| license.license.clone()).collect(),
        depends: found.depends,
        provides: found.provides,
        replaces: dependencies.replaces.clone(),
        vendored: found.vendored,
        provider_priority: priority(dependencies.provider_priority),
        replaces_priority: priority(dependencies.replaces_priority),
        triggers: package.trigger_paths.clone(),
        ..PkgInfo::default()
    }
}

fn priority(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok())
}
