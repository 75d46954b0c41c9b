//! The image file, and what the command line adds to it.

use super::session::Session;
use crate::commands::recipe_file::render;
use anyhow::{Result, bail};
use bessemer_image::{Base, Bases, Format, LoadError, Loaded, load};
use bessemer_repository::Tagged;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct FileArguments {
    /// The image file
    pub(super) config: PathBuf,
    /// Directory in which the image file and what it includes are looked for as well; may be repeated
    #[arg(long = "include-paths", value_name = "DIR", value_delimiter = ',')]
    pub(super) include_paths: Vec<PathBuf>,
    /// Further public key, a file or a URL; may be repeated
    #[arg(
        short,
        long = "keyring-append",
        value_name = "FILE|URL",
        value_delimiter = ','
    )]
    pub(super) keys: Vec<String>,
    /// Further repository to build from, which the image does not name; may be repeated
    #[arg(
        short,
        long = "build-repository-append",
        value_name = "DIR|URL",
        value_delimiter = ','
    )]
    pub(super) build_repositories: Vec<String>,
    /// Further repository to build from, which the image names too; may be repeated
    #[arg(
        short,
        long = "repository-append",
        value_name = "DIR|URL",
        value_delimiter = ','
    )]
    pub(super) repositories: Vec<String>,
}

impl FileArguments {
    /// Reads the image file; what the command line adds stands after what the file says.
    pub(super) fn load(&self) -> Result<Loaded> {
        let mut loaded = match load(&self.config, &self.include_paths) {
            Ok(loaded) => loaded,
            Err(LoadError::Invalid(diagnostic)) => bail!(render(&diagnostic)),
            Err(LoadError::Include { diagnostic, source }) => {
                return Err(anyhow::Error::new(source).context(render(&diagnostic)));
            }
            Err(error) => return Err(error.into()),
        };
        let contents = &mut loaded.configuration.contents;
        append(&mut contents.build_repositories, &self.build_repositories)?;
        append(&mut contents.repositories, &self.repositories)?;
        for key in &self.keys {
            if !contents.keyring.contains(key) {
                contents.keyring.push(key.clone());
            }
        }
        Ok(loaded)
    }
}

impl FileArguments {
    /// Opens the base for each architecture, if the image file names one; says where it does when the base
    /// cannot be used.
    pub(super) fn bases(&self, loaded: &Loaded, session: &Session) -> Result<Bases> {
        let Some(base) = &loaded.configuration.contents.baseimage else {
            return Ok(Bases::new());
        };
        let opened = Base::open_all(base, &session.archs, &self.include_paths, &session.store);
        opened.map_err(|error| {
            let error = anyhow::Error::new(error);
            match &loaded.base {
                Some(place) => error.context(render(place)),
                None => error,
            }
        })
    }
}

/// What layers are, where that is not the image file's to say.
#[derive(Debug, clap::Args)]
pub(super) struct FormatArgument {
    /// What layers are, whatever the image file says: compressed archives, or one erofs image
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<LayerFormat>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LayerFormat {
    Tar,
    Erofs,
}

impl FormatArgument {
    /// Changes what the image file says.
    pub(super) fn apply(&self, loaded: &mut Loaded) -> Result<()> {
        let format = match self.format {
            None => return Ok(()),
            Some(LayerFormat::Tar) => Format::Tar,
            Some(LayerFormat::Erofs) => Format::Erofs,
        };
        Ok(loaded.configuration.set_format(format)?)
    }

    /// The word that was given.
    pub(super) fn word(&self) -> Option<&'static str> {
        self.format.map(|format| match format {
            LayerFormat::Tar => "tar",
            LayerFormat::Erofs => "erofs",
        })
    }
}

fn append(all: &mut Vec<String>, more: &[String]) -> Result<()> {
    for text in more {
        let place = text.trim_end_matches('/');
        place.parse::<Tagged>()?;
        if !all.iter().any(|other| other == place) {
            all.push(place.to_owned());
        }
    }
    Ok(())
}
