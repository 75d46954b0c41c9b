//! How this run reaches other machines.

use crate::downloads::Downloads;
use crate::print::Hint;
use anyhow::{Context, Result};
use bessemer_store::{Client, Credentials, Settings, Uri};
use std::sync::Arc;

/// Credentials for servers, as apk-tools, apko and melange take them.
pub(crate) const HTTP_AUTH: &str = "HTTP_AUTH";

/// What the command line says of servers.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct FetchArguments {
    /// Ask nothing of other machines: indexes, keys, packages and sources are those of earlier runs.
    /// A server that wants a user name and password is told those in `HTTP_AUTH`
    /// (`basic:HOST:USER:PASSWORD`) or in the URL
    #[arg(long)]
    pub(crate) offline: bool,
}

/// A client and what it tells servers.
#[derive(Debug)]
pub(crate) struct Fetching {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
}

impl FetchArguments {
    /// Takes credentials from the environment and from the URLs among `places`.
    pub(crate) fn open<'a>(self, places: impl IntoIterator<Item = &'a Uri>) -> Result<Fetching> {
        let settings = self.settings(places)?;
        Ok(Fetching {
            client: Client::new(&settings)?,
            credentials: settings.credentials,
        })
    }

    /// The same as settings.
    pub(crate) fn settings<'a>(
        self,
        places: impl IntoIterator<Item = &'a Uri>,
    ) -> Result<Settings> {
        let mut credentials = from_environment()?;
        for uri in places {
            credentials.add(uri);
        }
        Ok(Settings {
            credentials,
            offline: self.offline,
            observer: Some(Arc::new(Downloads::new())),
            ..Settings::default()
        })
    }
}

fn from_environment() -> Result<Credentials> {
    let Some(text) = std::env::var_os("HTTP_AUTH") else {
        return Ok(Credentials::default());
    };
    let text = text.to_string_lossy();
    Credentials::parse(&text)
        .context(Hint(
            "set it to `basic:HOST:USER:PASSWORD`, or unset it".to_owned(),
        ))
        .with_context(|| format!("the environment variable {HTTP_AUTH} cannot be used"))
}
