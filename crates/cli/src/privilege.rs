//! Started as root, `bessemer` divides itself: the jailer keeps the privilege and takes nothing but
//! launch requests; the signer gets a uid of its own; everything else runs under an ordinary uid.

pub(crate) mod directories;

use crate::arguments::Arguments;
use crate::exit;
use crate::folders::file_in_the_way;
use crate::places::Places;
use crate::print::Hint;
use crate::services::{Inherited, Services};
use crate::uids;
use anyhow::{Context, Result, anyhow, bail};
use directories::{Given, Made};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

/// Whether this process is root and has not divided itself yet.
pub(crate) fn must_divide(arguments: &Arguments) -> bool {
    arguments.inherited.is_none()
        && arguments.command.needs_services()
        && rustix::process::geteuid().is_root()
}

/// Prepares directories and services, runs the same command under the ordinary uid, and waits.
pub(crate) fn divide(arguments: &Arguments) -> Result<ExitCode> {
    let places = Places::of(true)?;
    lasting(&places.cache)?;
    let mut made = Made::default();
    for directory in arguments.command.writes() {
        give(&std::path::absolute(&directory)?, &mut made)?;
    }
    let turns = arguments.command.take_turns()?;
    let mut services = Services::start(
        &places,
        Some((uids::CONTROL, uids::SIGNER)),
        arguments.command.signing_key(),
        arguments.command.jail(),
    )?;
    if arguments.command.boots_guests() {
        services.probe();
    }
    let mut child = Command::new(std::env::current_exe()?)
        // In front: behind a `--` it would be taken for an argument of the command.
        .arg("--inherited")
        .arg(services.inherited().to_string())
        .args(std::env::args_os().skip(1))
        .env("HOME", &places.cache)
        .env("XDG_CACHE_HOME", "/var/cache")
        .env("XDG_RUNTIME_DIR", "/run")
        .env_remove("COSIGN_PASSWORD")
        .uid(uids::CONTROL)
        .gid(uids::CONTROL)
        .spawn()
        .context("cannot start the control side under its own uid")?;
    forward_signals(child.id())?;
    let status = child.wait()?;
    drop(services);
    drop(turns);
    if status.success() {
        made.keep();
    }
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => Ok(ExitCode::from(code)),
        None if interrupted(status) => Ok(ExitCode::from(exit::INTERRUPTED)),
        None => bail!("the process that did the work ended with {status}"),
    }
}

/// Whether somebody ended the process on purpose.
fn interrupted(status: ExitStatus) -> bool {
    use signal_hook::consts::{SIGINT, SIGTERM};
    matches!(status.signal(), Some(SIGINT | SIGTERM))
}

/// In a process that another one started: has a session of its own, and so no terminal in common
/// with root's shell, into which it could type otherwise.
pub(crate) fn leave_session(arguments: &Arguments) {
    if arguments.inherited.is_some() {
        // Refused only to one that leads a group already; whoever divides starts none of these.
        let _ = rustix::process::setsid();
    }
}

/// In the divided process: end when the privileged parent ends, however it ends.
pub(crate) fn bind_to_parent(inherited: &Inherited) -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent != Some(inherited.parent) {
        bail!("the process that started this one is gone");
    }
    Ok(())
}

/// Makes a directory that the control side may write to. One that exists and holds somebody's files
/// keeps its owner: a mistyped path must not give away `/tmp` or `/usr`.
fn give(directory: &Path, made: &mut Made) -> Result<()> {
    if let Some(file) = file_in_the_way(directory) {
        bail!("{} is a file, and a folder is needed", file.display());
    }
    let given = directories::give(directory, uids::CONTROL, made).with_context(|| {
        format!(
            "cannot give {} to uid {}",
            directory.display(),
            uids::CONTROL
        )
    })?;
    if let Given::No(owner) = given {
        let control = uids::CONTROL;
        let error = anyhow!(
            "{} belongs to uid {owner}, and work started as root is done as uid {control}",
            directory.display()
        );
        return Err(error.context(Hint(format!(
            "choose another directory, or give it away yourself: chown -R {control}:{control} DIRECTORY"
        ))));
    }
    Ok(())
}

/// The same, and it stays while it is empty, whatever becomes of the work.
fn lasting(directory: &Path) -> Result<()> {
    let mut made = Made::default();
    give(directory, &mut made)?;
    made.keep();
    Ok(())
}

/// Passes an interrupt or a request to end on to the process that does the work.
fn forward_signals(child: u32) -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    let pid = i32::try_from(child)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    std::thread::spawn(move || {
        for _ in &mut signals {
            if let Some(pid) = pid {
                // It may have ended by itself in this very moment.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_files_in_it_is_not_given_away() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("letter"), "").unwrap();
        let error = give(folder.path(), &mut Made::default()).unwrap_err();
        let hint = error.downcast_ref::<Hint>().unwrap();
        assert!(hint.0.starts_with("choose another directory"), "{error:#}");
        assert!(error.root_cause().to_string().contains("belongs to uid"));
    }

    #[test]
    #[ignore = "needs root: run through cargo xtask test"]
    fn the_cache_of_a_new_host_is_there_for_the_work() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache/bessemer");
        lasting(&cache).unwrap();
        assert_eq!(fs_err::metadata(&cache).unwrap().uid(), uids::CONTROL);
    }
}
