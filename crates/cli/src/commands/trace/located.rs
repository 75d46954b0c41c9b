//! A file in an image or a package, and whose it is.

mod owner;
mod package;
#[cfg(test)]
mod tests;

use crate::commands::image::registries::{Registries, RegistryArguments};
use crate::commands::verify::Target;
use crate::commands::verify::found::Proven;
use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_attest::ResourceDescriptor;
use bessemer_attest::verify::{ImageReport, Verified, VerifiedImage};
use bessemer_digest::Digest;
use bessemer_image::{Architecture, Inventory, Reached, SeenKind};
use bessemer_registry::{Access, Reference};
use serde::Serialize;
use std::io::BufReader;
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
    /// The file that it is another name of.
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<String>,
    /// The layer that has it, of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<Digest>,
    /// The image, as its index has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<(Digest, String)>,
    /// What the image is built on, if the file is from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Base>,
    pub(super) owner: Owner,
}

/// What is there.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Content {
    File { sha256: Digest, size: u64 },
    Link { target: String },
}

/// A base, as provenance names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Base {
    pub(super) name: String,
    pub(super) sha256: Digest,
}

/// Whose a file is.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub(super) enum Owner {
    /// A package's.
    Package {
        file: String,
        /// As the image's own provenance names it, not that of its base.
        sha256: Option<Digest>,
        /// Whether the content is the package's: in an image, whether it has the SHA-1 that the image's package
        /// database has.
        matches: bool,
        /// What is otherwise, if it is not.
        #[serde(skip_serializing_if = "Option::is_none")]
        differs: Option<String>,
    },
    /// No package has it: it was written when the image was assembled.
    Assembly { image_file: String },
    /// No package has it, and it is in a layer of the base.
    Base,
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
            if arch.is_some() {
                bail!("{target} is a package: --arch chooses an image of an index");
            }
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
    let wanted = package::inside(path)?;
    let (content, same) = package::content(file, &wanted)?;
    Ok(Located {
        path: path.to_owned(),
        real_path: format!("/{wanted}"),
        content,
        same,
        layer: None,
        image: None,
        base: None,
        owner: Owner::Package {
            file: verified.report.file.clone(),
            sha256: Some(verified.report.sha256),
            matches: true,
            differs: None,
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
        let all = reports.iter().map(|report| report.subject.as_str());
        let all: Vec<&str> = all.filter(|subject| *subject != "index").collect();
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
    let reached = reached(&inventory, path)?;
    let content = content(&reached)?;
    let named = |name: &str, version: &str| named(verified, report, (name, version));
    // One layer is on top of those of a base.
    let in_base = reached.seen.layer + 1 < layers.len();
    let base = base(verified, report);
    let owner = match owner::owner(&reached, &inventory, &named)? {
        Some(owner) => owner,
        None if in_base && base.is_some() => Owner::Base,
        None => Owner::Assembly {
            image_file: report.config.clone(),
        },
    };
    let from_base = matches!(owner, Owner::Base | Owner::Package { sha256: None, .. });
    Ok(Located {
        path: path.to_owned(),
        real_path: format!("/{}", reached.path),
        content,
        same: reached.seen.same.map(|path| format!("/{path}")),
        layer: layers.get(reached.seen.layer).map(|layer| layer.digest),
        image: Some((report.digest, report.subject.clone())),
        base: base.filter(|_| from_base),
        owner,
    })
}

/// What a path leads to, and else where it ends.
fn reached(inventory: &Inventory, path: &str) -> Result<Reached> {
    let shown = print::plain_line(path);
    let Some(real) = inventory.resolve(path) else {
        bail!("the symbolic links of {shown} lead in a circle");
    };
    if let Some(reached) = inventory.reach(path) {
        return Ok(reached);
    }
    let real = format!("/{}", print::plain_line(&real));
    if package::inside(path).is_ok_and(|inside| format!("/{}", print::plain_line(&inside)) == real)
    {
        bail!("there is no {real} in the image");
    }
    bail!("{shown} leads to {real}, which is not in the image")
}

fn content(reached: &Reached) -> Result<Content> {
    match &reached.seen.kind {
        SeenKind::File { sha256, size, .. } => Ok(Content::File {
            sha256: *sha256,
            size: *size,
        }),
        SeenKind::Link(target) => Ok(Content::Link {
            target: target.clone(),
        }),
        SeenKind::Directory => Err(no_file(&reached.path, "directory")),
        SeenKind::Device => Err(no_file(&reached.path, "device or pipe")),
    }
}

/// The error for what has no content. The path is without the slash at its beginning.
fn no_file(path: &str, kind: &str) -> anyhow::Error {
    let path = print::plain_line(path);
    match kind {
        "directory" => anyhow::anyhow!("/{path} is a directory: ask for a file in it"),
        kind => anyhow::anyhow!("/{path} is a {kind}, and no file"),
    }
}

/// The digest that provenance has of a package in the image of this platform.
fn named(
    verified: &VerifiedImage,
    report: &ImageReport,
    (name, version): (&str, &str),
) -> Option<Digest> {
    let mut named = of_platform(verified, report, "package")?.filter(|one| {
        let note = |key: &str| one.annotations.get(key).map_or("", String::as_str);
        (note("package"), note("version")) == (name, version)
    });
    named.next()?.sha256()
}

/// What the image of this platform is built on.
fn base(verified: &VerifiedImage, report: &ImageReport) -> Option<Base> {
    let base = of_platform(verified, report, "base-image")?.next()?;
    Some(Base {
        name: base.name.clone().unwrap_or_default(),
        sha256: base.sha256()?,
    })
}

/// The dependencies of a role that the image of this platform has.
fn of_platform<'a>(
    verified: &'a VerifiedImage,
    report: &ImageReport,
    role: &'static str,
) -> Option<impl Iterator<Item = &'a ResourceDescriptor>> {
    let oci = report.subject.strip_prefix("linux/")?;
    let architecture: Architecture = oci.parse().ok()?;
    let dependencies = &verified.provenance.build_definition.resolved_dependencies;
    Some(dependencies.iter().filter(move |one| {
        let note = |key: &str| one.annotations.get(key).map_or("", String::as_str);
        (note("role"), note("image")) == (role, architecture.apk())
    }))
}

impl Located {
    /// What was found, in words, without control characters.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![if self.path == self.real_path {
            self.path.clone()
        } else {
            format!("{} (really {})", self.path, self.real_path)
        }];
        let mut content = match &self.content {
            Content::File { sha256, size } => format!("  content  {sha256}, {size} bytes"),
            Content::Link { target } => format!("  content  a symbolic link to {target}"),
        };
        if let Some(same) = &self.same {
            content += &[", another name of ", same].concat();
        }
        lines.push(content);
        if let (Some(layer), Some((image, platform))) = (&self.layer, &self.image) {
            lines.push(format!("  layer    {layer}"));
            lines.push(format!("  image    {image} ({platform})"));
        }
        if let Some(Base { name, sha256 }) = &self.base {
            lines.push(format!("  base     {name} ({sha256})"));
        }
        lines.push(match &self.owner {
            Owner::Package { file, matches, differs, .. } => {
                let how = match (&self.image, &self.content) {
                    (None, Content::File { .. }) => ", its own file".to_owned(),
                    (None, Content::Link { .. }) => String::new(),
                    (Some(_), _) if *matches => ", as the image's package database has it (SHA-1)".to_owned(),
                    (Some(_), _) => format!(
                        ", NOT as the image's package database has it: {}",
                        differs.as_deref().unwrap_or("it is another")
                    ),
                };
                format!("  package  {file}{how}")
            }
            Owner::Base => "  package  none: no package of the base has it".to_owned(),
            Owner::Assembly { image_file } => format!(
                "  package  none: written when the image was assembled, from image file {image_file}"
            ),
        });
        lines.iter().map(|line| print::plain_line(line)).collect()
    }
}
