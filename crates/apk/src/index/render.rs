//! The text form, written in melange's order of keys.

use super::{Index, IndexEntry, MAX_LINE, is_component};
use crate::install::InstalledRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::{Display, Write as _};

/// How much of a value an error shows, in characters.
const SHOWN: usize = 80;

/// A value would not read back as one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("index entry of {package} cannot have the value {value:?} for `{key}`")]
pub struct RenderIndexError {
    /// The package.
    pub package: String,
    /// The key's letter.
    pub key: char,
    /// The value, shortened.
    pub value: String,
}

impl Index {
    /// The text form. Keys without a value are left out, except `T`.
    pub fn render(&self) -> Result<String, RenderIndexError> {
        let mut text = String::new();
        for entry in &self.entries {
            render(&mut text, entry).map_err(|(key, value)| RenderIndexError {
                package: entry.name.clone(),
                key,
                value,
            })?;
            text.push('\n');
        }
        Ok(text)
    }
}

/// The lines of an installed package that come before its files, in apk-tools' order of keys, which
/// is not that of an index (`apk_pkg_write_index_header`, `apk_db_write_fdb`).
pub(crate) fn render_installed(
    out: &mut String,
    record: &InstalledRecord,
) -> Result<(), RenderIndexError> {
    installed(out, record).map_err(|(key, value)| RenderIndexError {
        package: record.entry.name.clone(),
        key,
        value,
    })
}

fn installed(out: &mut String, record: &InstalledRecord) -> Result<(), Unwritable> {
    let entry = &record.entry;
    if let Some(sha1) = entry.checksum {
        line(out, 'C', &format!("Q1{}", STANDARD.encode(sha1)))?;
    }
    component(out, 'P', &entry.name)?;
    component(out, 'V', entry.version.as_str())?;
    line(out, 'A', &entry.arch)?;
    line(out, 'S', &entry.size.to_string())?;
    line(out, 'I', &entry.installed_size.to_string())?;
    line(out, 'T', &entry.description)?;
    line(out, 'U', &entry.url)?;
    line(out, 'L', &entry.license)?;
    optional(out, 'o', &entry.origin)?;
    optional(out, 'm', &entry.maintainer)?;
    nonzero(out, 't', entry.build_time)?;
    optional(out, 'c', &entry.commit)?;
    nonzero(out, 'k', entry.provider_priority)?;
    list(out, 'D', &entry.depends)?;
    list(out, 'p', &entry.provides)?;
    list(out, 'i', &entry.install_if)?;
    list(out, 'r', &record.replaces)?;
    nonzero(out, 'q', Some(record.replaces_priority))?;
    optional(
        out,
        's',
        record.repository_tag.as_deref().unwrap_or_default(),
    )?;
    optional(out, 'f', &record.broken)
}

fn nonzero(out: &mut String, key: char, value: Option<u64>) -> Result<(), Unwritable> {
    optional(out, key, &number(value.filter(|value| *value != 0)))
}

type Unwritable = (char, String);

fn render(out: &mut String, entry: &IndexEntry) -> Result<(), Unwritable> {
    if let Some(sha1) = entry.checksum {
        line(out, 'C', &format!("Q1{}", STANDARD.encode(sha1)))?;
    }
    component(out, 'P', &entry.name)?;
    component(out, 'V', entry.version.as_str())?;
    line(out, 'A', &entry.arch)?;
    line(out, 'S', &entry.size.to_string())?;
    line(out, 'I', &entry.installed_size.to_string())?;
    line(out, 'T', &entry.description)?;
    optional(out, 'U', &entry.url)?;
    optional(out, 'L', &entry.license)?;
    optional(out, 'o', &entry.origin)?;
    optional(out, 'm', &entry.maintainer)?;
    optional(out, 't', &number(entry.build_time))?;
    optional(out, 'c', &entry.commit)?;
    list(out, 'D', &entry.depends)?;
    list(out, 'i', &entry.install_if)?;
    list(out, 'p', &entry.provides)?;
    optional(out, 'k', &number(entry.provider_priority))
}

fn number(value: Option<u64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn line(out: &mut String, key: char, value: &str) -> Result<(), Unwritable> {
    let too_long = value.len() + 2 > MAX_LINE;
    if too_long || value.contains(['\n', '\r', '\0']) {
        return Err((key, value.chars().take(SHOWN).collect()));
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{key}:{value}");
    Ok(())
}

/// A line whose value becomes part of a file's name.
fn component(out: &mut String, key: char, value: &str) -> Result<(), Unwritable> {
    if !is_component(value) {
        return Err((key, value.chars().take(SHOWN).collect()));
    }
    line(out, key, value)
}

fn optional(out: &mut String, key: char, value: &str) -> Result<(), Unwritable> {
    if value.is_empty() {
        Ok(())
    } else {
        line(out, key, value)
    }
}

fn list(out: &mut String, key: char, values: &[impl Display]) -> Result<(), Unwritable> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    if let Some(broken) = values
        .iter()
        .find(|value| value.is_empty() || value.contains(char::is_whitespace))
    {
        return Err((key, broken.clone()));
    }
    optional(out, key, &values.join(" "))
}
