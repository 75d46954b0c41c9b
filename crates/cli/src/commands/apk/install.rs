//! `bessemer apk install`.

mod sources;
mod target;

use crate::fetching::FetchArguments;
use crate::print::Progress;
use crate::{exit, package_file, print};
use anyhow::{Context as _, Result};
use bessemer_apk::install::{AddError, Assembly, Contents, System};
use bessemer_apk::package::{Reader, Summary};
use bessemer_apk::solver::{Chosen, Solver, Unsolvable};
use bessemer_apk::{IndexEntry, Limits};
use bessemer_build::{Event, Reporter as _};
use bessemer_store::Uri;
use serde_json::{Value, json};
use sources::Sources;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use target::Made;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer apk install --root newroot -r packages -k local.rsa.pub busybox\n  bessemer apk install --tar layer.tar -r packages -r '@edge edge' -k local.rsa.pub busybox curl@edge\n  bessemer apk install --erofs disk.erofs -k local.rsa.pub ./hello-1.0-r0.apk\n  bessemer apk install --root alpine -r https://dl-cdn.alpinelinux.org/alpine/v3.20/main alpine-base"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Repository that packages come from, a folder or URL with `<architecture>/APKINDEX.tar.gz`,
    /// earlier ones first; `@tag DIR` is for constraints with that tag; may be repeated
    #[arg(
        short,
        long = "repository",
        alias = "repository-append",
        value_name = "DIR|URL"
    )]
    repositories: Vec<super::indexes::Named>,
    /// Index whose packages lie beside it; `@tag FILE` as above; may be repeated
    #[arg(short, long = "index", value_name = "FILE|URL")]
    indexes: Vec<super::indexes::Named>,
    /// Public key that signs the indexes and the package files; may be repeated
    #[arg(short, long = "keyring-append", value_name = "FILE|URL")]
    keys: Vec<Uri>,
    /// Trust no key that was not named: without this, an index of a server that no known key signed
    /// is checked with the keys that Alpine, or that server, publishes for it over TLS
    #[arg(long)]
    no_key_discovery: bool,
    #[command(flatten)]
    fetching: FetchArguments,
    /// Take indexes and package files without looking at their signatures
    #[arg(long)]
    allow_untrusted: bool,
    /// Architecture; by default that of the indexes, or this machine's
    #[arg(short, long, value_name = "ARCH")]
    arch: Option<String>,
    /// What can meet `install_if`: `dependencies`, what one constraint depends on, as apko; `all`,
    /// everything that is installed, as apk
    #[arg(long, value_enum, default_value = "dependencies")]
    install_if: super::solve::Rule,
    /// What to install: `name`, `name>=1.2`, `name@tag`, `!name`, or a package file, `./name.apk`
    #[arg(required = true)]
    world: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Where the packages go.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct TargetArguments {
    /// Directory to install into, which is not there yet or is empty
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Tar archive to write, as layers of images are
    #[arg(long, value_name = "FILE")]
    tar: Option<PathBuf>,
    /// erofs image to write
    #[arg(long, value_name = "FILE")]
    erofs: Option<PathBuf>,
}

/// Chooses packages, checks them, and installs them: all of them, or nothing changes.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let target = arguments.target.checked()?;
    let sources = Sources::open(arguments)?;
    let repositories = sources.repositories();
    let solver = Solver::new(&repositories).install_if(arguments.install_if.into());
    let chosen = match solver.solve(&sources.world) {
        Ok(chosen) => chosen,
        Err(error) => return refused(&sources.arch, error, arguments.json),
    };
    let installer = Installer {
        sources: &sources,
        chosen: &chosen,
    };
    let made = target.make(&installer)?;
    say_left(&made);
    if arguments.json {
        print::json(&result(&target, &sources, &chosen, &made))?;
        return Ok(ExitCode::SUCCESS);
    }
    let packages = print::count(chosen.len(), "package");
    let path = target.path().display();
    print::line(format_args!("{packages} in {path}"))?;
    Ok(ExitCode::SUCCESS)
}

fn refused(arch: &str, error: Unsolvable, as_json: bool) -> Result<ExitCode> {
    if !as_json {
        return Err(error.into());
    }
    let found = json!({"arch": arch, "reasons": error.reasons});
    print::failure(&error.into());
    print::json(&found)?;
    Ok(ExitCode::from(exit::ERROR))
}

/// What goes into a target.
struct Installer<'a> {
    sources: &'a Sources,
    chosen: &'a [Chosen<'a>],
}

impl Installer<'_> {
    /// Reads and checks every package.
    fn assemble<S: Contents>(&self, contents: S) -> Result<(Assembly<S>, Vec<Summary>)> {
        let mut assembly = Assembly::new(contents);
        let paths = self.sources.package_paths(self.chosen)?;
        let mut progress = Progress::new(true);
        let mut summaries = Vec::new();
        for ((chosen, path), number) in self.chosen.iter().zip(&paths).zip(1..) {
            let total = self.chosen.len();
            let name = package_name(chosen.entry);
            progress.report(Event::Stage {
                name: "install",
                detail: &format!("{name} ({number} of {total})"),
            });
            summaries.push(self.add(&mut assembly, chosen, path)?);
        }
        Ok((assembly, summaries))
    }

    fn add<S: Contents>(
        &self,
        assembly: &mut Assembly<S>,
        chosen: &Chosen<'_>,
        path: &Path,
    ) -> Result<Summary> {
        let input = BufReader::with_capacity(256 << 10, package_file::open(path)?);
        let reader = Reader::open(input, Limits::default());
        let reader = reader.with_context(|| format!("{} is no package", path.display()))?;
        let tag = self.sources.tag(chosen);
        let added: Result<Summary, AddError> = assembly.add(reader, chosen.entry, tag);
        Ok(added?)
    }

    fn system(&self) -> &System {
        &self.sources.system
    }
}

fn package_name(entry: &IndexEntry) -> String {
    format!("{}-{}", entry.name, entry.version)
}

/// Says what could not be done, once for each kind.
fn say_left(made: &Made) {
    let Some(report) = &made.report else {
        return;
    };
    for (left, what) in [
        (
            &report.owners,
            "belong to you instead of their owner, without setuid and setgid; apk's database has the owners; root can set them",
        ),
        (
            &report.devices,
            "are devices and were not made; root can make them",
        ),
        (
            &report.attributes,
            "lack extended attributes, which this user or this file system does not allow",
        ),
    ] {
        if let Some(first) = &left.first {
            let count = left.count;
            print::note(&format!("{count} of the entries (first {first}) {what}"));
        }
    }
}

fn result(target: &target::Target, sources: &Sources, chosen: &[Chosen<'_>], made: &Made) -> Value {
    let package = |(chosen, summary): (&Chosen<'_>, &Summary)| {
        let entry = chosen.entry;
        json!({
            "name": entry.name,
            "version": entry.version.as_str(),
            "arch": entry.arch,
            "sha256": summary.file_sha256,
            "size": summary.file_size,
        })
    };
    let packages = chosen.iter().zip(&made.packages).map(package);
    let mut value = json!({
        target.kind(): target.path(),
        "arch": sources.arch,
        "packages": packages.collect::<Vec<_>>(),
    });
    if let Some(sha256) = &made.sha256 {
        value["sha256"] = json!(sha256);
    }
    if let Some(report) = &made.report {
        value["entries"] = report.entries.into();
        value["left"] = json!({
            "owners": report.owners.count,
            "devices": report.devices.count,
            "attributes": report.attributes.count,
        });
    }
    value
}
