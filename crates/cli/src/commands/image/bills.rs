//! Bills of material, in files.

use super::output;
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_image::Built;
use bessemer_image::sbom::{OperatingSystem, image_cyclonedx, image_spdx, index_spdx};
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

/// What bills of material say of an image file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// What the image is called.
    pub(super) tag: &'a str,
    /// `URL@COMMIT` of the image file.
    pub(super) vcs_url: &'a str,
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

    /// Writes what was asked for.
    pub(super) fn write(&self, built: &Built, named: Named<'_>, directory: &Path) -> Result<()> {
        if !self.sbom {
            return Ok(());
        }
        for (name, text) in self.documents(built, named)? {
            let path = directory.join(name);
            output::write(&path, |out| Ok(out.write_all(text.as_bytes())?))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn documents(&self, built: &Built, named: Named<'_>) -> Result<Vec<(String, String)>> {
        let Named { tag, vcs_url } = named;
        let Built {
            images,
            inventories,
        } = built;
        let mut documents = Vec::new();
        for (image, inventory) in images.images.iter().zip(inventories) {
            let arch = image.arch.apk();
            if self.sbom_formats.contains(&BillFormat::Spdx) {
                let text = image_spdx(image, inventory, tag, vcs_url)?;
                documents.push((format!("sbom-{arch}.spdx.json"), text));
            }
            if self.sbom_formats.contains(&BillFormat::Cyclonedx) {
                let text = image_cyclonedx(image, inventory, tag)?;
                documents.push((format!("sbom-{arch}.cdx.json"), text));
            }
        }
        if self.sbom_formats.contains(&BillFormat::Spdx) {
            let system = inventories
                .first()
                .map(|inventory| inventory.system.clone());
            let system: OperatingSystem = system.unwrap_or_default();
            let text = index_spdx(images, &system, tag, vcs_url)?;
            documents.push(("sbom-index.spdx.json".to_owned(), text));
        }
        if documents.is_empty() {
            print::warning("no format of bills of material was named");
        }
        Ok(documents)
    }
}
