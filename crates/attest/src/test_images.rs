//! An image build for this crate's tests.

use crate::derive::{BaseFiles, BaseVerdict, ImageEvidence, ImageFiles, PackageVerdict};
use crate::documents::{
    Component, ImageBase, ImageParameters, ImagePlatform, ImageRecord, ImageRecordSchema,
    LockedFile, LockedIndex, LockedKey, LockedPackage, Timestamp,
};
use crate::predicates::ImagePolicy;
use crate::verify::BaseContents;
use bessemer_digest::Digest;
use serde_json::{Value, json};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A descriptor of these bytes.
pub(crate) fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "size": bytes.len(), "digest": Digest::of(bytes) })
}

/// A record, and everything that agrees with it.
#[derive(Debug, Clone)]
pub(crate) struct ImageRun {
    pub(crate) record: ImageRecord,
    pub(crate) files: ImageFiles,
    pub(crate) names: Vec<String>,
    pub(crate) policy: ImagePolicy,
    pub(crate) verdicts: Vec<Vec<PackageVerdict>>,
    pub(crate) bases: Vec<BaseVerdict>,
    trust_roots: Vec<Digest>,
}

impl ImageRun {
    pub(crate) fn evidence(&self) -> ImageEvidence<'_> {
        ImageEvidence {
            record: &self.record,
            files: &self.files,
            names: &self.names,
            policy: &self.policy,
            verdicts: &self.verdicts,
            bases: &self.bases,
            trust_roots: &self.trust_roots,
            invocation_id: "0123456789abcdef0123456789abcdef",
        }
    }
}

impl ImageRun {
    /// Changes configuration, manifest and the index's descriptor of the first image, each before the
    /// next names it.
    pub(crate) fn reword(
        &mut self,
        config: impl FnOnce(&mut Value),
        manifest: impl FnOnce(&mut Value),
        listed: impl FnOnce(&mut Value),
    ) {
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let (old_manifest, old_config) = &self.files.platforms[0];
        let mut new_config = read(old_config);
        config(&mut new_config);
        let new_config = new_config.to_string().into_bytes();
        let mut new_manifest = read(old_manifest);
        new_manifest["config"] = described(CONFIG, &new_config);
        manifest(&mut new_manifest);
        let new_manifest = new_manifest.to_string().into_bytes();
        let mut index = read(&self.files.index);
        let platform = index["manifests"][0]["platform"].clone();
        index["manifests"][0] = described(MANIFEST, &new_manifest);
        index["manifests"][0]["platform"] = platform;
        listed(&mut index["manifests"][0]);
        self.record.platforms[0].config = Digest::of(&new_config);
        self.record.platforms[0].manifest = Digest::of(&new_manifest);
        self.files.platforms[0] = (new_manifest, new_config);
        self.files.index = index.to_string().into_bytes();
        self.record.index = Digest::of(&self.files.index);
    }
}

/// The documents of an image with one layer.
fn based_on(platform: &Value) -> BaseFiles {
    let config = json!({
        "architecture": platform["architecture"], "os": "linux", "container_config": {},
        "rootfs": { "type": "layers", "diff_ids": [Digest::of("below")] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "config": described(CONFIG, &config), "layers": [layer("below")],
    });
    let manifest = manifest.to_string().into_bytes();
    let mut listed = described(MANIFEST, &manifest);
    listed["platform"] = platform.clone();
    let index = json!({ "schemaVersion": 2, "manifests": [listed] });
    BaseFiles {
        index: index.to_string().into_bytes(),
        manifest,
        config,
    }
}

fn layer(content: &str) -> Value {
    described(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        content.as_bytes(),
    )
}

/// The first of these images on a base.
pub(crate) fn based_run() -> ImageRun {
    let mut run = image_run();
    let index: Value = serde_json::from_slice(&run.files.index).unwrap();
    let base = based_on(&index["manifests"][0]["platform"]);
    run.record.platforms[0].base = Some(ImageBase {
        name: "./base".to_owned(),
        index: Digest::of(&base.index),
        manifest: Digest::of(&base.manifest),
        apkindex: Digest::of("installed"),
    });
    run.files.bases.push(base);
    run.reword(
        |config| {
            let diff_ids = ["below", "above"].map(Digest::of);
            config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        },
        |manifest| manifest["layers"] = json!([layer("below"), layer("above")]),
        |_| {},
    );
    run.bases.push(BaseVerdict::Built {
        attestation: Digest::of("provenance of the base"),
        level: 1,
        name: "registry.example.com/team/base".to_owned(),
        contents: BaseContents {
            lowest_level: Some(1),
            ..BaseContents::default()
        },
    });
    run
}

/// Two images: a package that was built in both, one that was imported in the second.
pub(crate) fn image_run() -> ImageRun {
    let images = ["amd64", "arm64"].map(|architecture| {
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {}, "rootfs": {},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config), "layers": [],
        });
        (architecture, manifest.to_string().into_bytes(), config)
    });
    let listed = images.iter().map(|(architecture, manifest, _)| {
        let mut listed = described(MANIFEST, manifest);
        listed["platform"] = json!({ "os": "linux", "architecture": architecture });
        listed
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": listed.collect::<Vec<_>>(),
    });
    let index = index.to_string().into_bytes();
    let built = PackageVerdict::Built {
        attestation: Digest::of("provenance of hello"),
        level: 1,
    };
    let imported = PackageVerdict::Imported {
        attestation: Digest::of("import of libc"),
    };
    let contents = [
        ("x86_64", vec![package("hello", "x86_64")]),
        (
            "aarch64",
            vec![package("hello", "aarch64"), package("libc", "aarch64")],
        ),
    ];
    let platforms = images.iter().zip(contents);
    let platforms = platforms.map(|((_, manifest, config), (architecture, packages))| {
        let sbom = Digest::of(format!("sbom of {architecture}"));
        ImagePlatform {
            architecture: architecture.to_owned(),
            manifest: Digest::of(manifest),
            config: Digest::of(config),
            sbom,
            base: None,
            packages,
        }
    });
    ImageRun {
        record: record(Digest::of(&index), platforms.collect()),
        files: ImageFiles {
            index,
            platforms: images
                .into_iter()
                .map(|(_, manifest, config)| (manifest, config))
                .collect(),
            bases: Vec::new(),
        },
        names: vec!["registry.example.com/team/app".to_owned()],
        policy: ImagePolicy {
            accept_imports: true,
            accept_unverified: Vec::new(),
            accept_unverified_base: false,
        },
        verdicts: vec![vec![built.clone()], vec![built, imported]],
        bases: Vec::new(),
        trust_roots: vec![Digest::of("trust root")],
    }
}

fn record(index: Digest, platforms: Vec<ImagePlatform>) -> ImageRecord {
    ImageRecord {
        schema: ImageRecordSchema::V1,
        image_files: vec![
            LockedFile {
                path: "image.yaml".to_owned(),
                sha256: Digest::of("image file"),
            },
            LockedFile {
                path: "base.yaml".to_owned(),
                sha256: Digest::of("included"),
            },
        ],
        configuration: Digest::of("configuration"),
        parameters: ImageParameters {
            architectures: vec!["x86_64".to_owned(), "aarch64".to_owned()],
            packages: vec!["libc".to_owned()],
            ..ImageParameters::default()
        },
        compression: "gzip".to_owned(),
        epoch: 1_700_000_000,
        epoch_exact: true,
        lock: None,
        keys: vec![LockedKey {
            name: "local.rsa.pub".to_owned(),
            sha256: Digest::of("key"),
        }],
        indexes: vec![LockedIndex {
            uri: "repository/x86_64".to_owned(),
            sha256: Digest::of("APKINDEX"),
            key: "local.rsa.pub".to_owned(),
            tag: None,
        }],
        index,
        index_sbom: Digest::of("sbom of index"),
        platforms,
        controller: Component {
            version: "0.1.0".to_owned(),
            sha256: Digest::of("controller"),
        },
        started_on: Timestamp::from_unix(1_764_000_000).unwrap(),
        finished_on: Timestamp::from_unix(1_764_000_060).unwrap(),
    }
}

fn package(name: &str, architecture: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: "1.0-r0".to_owned(),
        architecture: architecture.to_owned(),
        uri: format!("repository/{architecture}/{name}-1.0-r0.apk"),
        sha256: Digest::of(format!("{name} for {architecture}")),
        size: 1_000,
        control_sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned(),
        attestation: None,
        from_build: false,
    }
}
