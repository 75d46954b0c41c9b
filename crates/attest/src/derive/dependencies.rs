//! `resolvedDependencies`: the lock as resource descriptors, complete and in a fixed order.

use crate::ResourceDescriptor;
use crate::documents::{ConfigSource, Lock, LockedIndex, LockedKey, LockedPackage, LockedSource};

/// Everything that entered the guest: recipe commit and file, pipelines, sources, keys, indexes,
/// packages, and what booted. `annotations.role` says which of these an entry is.
pub(super) fn resolved(config: &ConfigSource, lock: &Lock) -> Vec<ResourceDescriptor> {
    let mut list = Vec::new();
    list.extend(repository(config));
    list.push(ResourceDescriptor::file(&config.path, &lock.recipe.sha256).with("role", "recipe"));
    list.extend(lock.pipelines.iter().map(|pipeline| {
        ResourceDescriptor::file(&pipeline.uses, &pipeline.sha256)
            .with("role", "pipeline")
            .with("origin", &pipeline.origin)
    }));
    list.extend(lock.environment_files.iter().map(|file| {
        ResourceDescriptor::file(&file.path, &file.sha256).with("role", "environment-file")
    }));
    list.extend(lock.sources.iter().map(self::source));
    list.extend(lock.keys.iter().map(key));
    list.extend(lock.indexes.iter().map(index));
    list.extend(
        lock.packages
            .iter()
            .map(|entry| package(entry, "build-root")),
    );
    let boot = &lock.boot;
    for (entry, role) in [
        (&boot.package, "boot-package"),
        (&boot.agent_package, "agent-package"),
    ] {
        list.extend(entry.iter().map(|entry| package(entry, role)));
    }
    for (name, digest) in [
        ("kernel", boot.kernel.as_ref()),
        ("initramfs", boot.initramfs.as_ref()),
        ("agent", Some(&boot.agent)),
    ] {
        let Some(digest) = digest else { continue };
        list.push(ResourceDescriptor::file(name, digest).with("role", "boot"));
    }
    list
}

/// A git source has its commit and tree beside the digest of the archive.
fn source(source: &LockedSource) -> ResourceDescriptor {
    let mut descriptor = ResourceDescriptor::file(&source.id, &source.sha256)
        .with("role", "source")
        .with("size", source.size.to_string());
    let Some(git) = &source.git else {
        return descriptor.at(&source.uri);
    };
    for (name, object) in [("gitCommit", &git.commit), ("gitTree", &git.tree)] {
        descriptor.digest.insert(name.to_owned(), object.clone());
    }
    descriptor.at(format!("git+{}", source.uri))
}

fn repository(source: &ConfigSource) -> Option<ResourceDescriptor> {
    let (repository, commit) = (source.repository.as_ref()?, source.commit.as_ref()?);
    let reference = source
        .reference
        .as_ref()
        .map(|name| format!("@{name}"))
        .unwrap_or_default();
    let mut descriptor = ResourceDescriptor::default()
        .at(format!("git+{repository}{reference}"))
        .with("role", "recipe-repository");
    descriptor
        .digest
        .insert("gitCommit".to_owned(), commit.clone());
    Some(descriptor)
}

/// A key that an index was checked with.
pub(super) fn key(key: &LockedKey) -> ResourceDescriptor {
    ResourceDescriptor::file(&key.name, &key.sha256).with("role", "repository-key")
}

/// An index that packages were chosen from.
pub(super) fn index(index: &LockedIndex) -> ResourceDescriptor {
    ResourceDescriptor::file("APKINDEX.tar.gz", &index.sha256)
        .at(&index.uri)
        .with("role", "index")
        .with("key", &index.key)
}

/// An installed package, in this role.
pub(super) fn package(package: &LockedPackage, role: &str) -> ResourceDescriptor {
    let name = format!("{}-{}.apk", package.name, package.version);
    let descriptor = ResourceDescriptor::file(name, &package.sha256)
        .at(&package.uri)
        .with("role", role)
        .with("package", &package.name)
        .with("version", &package.version)
        .with("architecture", &package.architecture)
        .with("controlSha1", &package.control_sha1);
    match &package.attestation {
        Some(attestation) => descriptor.with("attestation", attestation.to_string()),
        None => descriptor,
    }
}
