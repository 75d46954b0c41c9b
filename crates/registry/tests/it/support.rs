//! A registry, an image, a key, and somebody who watches.

mod foreign;
mod image;
mod keys;
mod line;
mod token_server;
mod tools;

pub(crate) use foreign::{curl, put};
pub(crate) use image::write_image;
pub(crate) use keys::{Key, PROVENANCE, SPDX};
pub(crate) use line::{Fault, Line};

pub(crate) use token_server::TokenServer;
pub(crate) use tools::{Cosign, printed};

use bessemer_registry::{Access, Arrival, Event, Login, Reference, Registry, Reporter, Settings};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down what it is told.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<String>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, beginning: &str) -> usize {
        let lines = self.lines();
        lines
            .iter()
            .filter(|line| line.starts_with(beginning))
            .count()
    }
}

impl Reporter for Log {
    fn report(&self, event: &Event<'_>) {
        let line = match event {
            Event::Blob {
                how: Arrival::Present,
                ..
            } => "present".to_owned(),
            Event::Blob {
                how: Arrival::Mounted,
                ..
            } => "mounted".to_owned(),
            Event::Blob {
                how: Arrival::Uploaded,
                ..
            } => "uploaded".to_owned(),
            Event::Sent { bytes, total, .. } => format!("sent {bytes} of {total}"),
            Event::Received { bytes, total, .. } => format!("received {bytes} of {total}"),
            Event::Resumed { bytes, .. } => format!("resumed at {bytes}"),
            Event::Repeated {
                request,
                cause,
                wait,
            } => format!("repeated {request}: {cause} ({wait:?})"),
            Event::Manifest { tag: Some(tag), .. } => format!("manifest {tag}"),
            Event::Manifest { .. } => "manifest".to_owned(),
            Event::Merged { tag, writes } => format!("merged {tag} {writes}"),
            Event::Hidden { digest } => format!("hidden {digest}"),
            _ => "other".to_owned(),
        };
        self.0.lock().unwrap().push(line);
    }
}

/// Settings that do not wait long.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new(std::env::temp_dir());
    settings.limits.back_off = Duration::from_millis(20);
    settings.limits.stall = Duration::from_secs(20);
    settings
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// A connection for writing, without a login.
pub(crate) fn connect(name: &str, reporter: Arc<dyn Reporter>) -> Registry {
    connect_as(name, Login::Anonymous, &settings(), reporter)
}

pub(crate) fn connect_as(
    name: &str,
    login: Login,
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
) -> Registry {
    Registry::connect(
        &reference(name),
        Access::Push,
        &[],
        login,
        settings,
        reporter,
    )
    .unwrap()
}
