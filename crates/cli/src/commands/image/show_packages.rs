//! `bessemer image show-packages`.

use super::file::FileArguments;
use super::session::SessionArguments;
use crate::print;
use anyhow::{Result, bail};
use bessemer_image::{Choice, resolve};
use serde_json::json;
use std::process::ExitCode;

/// apko's names of what a line says, each also with `-source`.
const FORMATS: [(&str, &str); 8] = [
    ("name-version", "{{ .Name }} {{ .Version }}"),
    (
        "name-version-source",
        "{{ .Name }} {{ .Version }} {{ .Source }}",
    ),
    ("name=version", "{{ .Name }}={{ .Version }}"),
    (
        "name=version-source",
        "{{ .Name }}={{ .Version }} {{ .Source }}",
    ),
    ("name-(version)", "{{ .Name }} ({{ .Version }})"),
    (
        "name-(version)-source",
        "{{ .Name }} ({{ .Version }}) {{ .Source }}",
    ),
    ("packagelock", "    - {{ .Name }}={{ .Version }}"),
    (
        "packagelock-source",
        "    - {{ .Name }}={{ .Version }} # {{ .Source }}",
    ),
];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image show-packages image.yaml\n  bessemer image show-packages image.yaml --arch host --format packagelock"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: FileArguments,
    #[command(flatten)]
    session: SessionArguments,
    /// What a line says: `name-version`, `name=version`, `name-(version)`, `packagelock`, each also
    /// with `-source`; or a text with `{{.Name}}`, `{{.Version}}` and `{{.Source}}` in it
    #[arg(long, default_value = "name-version")]
    format: String,
    /// Print the result as JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// Prints what would be installed, one line a package; of several architectures each after its name.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let format = template(&arguments.format)?;
    let loaded = arguments.file.load()?;
    let session = arguments.session.open(&loaded)?;
    let offers = session.offers(&loaded.configuration)?;
    let bases = arguments.file.bases(&loaded, &session)?;
    let choices = resolve(&loaded.configuration, &offers, &bases)?;
    if arguments.json {
        let all = choices.iter().map(|choice| {
            let packages = choice.packages.iter().map(|(repository, entry)| {
                json!({"name": entry.name, "version": entry.version.as_str(), "source": repository.package_uri(entry)})
            });
            json!({"arch": choice.arch, "packages": packages.collect::<Vec<_>>()})
        });
        print::json(&all.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for choice in &choices {
        if choices.len() > 1 {
            print::note(&format!("packages for {}", choice.arch));
        }
        print_choice(choice, &format)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_choice(choice: &Choice<'_>, format: &[Part]) -> Result<()> {
    for (repository, entry) in &choice.packages {
        let mut line = String::new();
        for part in format {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Name => line.push_str(&entry.name),
                Part::Version => line.push_str(entry.version.as_str()),
                Part::Source => line.push_str(&repository.package_uri(entry)),
            }
        }
        print::line(format_args!("{}", print::plain(&line)))?;
    }
    Ok(())
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name,
    Version,
    Source,
}

/// Splits a format. Of Go's templates there are the three fields; nothing else can be meant here.
fn template(format: &str) -> Result<Vec<Part>> {
    let known = FORMATS.iter().find(|(name, _)| *name == format);
    let mut rest = known.map_or(format, |(_, text)| text);
    let mut parts = Vec::new();
    while let Some((text, after)) = rest.split_once("{{") {
        let Some((field, after)) = after.split_once("}}") else {
            bail!("--format has `{{{{` without `}}}}`");
        };
        parts.push(Part::Text(text.to_owned()));
        parts.push(match field.trim() {
            ".Name" => Part::Name,
            ".Version" => Part::Version,
            ".Source" => Part::Source,
            other => bail!("--format has `{other}`, which is none of .Name, .Version, .Source"),
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}
