//! A file in an image or a package, and whose it is.

use crate::commands::image::registries::{Registries, RegistryArguments};
use crate::commands::verify::Target;
use crate::commands::verify::found::Proven;
use crate::{package_file, print};
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_apk::install::Database;
use bessemer_apk::package::Reader;
use bessemer_apk::{EntryKind, Limits};
use bessemer_attest::verify::{ImageReport, Verified, VerifiedImage};
use bessemer_digest::{Digest, HashingReader};
use bessemer_image::{Architecture, Inventory, Reached, SeenKind};
use bessemer_registry::{Access, Reference};
use serde::Serialize;
use std::io::{self, BufReader};
use std::path::Path;

/// A file that was found.
#[derive(Debug, Serialize)]
pub(super) struct Located {
    /// As it was asked for.
    path: String,
    /// Where it really is, symbolic links followed.
    real_path: String,
    #[serde(flatten)]
    content: Content,
    /// The layer that has it, of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<Digest>,
    /// The image, as its index has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<(Digest, String)>,
    pub(super) owner: Owner,
}

/// What is there.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Content {
    File { sha256: Digest, size: u64 },
    Link { target: String },
    Other,
}

/// Whose a file is.
#[derive(Debug, Serialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub(super) enum Owner {
    /// A package's.
    Package {
        file: String,
        /// As provenance names it.
        sha256: Option<Digest>,
        /// Whether the content is the package's.
        matches: bool,
    },
    /// No package has it: it was written when the image was assembled.
    Assembly { image_file: String },
}

/// Looks for the file in what was verified.
pub(super) fn locate(
    target: &Target,
    path: &str,
    arch: Option<&str>,
    proven: &Proven,
    registries: &RegistryArguments,
) -> Result<Located> {
    match (proven, target) {
        (Proven::Package { verified, .. }, Target::File(file))
            if file.extension().is_some_and(|end| end == "apk") =>
        {
            in_package(file, path, verified)
        }
        (
            Proven::Image {
                reports, verified, ..
            },
            Target::Image(reference),
        ) => {
            let report = platform(reports, arch)?;
            let registries = registries.open()?;
            in_image(reference, path, (report, verified), &registries)
        }
        _ => bail!("a bundle has attestations and no files: name the package or the image itself"),
    }
}

fn in_package(file: &Path, path: &str, verified: &Verified) -> Result<Located> {
    let wanted = path.trim_start_matches('/');
    let damaged = "the file is not an intact package";
    let stream = BufReader::new(package_file::open(file)?);
    let mut reader = Reader::open(stream, Limits::default()).context(damaged)?;
    let mut found = None;
    while let Some(mut data) = reader.next_entry().context(damaged)? {
        if data.entry.path.as_str() != wanted {
            continue;
        }
        found = Some(match &data.entry.kind {
            EntryKind::File { size, .. } => {
                let size = *size;
                let mut hashing = HashingReader::new(&mut data);
                io::copy(&mut hashing, &mut io::sink()).context(damaged)?;
                let sha256 = hashing.digest();
                Content::File { sha256, size }
            }
            EntryKind::Symlink { target, .. } => Content::Link {
                target: target.clone(),
            },
            _ => Content::Other,
        });
    }
    reader.finish().context(damaged)?;
    Ok(Located {
        path: path.to_owned(),
        real_path: format!("/{wanted}"),
        content: found.with_context(|| format!("there is no /{wanted} in the package"))?,
        layer: None,
        image: None,
        owner: Owner::Package {
            file: verified.report.file.clone(),
            sha256: Some(verified.report.sha256),
            matches: true,
        },
    })
}

/// The image for an architecture.
fn platform<'a>(reports: &'a [ImageReport], arch: Option<&str>) -> Result<&'a ImageReport> {
    if let ([report], None) = (reports, arch) {
        return Ok(report);
    }
    let wanted: Architecture = arch.unwrap_or(std::env::consts::ARCH).parse()?;
    let mut of_arch = reports
        .iter()
        .filter(|report| report.subject == format!("linux/{}", wanted.oci()));
    of_arch.next().with_context(|| {
        let all: Vec<&str> = reports
            .iter()
            .map(|report| report.subject.as_str())
            .collect();
        let all = print::plain_line(&all.join(", "));
        format!("there is no image for {wanted}, only {all}: choose one with --arch")
    })
}

fn in_image(
    reference: &Reference,
    path: &str,
    (report, verified): (&ImageReport, &VerifiedImage),
    registries: &Registries,
) -> Result<Located> {
    let registry = registries.connect(reference, Access::Pull, &[])?;
    let layers = registry.layers(&report.digest)?;
    if layers.is_empty() {
        bail!(
            "{} is an index and has no layers: choose an image with --arch",
            report.digest
        );
    }
    let mut inventory = Inventory::default();
    for (number, layer) in layers.iter().enumerate() {
        let content = registry.layer(layer)?;
        let added = inventory.add(number, &layer.media_type, BufReader::new(content));
        added.with_context(|| format!("cannot read layer {}", layer.digest))?;
    }
    let reached = inventory.reach(path);
    let reached =
        reached.with_context(|| format!("there is no {} in the image", print::plain_line(path)))?;
    let owner = owner(&reached, &inventory, (report, verified))?;
    Ok(Located {
        path: path.to_owned(),
        real_path: format!("/{}", reached.path),
        content: match reached.seen.kind {
            SeenKind::File { sha256, size, .. } => Content::File { sha256, size },
            SeenKind::Link(target) | SeenKind::Same(target) => Content::Link { target },
            SeenKind::Other => Content::Other,
        },
        layer: layers.get(reached.seen.layer).map(|layer| layer.digest),
        image: Some((report.digest, report.subject.clone())),
        owner,
    })
}

/// The package that has the file by the image's own database, as the verified provenance names it.
fn owner(
    reached: &Reached,
    inventory: &Inventory,
    (report, verified): (&ImageReport, &VerifiedImage),
) -> Result<Owner> {
    let assembly = Owner::Assembly {
        image_file: report.config.clone(),
    };
    let Some(text) = inventory.database() else {
        return Err(anyhow!(
            "the image has no database of packages, so nobody knows whose the file is"
        ));
    };
    let text = std::str::from_utf8(text).context("the image's package database is not text")?;
    let database = Database::parse(text, Limits::default());
    let database = database.context("the image's package database cannot be read")?;
    let (folder, name) = reached.path.rsplit_once('/').unwrap_or(("", &reached.path));
    for record in &database.records {
        let folders = record.directories.iter();
        let of_folder =
            folders.filter(|one| one.path.as_ref().map_or("", |path| path.as_str()) == folder);
        let mut files = of_folder.flat_map(|one| &one.files);
        let Some(file) = files.find(|file| file.name == name) else {
            continue;
        };
        let (package, version) = (&record.entry.name, record.entry.version.to_string());
        let matches = match (&reached.seen.kind, &file.sha1) {
            (SeenKind::File { sha1, .. }, Some(expected)) => sha1 == expected,
            (SeenKind::File { .. }, None) => false,
            _ => true,
        };
        return Ok(Owner::Package {
            file: format!("{package}-{version}.apk"),
            sha256: named(verified, report, (package, &version)),
            matches,
        });
    }
    Ok(assembly)
}

/// The digest that provenance has of a package in the image of this platform.
fn named(
    verified: &VerifiedImage,
    report: &ImageReport,
    (name, version): (&str, &str),
) -> Option<Digest> {
    let oci = report.subject.strip_prefix("linux/")?;
    let architecture: Architecture = oci.parse().ok()?;
    let dependencies = &verified.provenance.build_definition.resolved_dependencies;
    let mut named = dependencies.iter().filter(|one| {
        let note = |key: &str| one.annotations.get(key).map_or("", String::as_str);
        (note("role"), note("package"), note("version")) == ("package", name, version)
            && note("image") == architecture.apk()
    });
    named.next()?.sha256()
}

impl Located {
    /// What was found, in words, without control characters.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![if self.path == self.real_path {
            self.path.clone()
        } else {
            format!("{} (really {})", self.path, self.real_path)
        }];
        lines.push(match &self.content {
            Content::File { sha256, size } => format!("  content  {sha256}, {size} bytes"),
            Content::Link { target } => format!("  content  a symbolic link to {target}"),
            Content::Other => "  content  a directory or device".to_owned(),
        });
        if let (Some(layer), Some((image, platform))) = (&self.layer, &self.image) {
            lines.push(format!("  layer    {layer}"));
            lines.push(format!("  image    {image} ({platform})"));
        }
        lines.push(match &self.owner {
            Owner::Package { file, matches, .. } => {
                let same = if *matches { "the same bytes as in the package" } else { "NOT the bytes of the package" };
                format!("  package  {file}, {same}")
            }
            Owner::Assembly { image_file } => format!(
                "  package  none: written when the image was assembled, from image file {image_file}"
            ),
        });
        lines.iter().map(|line| print::plain_line(line)).collect()
    }
}
