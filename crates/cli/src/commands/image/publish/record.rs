//! The record of a build of images, for the signer.

use crate::commands::image::assembly::{Assembly, AssemblyArguments};
use crate::commands::image::bills::Spdx;
use crate::signing::component;
use anyhow::{Context as _, Result};
use bessemer_attest::documents::{
    ImageBase, ImageParameters, ImagePlatform, ImageRecord, ImageRecordSchema, LockedFile,
    LockedPackage, Timestamp, digest,
};
use bessemer_build::worker::now;
use bessemer_digest::Digest;
use bessemer_image::packages::Package;
use bessemer_image::{Contents, Epoch};
use bessemer_store::{in_parallel, shown};
use std::path::Path;

/// Says what was asked for, what went in and what came out. Every package is measured here once more.
pub(super) fn of(
    arguments: &AssemblyArguments,
    assembly: &Assembly,
    bills: &Spdx,
    started_on: Timestamp,
) -> Result<ImageRecord> {
    let files = assembly.loaded.files.iter();
    let files = files.map(|(path, sha256)| LockedFile {
        path: path.clone(),
        sha256: *sha256,
    });
    let (epoch, epoch_exact) = match assembly.epoch {
        Epoch::Exactly(seconds) => (seconds, true),
        Epoch::AtLeast(seconds) => (seconds, false),
    };
    let inputs = &assembly.inputs;
    Ok(ImageRecord {
        schema: ImageRecordSchema::V1,
        image_files: files.collect(),
        configuration: digest(&assembly.loaded.configuration.redacted())?,
        parameters: parameters(arguments, assembly),
        compression: assembly.compression.to_owned(),
        epoch,
        epoch_exact,
        lock: inputs.lock,
        keys: inputs.believed.clone(),
        indexes: inputs.indexes.clone(),
        index: assembly.built.images.index.digest,
        index_sbom: Digest::of(bills.index.as_bytes()),
        platforms: platforms(assembly, bills)?,
        controller: component(&std::env::current_exe()?)?,
        started_on,
        finished_on: now()?,
    })
}

fn parameters(arguments: &AssemblyArguments, assembly: &Assembly) -> ImageParameters {
    let without_secrets = |texts: &[String]| texts.iter().map(|text| shown(text)).collect();
    let archs = assembly.built.images.images.iter();
    let lock = arguments.lockfile.as_deref().and_then(Path::file_name);
    let vcs_url = Some(&assembly.loaded.configuration.vcs_url).filter(|url| !url.is_empty());
    let paths = arguments.file.include_paths.iter();
    ImageParameters {
        architectures: archs.map(|image| image.arch.apk().to_owned()).collect(),
        include_paths: paths.map(|path| path.display().to_string()).collect(),
        keyrings: without_secrets(&arguments.file.keys),
        build_repositories: without_secrets(&arguments.file.build_repositories),
        repositories: without_secrets(&arguments.file.repositories),
        packages: arguments.packages.clone(),
        annotations: assembly.annotations.iter().cloned().collect(),
        lock_file: lock.map(|name| name.to_string_lossy().into_owned()),
        vcs_url: vcs_url.cloned(),
        format: arguments.format.word().map(str::to_owned),
    }
}

fn platforms(assembly: &Assembly, bills: &Spdx) -> Result<Vec<ImagePlatform>> {
    let images = assembly.built.images.images.iter();
    let all = images.zip(&assembly.contents).zip(&bills.images);
    let mut platforms = Vec::new();
    for ((image, contents), sbom) in all {
        platforms.push(ImagePlatform {
            architecture: image.arch.apk().to_owned(),
            manifest: image.manifest.digest,
            config: image.config.digest,
            sbom: Digest::of(sbom.as_bytes()),
            base: base(assembly, contents),
            packages: packages(contents)?,
        });
    }
    Ok(platforms)
}

/// What the image is built on. Every byte of it was measured when it was opened.
fn base(assembly: &Assembly, contents: &Contents) -> Option<ImageBase> {
    let named = assembly.loaded.configuration.contents.baseimage.as_ref()?;
    let base = contents.base.as_ref()?;
    Some(ImageBase {
        name: named.image.clone(),
        index: base.listing.digest,
        manifest: base.manifest.digest,
        apkindex: base.apkindex,
    })
}

fn packages(contents: &Contents) -> Result<Vec<LockedPackage>> {
    in_parallel(&contents.packages, |package: &Package| -> Result<_> {
        let file = fs_err::File::open(&package.path)?;
        let (sha256, size) = Digest::of_reader(file)
            .with_context(|| format!("cannot read {}", package.path.display()))?;
        let entry = &package.entry;
        Ok(LockedPackage {
            name: entry.name.clone(),
            version: entry.version.to_string(),
            architecture: entry.arch.clone(),
            uri: package.locked.url.clone(),
            sha256,
            size,
            control_sha1: hex::encode(entry.checksum.unwrap_or_default()),
            attestation: None,
            from_build: false,
        })
    })
}
