//! How this run reaches registries.

use crate::places::Places;
use crate::print;
use crate::transfers::Transfers;
use anyhow::{Context, Result, bail};
use bessemer_registry::{Access, DockerConfig, Reference, Registry, Settings, Tag, Turn};
use std::path::PathBuf;
use std::sync::Arc;

/// The file in a folder with Docker's configuration.
const CONFIG: &str = "config.json";

/// What the command line says of registries.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArguments {
    /// The folder with Docker's `config.json`, which says how to log in; $DOCKER_CONFIG or ~/.docker
    /// without it
    #[arg(long, value_name = "DIR")]
    docker_config: Option<PathBuf>,
    /// Speak HTTP without TLS to registries elsewhere, too; passwords are not sent there
    #[arg(long)]
    plain_http: bool,
}

/// A way to registries.
pub(crate) struct Registries {
    settings: Settings,
    config: DockerConfig,
    pub(crate) transfers: Arc<Transfers>,
}

impl RegistryArguments {
    /// Reads Docker's configuration.
    pub(crate) fn open(&self) -> Result<Registries> {
        let mut settings = Settings::new(std::env::temp_dir());
        settings.plain_http = self.plain_http;
        Ok(Registries {
            settings,
            config: self.docker_config()?,
            transfers: Arc::new(Transfers::new()),
        })
    }

    fn docker_config(&self) -> Result<DockerConfig> {
        let folder = self.docker_config.clone().or_else(|| {
            let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
            std::env::var_os("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(home)
        });
        let Some(path) = folder.map(|folder| folder.join(CONFIG)) else {
            return Ok(DockerConfig::default());
        };
        if !path.exists() && self.docker_config.is_none() {
            return Ok(DockerConfig::default());
        }
        let text = fs_err::read(&path)?;
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        DockerConfig::parse(&text, &folders)
            .with_context(|| format!("cannot use {}", path.display()))
    }
}

impl Registries {
    /// A connection to the repository of a reference.
    pub(crate) fn connect(
        &self,
        reference: &Reference,
        access: Access,
        mount: &[&Reference],
    ) -> Result<Registry> {
        let login = self.config.login(reference)?;
        let reporter = self.transfers.clone();
        let settings = &self.settings;
        Ok(Registry::connect(
            reference, access, mount, login, settings, reporter,
        )?)
    }
}

/// The tag that a target is to get.
pub(crate) fn target_tag(target: &Reference) -> Result<Tag> {
    match target.tag_or_default() {
        Some(tag) if target.digest().is_none() => Ok(tag),
        _ => {
            bail!("{target} names a digest: what is written there is known afterwards; give a tag")
        }
    }
}

/// Waits until no other publisher of this machine writes to the repository.
pub(crate) fn turn(target: &Reference) -> Result<Turn> {
    let root = rustix::process::geteuid().is_root();
    let folder = Places::of(root)?.runtime.join("registries");
    let waits = || print::note(&format!("another publisher writes to {}", target.name()));
    Turn::take(&folder, target, waits)
        .with_context(|| format!("cannot lock {} for this machine", target.name()))
}
