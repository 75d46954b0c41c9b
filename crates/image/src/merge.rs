//! How a file extends the one that it includes: apko's rules (`ImageConfiguration.MergeInto`).
//!
//! One differs: `vcs-url` is taken from the included file where the other has none; apko loses it.

use crate::configuration::{Accounts, Configuration, Contents, Entrypoint};
use std::collections::BTreeMap;

/// What `upper` means on top of `base`, the file that it includes: what stands in `upper` comes first
/// where there can be one value, lists of `base` come before lists of `upper`, and of maps each key
/// counts by itself.
pub(crate) fn merge(base: Configuration, upper: Configuration) -> Configuration {
    let entrypoint = if upper.entrypoint == Entrypoint::default() {
        base.entrypoint
    } else {
        upper.entrypoint
    };
    Configuration {
        contents: contents(base.contents, upper.contents),
        entrypoint,
        cmd: text(base.cmd, upper.cmd),
        stop_signal: text(base.stop_signal, upper.stop_signal),
        work_dir: text(base.work_dir, upper.work_dir),
        accounts: accounts(base.accounts, upper.accounts),
        archs: if upper.archs.is_empty() {
            base.archs
        } else {
            upper.archs
        },
        environment: map(base.environment, upper.environment),
        paths: list(base.paths, upper.paths),
        vcs_url: text(base.vcs_url, upper.vcs_url),
        annotations: map(base.annotations, upper.annotations),
        volumes: list(base.volumes, upper.volumes),
        layering: upper.layering.or(base.layering),
        format: upper.format.or(base.format),
        certificates: upper.certificates.or(base.certificates),
    }
}

fn contents(base: Contents, upper: Contents) -> Contents {
    Contents {
        build_repositories: list(base.build_repositories, upper.build_repositories),
        runtime_repositories: list(base.runtime_repositories, upper.runtime_repositories),
        repositories: list(base.repositories, upper.repositories),
        keyring: list(base.keyring, upper.keyring),
        runtime_keyring: list(base.runtime_keyring, upper.runtime_keyring),
        packages: list(base.packages, upper.packages),
        baseimage: upper.baseimage.or(base.baseimage),
    }
}

fn accounts(base: Accounts, upper: Accounts) -> Accounts {
    Accounts {
        run_as: text(base.run_as, upper.run_as),
        users: list(base.users, upper.users),
        groups: list(base.groups, upper.groups),
    }
}

fn text(base: String, upper: String) -> String {
    if upper.is_empty() { base } else { upper }
}

fn list<T>(mut base: Vec<T>, upper: Vec<T>) -> Vec<T> {
    base.extend(upper);
    base
}

fn map(
    mut base: BTreeMap<String, String>,
    upper: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    base.extend(upper);
    base
}
