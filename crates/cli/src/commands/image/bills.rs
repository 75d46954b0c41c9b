//! Bills of material, in files.

use super::output;
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_image::Built;
use bessemer_image::oci::Image;
use bessemer_image::sbom::{
    OperatingSystem, image_cyclonedx, image_spdx, index_cyclonedx, index_spdx,
};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct BillArguments {
    /// Write a bill of material for each image, and one for the index
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true
    )]
    sbom: bool,
    /// Directory for bills of material [default: the one that the output is in]
    #[arg(long, value_name = "DIR")]
    sbom_path: Option<PathBuf>,
    /// Formats of bills of material
    #[arg(long, value_enum, value_delimiter = ',', default_value = "spdx")]
    sbom_formats: Vec<BillFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BillFormat {
    /// SPDX 2.3
    Spdx,
    /// CycloneDX 1.6
    Cyclonedx,
}

impl BillFormat {
    /// Names and texts: of each image, and of the index.
    fn documents(self, built: &Built, named: Named<'_>) -> Result<Vec<(String, String)>> {
        let (end, index, texts) = match self {
            Self::Spdx => {
                let spdx = Spdx::of(built, named)?;
                ("spdx.json", spdx.index, spdx.images)
            }
            Self::Cyclonedx => {
                let Named { tag, vcs_url } = named;
                let mut texts = Vec::new();
                for (image, inventory) in built.images.images.iter().zip(&built.inventories) {
                    texts.push(image_cyclonedx(image, inventory, tag, vcs_url)?);
                }
                let index = index_cyclonedx(&built.images, tag, vcs_url)?;
                ("cdx.json", index, texts)
            }
        };
        let named_as = |image: &Image| format!("sbom-{}.{end}", image.arch.apk());
        let names = built.images.images.iter().map(named_as);
        let mut documents: Vec<_> = names.zip(texts).collect();
        documents.push((format!("sbom-index.{end}"), index));
        Ok(documents)
    }
}

/// What bills of material say of an image file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// What the image is called.
    pub(super) tag: &'a str,
    /// `URL@COMMIT` of the image file.
    pub(super) vcs_url: &'a str,
}

/// SPDX documents of images.
pub(super) struct Spdx {
    /// Of the index.
    pub(super) index: String,
    /// One an image.
    pub(super) images: Vec<String>,
}

impl Spdx {
    pub(super) fn of(built: &Built, named: Named<'_>) -> Result<Self> {
        let Named { tag, vcs_url } = named;
        let mut images = Vec::new();
        for (image, inventory) in built.images.images.iter().zip(&built.inventories) {
            images.push(image_spdx(image, inventory, tag, vcs_url)?);
        }
        let first = built.inventories.first();
        let system: OperatingSystem = first.map(|one| one.system.clone()).unwrap_or_default();
        let index = index_spdx(&built.images, &system, tag, vcs_url)?;
        Ok(Self { index, images })
    }
}

impl BillArguments {
    /// Where bills of material go that are written beside this.
    pub(super) fn beside(&self, output: &Path) -> PathBuf {
        let parent = output.parent().unwrap_or(Path::new(""));
        self.directory().unwrap_or(parent).to_owned()
    }

    /// The directory that was named.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.sbom_path.as_deref()
    }

    /// Writes what was asked for; the files' paths.
    pub(super) fn write(
        &self,
        built: &Built,
        named: Named<'_>,
        directory: &Path,
    ) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        if !self.sbom {
            return Ok(paths);
        }
        for (name, text) in self.documents(built, named)? {
            let path = directory.join(name);
            output::write(&path, |out| Ok(out.write_all(text.as_bytes())?))
                .with_context(|| format!("cannot write {}", path.display()))?;
            paths.push(path);
        }
        Ok(paths)
    }

    fn documents(&self, built: &Built, named: Named<'_>) -> Result<Vec<(String, String)>> {
        let mut documents = Vec::new();
        for format in &self.sbom_formats {
            documents.extend(format.documents(built, named)?);
        }
        if documents.is_empty() {
            print::warning("no format of bills of material was named");
        }
        Ok(documents)
    }
}
