//! The command line's definition.

use crate::commands::{
    affected, apk, bootstrap, build, compile, diff, doctor, explain, export, image, index, kernel,
    keygen, keys, license_check, lint, log, publish, query, rebuild, scan, schema, sign, test,
    trace, update_cache, verify, worker,
};
use crate::exit;
use crate::services::Inherited;
use bessemer_attest::documents::JailChoice;
use bessemer_registry::Turn;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// A software factory: melange recipes become apk packages, each built in a microVM of its own,
/// tested in a second one, with signed provenance
#[derive(Debug, Parser)]
#[command(name = "bessemer", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What the privileged parent process prepared for this one
    #[arg(long, global = true, hide = true)]
    pub(crate) inherited: Option<Inherited>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The whole definition: what the derived one says, and the exit statuses below every help text.
pub(crate) fn definition() -> clap::Command {
    with_exit_statuses(Arguments::command())
}

fn with_exit_statuses(command: clap::Command) -> clap::Command {
    let mut command = command.mut_subcommands(with_exit_statuses);
    let text = match command.get_after_help() {
        Some(examples) => format!("{examples}\n\n{}", exit::TEXT),
        None => exit::TEXT.to_owned(),
    };
    command = command.after_help(text);
    command
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a package repository out of another distribution's packages
    #[command(subcommand)]
    Bootstrap(bootstrap::Arguments),
    /// Build, test and attest the packages of a recipe
    Build(Box<build::Arguments>),
    /// Build packages again from what they carry, and compare
    Rebuild(Box<rebuild::Arguments>),
    /// Run the tests of a recipe on packages that are already built
    Test(Box<test::Arguments>),
    /// Admit verified packages to a repository
    Publish(publish::Arguments),
    /// Check packages and images against their attestations, and say what they prove
    Verify(Box<verify::Arguments>),
    /// Say where a file in an image or package comes from: package, recipe, sources
    Trace(trace::Arguments),
    /// Say in plain words what is known of one artifact and what is not
    Explain(explain::Arguments),
    /// Say what is different between how two artifacts came to be
    Diff(diff::Arguments),
    /// Say what an input went into: a source, a package, a commit
    Affected(affected::Arguments),
    /// Write everything that is needed to verify artifacts offline to one file
    Export(export::Arguments),
    /// Look for what packages should not have
    Lint(lint::Arguments),
    /// Compare the licences that sources hold with what a recipe says
    LicenseCheck(license_check::Arguments),
    /// Find anew what built packages need and provide
    Scan(scan::Arguments),
    /// Download the sources of recipes into a folder, by digest
    UpdateCache(update_cache::Arguments),
    /// Print what a recipe compiles to, as JSON
    Compile(compile::Arguments),
    /// Print a template filled from a recipe
    Query(query::Arguments),
    /// Print the name, version and epoch of a recipe's package
    PackageVersion(query::PackageVersionArguments),
    /// Make an RSA key pair for signing packages
    Keygen(keygen::Arguments),
    /// Make or extend an index of packages
    Index(index::Arguments),
    /// Sign packages in place
    Sign(sign::Arguments),
    /// Sign an index in place
    SignIndex(sign::IndexArguments),
    /// Compare versions, choose packages and install them, without building anything
    #[command(subcommand)]
    Apk(apk::Arguments),
    /// Container images out of packages, by apko's image files, and their way to registries
    Image(image::Arguments),
    /// Say what this host can give: how guests run, what their jail consists of, what to change
    Doctor(doctor::Arguments),
    /// The factory's own keys
    #[command(subcommand)]
    Keys(keys::Arguments),
    /// The signer's log
    #[command(subcommand)]
    Log(log::Arguments),
    /// The kernel that guests boot
    #[command(subcommand)]
    Kernel(kernel::Arguments),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  bessemer completions bash > /etc/bash_completion.d/bessemer"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print a JSON Schema of recipes, pipelines, image files or policies, for editors
    Schema(schema::Arguments),
    /// Print a page of `docs/reference`
    #[command(
        hide = true,
        after_help = "Example:\n  bessemer reference flags > docs/reference/flags.md"
    )]
    Reference {
        /// Which page
        #[arg(default_value = "flags")]
        page: Page,
    },
    /// Run one registered job; `build` starts this
    #[command(hide = true)]
    Worker(worker::Arguments),
}

/// A page that is written from the program.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Page {
    /// What every flag may change, and where provenance says so
    Flags,
    /// The built-in pipelines and their inputs
    Pipelines,
}

impl Arguments {
    /// The same, unless words that are right alone do not go together.
    pub(crate) fn checked(self) -> Result<Self, clap::Error> {
        let wrong = match &self.command {
            Command::Verify(arguments) => arguments.wrong(),
            Command::Apk(apk::Arguments::Version(arguments)) => arguments.wrong(),
            _ => None,
        };
        match wrong {
            None => Ok(self),
            Some(text) => Err(clap::Error::raw(
                ErrorKind::ArgumentConflict,
                format!("{text}\n"),
            )),
        }
    }
}

impl Command {
    /// Whether the command starts guests or talks to the signer, so that root must divide itself.
    pub(crate) const fn needs_services(&self) -> bool {
        if let Self::Bootstrap(bootstrap::Arguments::Debian(arguments)) = self {
            return !arguments.print_list;
        }
        if let Self::Image(arguments) = self {
            return arguments.needs_services();
        }
        self.boots_guests()
            || matches!(
                self,
                Self::Publish(_) | Self::Keys(keys::Arguments::Export(_)) | Self::Kernel(_)
            )
    }

    /// Whether the command starts guests.
    pub(crate) const fn boots_guests(&self) -> bool {
        if let Self::Verify(arguments) = self {
            return arguments.complete.complete;
        }
        matches!(
            self,
            Self::Build(_) | Self::Rebuild(_) | Self::Test(_) | Self::Worker(_)
        )
    }

    /// The key that the signer is to sign packages with, instead of its own.
    pub(crate) fn signing_key(&self) -> Option<&Path> {
        match self {
            Self::Build(arguments) => arguments.signing_key.as_deref(),
            Self::Rebuild(arguments) => arguments.signing_key.as_deref(),
            _ => None,
        }
    }

    /// Which jail its guests are to have.
    pub(crate) const fn jail(&self) -> JailChoice {
        match self {
            Self::Build(arguments) => arguments.jail,
            Self::Rebuild(arguments) => arguments.jail,
            Self::Test(arguments) => arguments.jail,
            Self::Verify(arguments) => arguments.complete.jail,
            _ => JailChoice::Auto,
        }
    }

    /// Locks that only root can take, held until the work is done.
    pub(crate) fn take_turns(&self) -> anyhow::Result<Vec<Turn>> {
        match self {
            Self::Image(arguments) => arguments.take_turns(),
            _ => Ok(Vec::new()),
        }
    }

    /// Directories the command writes to, which must belong to the uid that does the work.
    pub(crate) fn writes(&self) -> Vec<PathBuf> {
        match self {
            Self::Bootstrap(bootstrap::Arguments::Debian(arguments)) => {
                arguments.out.iter().cloned().collect()
            }
            Self::Build(arguments) => vec![arguments.out_dir.clone()],
            Self::Rebuild(arguments) => vec![arguments.out_dir.clone()],
            Self::Verify(arguments) => arguments.writes(),
            Self::Publish(arguments) => vec![arguments.repository.clone()],
            Self::Image(arguments) => arguments.writes(),
            Self::Keys(keys::Arguments::Export(arguments)) => vec![arguments.out.clone()],
            Self::Kernel(kernel::Arguments::Unpack(arguments)) => vec![arguments.out.clone()],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::definition;

    /// Commands that print no result of their own in words, and why.
    const WITHOUT_JSON: [(&str, &str); 6] = [
        ("completions", "it prints a script"),
        ("lock", "it writes JSON"),
        ("reference", "it prints a page"),
        ("schema", "it prints JSON"),
        ("unpack", "it prints nothing"),
        ("worker", "it prints JSON"),
    ];

    fn leaves(command: &clap::Command, found: &mut Vec<clap::Command>) {
        if command.has_subcommands() {
            for inner in command.get_subcommands() {
                leaves(inner, found);
            }
        } else {
            found.push(command.clone());
        }
    }

    #[test]
    fn every_command_shows_an_example_and_the_exit_statuses() {
        definition().debug_assert();
        let mut commands = Vec::new();
        leaves(&definition(), &mut commands);
        assert!(commands.len() > 15);
        for command in &mut commands {
            let name = command.get_name().to_owned();
            let help = command.render_help().to_string();
            assert!(help.contains("Example"), "{name} has no example");
            assert!(help.contains("  bessemer "), "{name}: {help}");
            assert!(help.contains(crate::exit::TEXT), "{name}: {help}");
        }
    }

    #[test]
    fn every_command_that_prints_can_print_json() {
        let mut commands = Vec::new();
        leaves(&definition(), &mut commands);
        for command in &commands {
            let name = command.get_name();
            let json = command
                .get_arguments()
                .any(|argument| argument.get_long() == Some("json"));
            let exempt = WITHOUT_JSON.iter().any(|(own, _)| *own == name);
            assert!(json != exempt, "{name}");
        }
    }
}
