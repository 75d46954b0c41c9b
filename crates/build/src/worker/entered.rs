//! Where everything that entered the build's guest comes from.
//!
//! Disks, kernel command line and messages are held against the job after the guest has gone: what
//! the job does not explain is an error. The written exceptions are those of the design: entropy,
//! the clock, calibration of the timer, and the certificate authority of the guest's proxy.

use super::Work;
use super::guest::{GuestError, HOSTNAME, folders_run, run_of};
use crate::environment::{Audit, AuditError, EnvironmentDisk, audit};
use crate::source::{Asking, disk_files};
use crate::step_script::OUTPUT;
use bessemer_attest::documents::{DiskName, GuestInputs};
use bessemer_digest::Digest;
use bessemer_erofs::{MapError, map};
use bessemer_vm::{Configuration, GuestPath, KERNEL_WORDS, Observed, Run, ToGuest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// What is in no list, by design.
const EXCEPTIONS: [&str; 4] = [
    "entropy",
    "clock",
    "timer calibration",
    "the proxy's certificate authority",
];

/// Everything that entered a build's guest, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// Digest of the environment disk, and its bytes by origin.
    pub environment: EnteredDisk,
    /// The same of the sources disk.
    pub sources: EnteredDisk,
    /// The writable disks, as they were before the start. The direct runner has no scratch disk.
    pub writable: Vec<EnteredWritable>,
    /// Each word of the kernel's command line, and who says it. None without a machine.
    pub command_line: Vec<Explained>,
    /// Each message to the guest's agent, and what it follows from.
    pub messages: Vec<Explained>,
    /// What is in no list.
    pub exceptions: Vec<&'static str>,
}

/// A disk that entered a guest. All counts are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnteredDisk {
    /// Of the whole image.
    pub sha256: Digest,
    /// Contents of files by listed item: a package, or a source's name on the disk.
    pub contents: BTreeMap<String, u64>,
    /// Names, modes, owners, and what else the writer derives from the items.
    pub derived: u64,
    /// Zeros.
    pub zeros: u64,
}

/// A writable disk that entered a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnteredWritable {
    /// Which.
    pub name: DiskName,
    /// Its size in bytes.
    pub size: u64,
    /// How many blocks of 4096 bytes were not all zero.
    pub filled: u64,
}

/// Something with its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What it is.
    pub what: String,
    /// What it follows from.
    pub from: String,
}

/// Something entered the guest that the job does not explain.
#[derive(Debug, thiserror::Error)]
pub enum EnteredError {
    /// A disk cannot be read.
    #[error("cannot read a disk of the build's guest")]
    Io(#[from] std::io::Error),
    /// The environment disk has bytes from elsewhere.
    #[error(transparent)]
    Environment(#[from] AuditError),
    /// The sources disk is not as the writer makes it.
    #[error("the sources disk is no image of this writer")]
    Map(#[from] MapError),
    /// The sources disk holds something that the lock does not list.
    #[error("{what} on the sources disk is no source that the lock lists")]
    Source {
        /// Its name there, or where it lies.
        what: String,
    },
    /// The output disk was not empty.
    #[error("{0} blocks of the output disk were not zero when the build's guest was started")]
    Output(u64),
    /// The kernel was told something else.
    #[error("`{0}` on the kernel's command line is neither Bessemer's nor the kernel package's")]
    Word(String),
    /// The guest was told something else.
    #[error("message {number} to the guest does not follow from the plan: {found}")]
    Message {
        /// From 1 on.
        number: usize,
        /// Its kind.
        found: String,
    },
    /// A path of the job is none inside a guest.
    #[error("`{0}` is no path inside a guest")]
    Path(String),
}

/// What a guest was given, as its host has it.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) environment: &'a EnvironmentDisk,
    /// The sources disk.
    pub(super) sources: &'a Path,
    pub(super) observed: &'a Observed,
    pub(super) sent: &'a [ToGuest],
    /// The same as the record has it, with the writable disks of before the start.
    pub(super) inputs: &'a GuestInputs,
}

/// Explains all of it.
pub(super) fn entered(work: &Work<'_>, given: &Given<'_>) -> Result<Entered, EnteredError> {
    let environment = given.environment;
    let found = audit(&File::open(&environment.path)?, &work.packages)?;
    Ok(Entered {
        environment: of_packages(environment.digest, found),
        sources: of_sources(work, given.sources)?,
        writable: writable(given.inputs)?,
        command_line: command_line(work, given.observed)?,
        messages: messages(given.sent, expected(work)?)?,
        exceptions: EXCEPTIONS.to_vec(),
    })
}

/// The scratch disk is made anew from its size, so that another run has the same to compare; on the
/// output disk there must be nothing.
fn writable(inputs: &GuestInputs) -> Result<Vec<EnteredWritable>, EnteredError> {
    let mut list = Vec::new();
    for name in [DiskName::Scratch, DiskName::Output] {
        let Some(disk) = inputs.disk(name) else {
            continue;
        };
        let filled = disk.filled.as_ref().map_or(0, |filled| filled.count);
        if name == DiskName::Output && filled > 0 {
            return Err(EnteredError::Output(filled));
        }
        list.push(EnteredWritable {
            name,
            size: disk.size,
            filled,
        });
    }
    Ok(list)
}

fn of_packages(sha256: Digest, found: Audit) -> EnteredDisk {
    EnteredDisk {
        sha256,
        contents: found.packages,
        derived: found.structure + found.database,
        zeros: found.zeros,
    }
}

/// Every file of the disk must be what the lock says under its name, and there must be no other.
fn of_sources(work: &Work<'_>, path: &Path) -> Result<EnteredDisk, EnteredError> {
    let image = File::open(path)?;
    let map = map(&image)?;
    let (sha256, size) = Digest::of_reader(File::open(path)?)?;
    let listed = disk_files(
        Asking::Build,
        &work.job.plan,
        &work.job.lock.sources,
        work.sources.store,
        work.source_directory.as_deref(),
    );
    let listed: BTreeMap<&str, Digest> = listed
        .iter()
        .map(|file| (file.name.as_str(), file.sha256))
        .collect();
    let unlisted = |what: String| EnteredError::Source { what };
    if let Some(range) = map.unreached.first() {
        return Err(unlisted(format!("byte {}", range.start)));
    }
    let mut contents = BTreeMap::new();
    for file in &map.files {
        let found = content(path, &file.content)?;
        let [name] = file.paths.as_slice() else {
            return Err(unlisted(file.paths.join(", ")));
        };
        if listed.get(name.as_str()) != Some(&found) {
            return Err(unlisted(name.clone()));
        }
        contents.insert(name.clone(), file.content.end - file.content.start);
    }
    let zeros = size - map.structure - contents.values().sum::<u64>();
    Ok(EnteredDisk {
        sha256,
        contents,
        derived: map.structure,
        zeros,
    })
}

fn content(path: &Path, range: &std::ops::Range<u64>) -> std::io::Result<Digest> {
    use std::io::{Read as _, Seek as _};
    let mut file = File::open(path)?;
    file.seek(std::io::SeekFrom::Start(range.start))?;
    Ok(Digest::of_reader(file.take(range.end - range.start))?.0)
}

fn command_line(work: &Work<'_>, observed: &Observed) -> Result<Vec<Explained>, EnteredError> {
    let package = work.job.lock.boot.package.as_ref();
    let package = package.map_or_else(String::new, |it| format!("{}-{}", it.name, it.version));
    let descriptor = work.tools.bundle().descriptor();
    let own = descriptor.map_or(&[][..], |kernel| kernel.cmdline.as_slice());
    let words = observed.command_line.split_whitespace();
    words
        .map(|word| {
            let from = if KERNEL_WORDS.contains(&word) {
                "bessemer".to_owned()
            } else if own.iter().any(|it| it == word) {
                package.clone()
            } else {
                return Err(EnteredError::Word(word.to_owned()));
            };
            let what = word.to_owned();
            Ok(Explained { what, from })
        })
        .collect()
}

/// The conversation as it follows from plan and job spec, with the origin of each message.
fn expected(work: &Work<'_>) -> Result<Vec<(String, ToGuest)>, EnteredError> {
    let plan = &work.job.plan;
    let path = |text: &str| GuestPath::new(text).map_err(|_| EnteredError::Path(text.to_owned()));
    let configuration = Configuration {
        environment: work.variables(&plan.environment),
        hostname: HOSTNAME.to_owned(),
        clock: None,
        network: None,
    };
    let mut list = vec![
        (
            "the recipe's variables and the source date".to_owned(),
            ToGuest::Configure(configuration),
        ),
        (
            "names of the recipe's packages".to_owned(),
            ToGuest::Run(folders_run(work.folders()).map_err(|error| no_path(&error))?),
        ),
    ];
    let debug = work.job.spec.external_parameters.debug;
    for step in work.build_steps() {
        let from = step.uses.as_ref();
        let from = from.map_or_else(|| "recipe".to_owned(), |uses| format!("pipeline {uses}"));
        let run: Run = run_of(step, debug, work.step_seconds()).map_err(|error| no_path(&error))?;
        list.push((from, ToGuest::Run(run)));
    }
    list.push(("bessemer".to_owned(), ToGuest::Archive(vec![path(OUTPUT)?])));
    list.push(("bessemer".to_owned(), ToGuest::PowerOff));
    Ok(list)
}

fn no_path(error: &GuestError) -> EnteredError {
    EnteredError::Path(error.to_string())
}

fn messages(
    sent: &[ToGuest],
    expected: Vec<(String, ToGuest)>,
) -> Result<Vec<Explained>, EnteredError> {
    let mut found = Vec::new();
    let mut expected = expected.into_iter();
    for (index, message) in sent.iter().enumerate() {
        let wrong = || EnteredError::Message {
            number: index + 1,
            found: kind(message),
        };
        let (from, wanted) = expected.next().ok_or_else(wrong)?;
        if without_exceptions(message) != wanted {
            return Err(wrong());
        }
        let what = kind(message);
        found.push(Explained { what, from });
    }
    match expected.next() {
        None => Ok(found),
        Some((_, message)) => Err(EnteredError::Message {
            number: sent.len() + 1,
            found: format!("{} is missing", kind(&message)),
        }),
    }
}

fn without_exceptions(message: &ToGuest) -> ToGuest {
    match message {
        ToGuest::Configure(configuration) => ToGuest::Configure(Configuration {
            clock: None,
            network: None,
            ..configuration.clone()
        }),
        other => other.clone(),
    }
}

fn kind(message: &ToGuest) -> String {
    match message {
        ToGuest::Configure(_) => "configure".to_owned(),
        ToGuest::Run(run) => format!("run {}", run.id),
        ToGuest::Shell(_) => "shell".to_owned(),
        ToGuest::Input(_) => "input".to_owned(),
        ToGuest::Archive(_) => "archive".to_owned(),
        ToGuest::PowerOff => "power off".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Vec<(String, ToGuest)> {
        let variables = [("A".to_owned(), "1".to_owned())].into();
        let configuration = Configuration {
            environment: variables,
            hostname: HOSTNAME.to_owned(),
            ..Configuration::default()
        };
        [ToGuest::Configure(configuration), ToGuest::PowerOff]
            .map(|message| ("somewhere".to_owned(), message))
            .to_vec()
    }

    fn sent() -> Vec<ToGuest> {
        let mut sent: Vec<ToGuest> = conversation().into_iter().map(|(_, it)| it).collect();
        if let ToGuest::Configure(configuration) = &mut sent[0] {
            configuration.clock = Some(1);
        }
        sent
    }

    #[test]
    fn the_conversation_of_the_plan_is_explained_whatever_the_clock_says() {
        let found = messages(&sent(), conversation()).unwrap();
        assert_eq!(found[1].what, "power off");
        assert_eq!(found[1].from, "somewhere");
    }

    #[test]
    fn nothing_more_less_or_else_is_said() {
        let error = |sent: &[ToGuest]| messages(sent, conversation()).unwrap_err().to_string();
        let mut more = sent();
        more.insert(1, ToGuest::Archive(Vec::new()));
        assert_eq!(
            error(&more),
            "message 2 to the guest does not follow from the plan: archive"
        );
        assert!(error(&sent()[..1]).contains("power off is missing"));
        let mut other = sent();
        if let ToGuest::Configure(configuration) = &mut other[0] {
            configuration
                .environment
                .insert("B".to_owned(), "2".to_owned());
        }
        assert!(error(&other).contains("message 1"));
    }
}
