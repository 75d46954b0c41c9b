//! Images as OCI has them: configuration, manifest, index, and the files that hold them.
//!
//! Documents have the keys and their order of `go-containerregistry`, with which apko writes them.

mod archive;
mod base;
mod directory;
mod documents;

pub use archive::{WriteArchiveError, write_archive};
pub(crate) use base::BaseConfig;
pub use directory::{WriteLayoutError, write_layout};

use crate::Architecture;
use crate::base::Base;
use crate::configuration::Configuration;
use crate::layers::Layer;
use crate::shell_words::split;
use bessemer_attest::go_json;
use bessemer_digest::Digest;
use documents::{Container, Descriptor, History, ImageConfig, Index, Manifest, Platform, RootFs};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Who makes images, as their configurations say it.
const AUTHOR: &str = "bessemer";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CREATED: &str = "org.opencontainers.image.created";
const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
const TITLE: &str = "org.opencontainers.image.title";
const VENDOR: &str = "org.opencontainers.image.vendor";

/// A document and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Of the bytes.
    pub digest: Digest,
}

/// An image of one architecture.
#[derive(Debug, Clone)]
pub struct Image {
    /// Which one.
    pub arch: Architecture,
    /// Its configuration.
    pub config: Blob,
    /// Its manifest, whose digest names it.
    pub manifest: Blob,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// Its time, in seconds since 1970.
    pub created: u64,
}

/// Images of several architectures.
#[derive(Debug, Clone)]
pub struct ImageIndex {
    /// The index, whose digest names them all.
    pub index: Blob,
    /// The images, sorted by architecture.
    pub images: Vec<Image>,
}

/// Why documents cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// A command cannot be split into words.
    #[error("a shell cannot split the command {0:?}")]
    Command(String),
    /// A time is outside of what can be written.
    #[error("{0} seconds since 1970 is no time that can be written")]
    Time(u64),
    /// A document cannot be written.
    #[error("cannot write a document")]
    Json(#[from] serde_json::Error),
}

impl Blob {
    fn of(document: &impl serde::Serialize) -> Result<Self, DescribeError> {
        let mut text = go_json::line(document)?;
        // ggcr writes documents without a newline at the end.
        text.pop();
        let bytes = text.into_bytes();
        Ok(Self {
            digest: Digest::of(&bytes),
            bytes,
        })
    }

    fn descriptor(&self, media_type: &'static str) -> Descriptor {
        Descriptor::new(media_type, self.bytes.len() as u64, &self.digest)
    }
}

/// Describes an image: `user` is who containers run as; `layers` are those on top of the base's, if there
/// is one. What containers of the base run, those of the image do.
pub fn image(
    arch: Architecture,
    configuration: &Configuration,
    user: &str,
    layers: Vec<Layer>,
    base: Option<&Base>,
    created: u64,
) -> Result<Image, DescribeError> {
    let time = time(created)?;
    let annotations = annotations(configuration, &time);
    let (architecture, variant) = arch.platform();
    let own = History {
        author: AUTHOR.to_owned(),
        created: time.clone(),
        created_by: AUTHOR.to_owned(),
        comment: comment(configuration, layers.len()),
        empty_layer: false,
    };
    let mut history = base.map_or_else(Vec::new, |base| base.config.history.clone());
    history.extend(vec![own; layers.len()]);
    let below = base.map_or(&[][..], |base| &base.layers);
    let layers: Vec<Layer> = below.iter().cloned().chain(layers).collect();
    let mut container = container(configuration, user, base.map(|base| &base.config))?;
    container.labels.clone_from(&annotations);
    let config = Blob::of(&ImageConfig {
        architecture,
        author: AUTHOR,
        created: time,
        history,
        os: "linux",
        rootfs: RootFs {
            kind: "layers",
            diff_ids: layers.iter().map(|layer| oci(&layer.diff_id)).collect(),
        },
        config: container,
        variant,
        os_features: features(&layers),
    })?;
    let descriptor =
        |layer: &Layer| Descriptor::new(layer.encoding.media_type(), layer.size, &layer.digest);
    let manifest = Blob::of(&Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: config.descriptor(CONFIG),
        layers: layers.iter().map(descriptor).collect(),
        annotations,
    })?;
    Ok(Image {
        arch,
        config,
        manifest,
        layers,
        created,
    })
}

/// Describes several images together; the time is that of the newest.
pub fn index(
    configuration: &Configuration,
    mut images: Vec<Image>,
) -> Result<ImageIndex, DescribeError> {
    images.sort_by_key(|image| image.arch);
    let created = images.iter().map(|image| image.created).max().unwrap_or(0);
    let described = |image: &Image| {
        let (architecture, variant) = image.arch.platform();
        let mut descriptor = image.manifest.descriptor(MANIFEST);
        descriptor.platform = Some(Platform {
            architecture,
            os: "linux",
            os_features: features(&image.layers),
            variant,
        });
        descriptor
    };
    let index = Blob::of(&Index {
        schema_version: 2,
        media_type: INDEX,
        manifests: images.iter().map(described).collect(),
        annotations: annotations(configuration, &time(created)?),
    })?;
    Ok(ImageIndex { index, images })
}

/// What whoever unpacks these layers must be able to.
fn features(layers: &[Layer]) -> Vec<&'static str> {
    let features = layers.iter().filter_map(|layer| layer.encoding.feature());
    features.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The image file's annotations, where it came from and when the image was made.
fn annotations(configuration: &Configuration, time: &str) -> BTreeMap<String, String> {
    let mut annotations = configuration.annotations.clone();
    if let Some((url, revision)) = configuration.vcs_url.rsplit_once('@') {
        annotations.insert(SOURCE.to_owned(), url.to_owned());
        annotations.insert(REVISION.to_owned(), revision.to_owned());
    }
    annotations.insert(CREATED.to_owned(), time.to_owned());
    annotations
}

fn comment(configuration: &Configuration, layers: usize) -> String {
    let annotation = |name| configuration.annotations.get(name);
    match (annotation(TITLE), annotation(VENDOR)) {
        (Some(title), Some(vendor)) => format!("{title} by {vendor}"),
        _ if layers > 1 => String::new(),
        _ => "This is a single-layer image".to_owned(),
    }
}

fn container(
    configuration: &Configuration,
    user: &str,
    base: Option<&BaseConfig>,
) -> Result<Container, DescribeError> {
    let words = |text: &String| {
        let words = split(text);
        words.map_err(|_| DescribeError::Command(text.clone()))
    };
    let entrypoint = &configuration.entrypoint;
    let entrypoint = if entrypoint.shell_fragment.is_empty() {
        words(&entrypoint.command)?
    } else {
        let shell = ["/bin/sh", "-c", &entrypoint.shell_fragment];
        shell.map(str::to_owned).to_vec()
    };
    let mut environment: BTreeMap<String, String> =
        base.into_iter().flat_map(BaseConfig::environment).collect();
    environment.extend(configuration.environment.clone());
    for (name, value) in [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
        ),
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
    ] {
        let known = environment.entry(name.to_owned());
        known.or_insert_with(|| value.to_owned());
    }
    let mut env: Vec<String> = environment
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    env.sort();
    if let Some(base) = base {
        // The image file can say none of the rest.
        return Ok(Container {
            env,
            ..base.config.clone()
        });
    }
    let nothing = serde_json::Map::new;
    let volumes = configuration.volumes.iter();
    Ok(Container {
        cmd: words(&configuration.cmd)?,
        entrypoint,
        env,
        labels: BTreeMap::new(),
        user: user.to_owned(),
        volumes: volumes.map(|path| (path.clone(), nothing())).collect(),
        working_dir: configuration.work_dir.clone(),
        stop_signal: configuration.stop_signal.clone(),
        rest: BTreeMap::new(),
    })
}

/// RFC 3339, in UTC.
pub(crate) fn time(seconds: u64) -> Result<String, DescribeError> {
    let error = || DescribeError::Time(seconds);
    let second = i64::try_from(seconds).map_err(|_| error())?;
    let time = Timestamp::from_second(second).map_err(|_| error())?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A digest as OCI spells it.
fn oci(digest: &Digest) -> String {
    format!("sha256:{}", digest.hex())
}
