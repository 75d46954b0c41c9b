use super::{Given, Made, SEARCHABLE, fresh, give, keep, private};
use crate::uids::{CONTROL, SIGNER};
use rustix::fs::Mode;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().uid()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A folder and, in it, `victim`: an empty directory that must stay root's; and `theirs`.
fn folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let [victim, theirs] = ["victim", "theirs"].map(|name| folder.path().join(name));
    for path in [&victim, &theirs] {
        fs::create_dir(path).unwrap();
    }
    chown(&theirs, Some(CONTROL), Some(CONTROL)).unwrap();
    (folder, victim, theirs)
}

/// Gives it, and leaves what was made.
fn gift(path: &Path, to: u32) -> std::io::Result<Given> {
    let mut made = Made::default();
    let given = give(path, to, &mut made);
    made.keep();
    given
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn what_was_made_for_a_command_that_fails_goes_while_it_is_empty() {
    let (folder, _, theirs) = folders();
    let path = folder.path().join("a/b");
    for kept in [false, true] {
        let mut made = Made::default();
        give(&path, CONTROL, &mut made).unwrap();
        give(&theirs, CONTROL, &mut made).unwrap();
        if kept {
            fs::write(path.join("log"), "").unwrap();
        }
        drop(made);
        assert_eq!(folder.path().join("a").exists(), kept);
        assert!(theirs.exists());
    }
}

#[test]
fn nothing_is_made_below_what_the_receiver_owns() {
    let folder = tempfile::tempdir().unwrap();
    let own = rustix::process::geteuid().as_raw();
    let below = folder.path().join("a/b");
    assert_eq!(gift(&below, own).unwrap(), Given::Left);
    assert!(!folder.path().join("a").exists());
}

#[test]
fn a_file_is_no_directory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = gift(file.path(), CONTROL).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
}

#[test]
fn a_directory_for_a_socket_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let own = rustix::process::geteuid().as_raw();
    let path = folder.path().join("signer-1");
    fresh(&path, own, SEARCHABLE).unwrap();
    assert_eq!(mode(&path), 0o711);
    let error = fresh(&path, own, SEARCHABLE).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    private(&path, own, Mode::RWXU).unwrap();
    assert_eq!(mode(&path), 0o700);
}

#[test]
fn no_link_is_taken_for_a_private_directory() {
    let folder = tempfile::tempdir().unwrap();
    let own = rustix::process::geteuid().as_raw();
    let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
    fs::create_dir(&victim).unwrap();
    symlink(&victim, &link).unwrap();
    let before = mode(&victim);
    private(&link, own, Mode::empty()).unwrap_err();
    fresh(&link, own, Mode::empty()).unwrap_err();
    keep(&link, own).unwrap_err();
    assert_eq!(mode(&victim), before);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn missing_directories_are_made_and_the_last_is_given() {
    let (folder, _, _) = folders();
    let path = folder.path().join("a/../a/b");
    assert_eq!(gift(&path, CONTROL).unwrap(), Given::Yes);
    let made = folder.path().join("a");
    assert_eq!((owner(&made), owner(&made.join("b"))), (0, CONTROL));
    assert_eq!(gift(&path, CONTROL).unwrap(), Given::Yes);
    // Through a link of root's.
    symlink("a", folder.path().join("link")).unwrap();
    let path = folder.path().join("link/c");
    assert_eq!(gift(&path, CONTROL).unwrap(), Given::Yes);
    assert_eq!(owner(&made.join("c")), CONTROL);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn links_of_the_control_side_give_nothing_away() {
    let (folder, victim, theirs) = folders();
    let planted = theirs.join("planted");
    symlink(&victim, &planted).unwrap();
    let lone = folder.path().join("lone");
    symlink(&victim, &lone).unwrap();
    lchown(&lone, Some(CONTROL), Some(CONTROL)).unwrap();
    for path in [planted.clone(), planted.join("new"), lone.clone()] {
        assert_eq!(gift(&path, CONTROL).unwrap(), Given::Left);
    }
    assert_eq!(owner(&victim), 0);
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    // Root's own directory below theirs, reached through no link.
    let below = theirs.join("of-root");
    fs::create_dir(&below).unwrap();
    assert_eq!(gift(&below.join("new"), CONTROL).unwrap(), Given::Yes);
    assert_eq!(owner(&below), 0);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn links_swapped_in_at_any_moment_give_nothing_away() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (_folder, victim, theirs) = folders();
    let (path, other) = (theirs.join("out"), theirs.join("other"));
    symlink(&victim, &path).unwrap();
    fs::create_dir(&other).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, &path, rustix::fs::CWD, &other, flags)
                    .unwrap();
            }
        });
        for _ in 0..2000 {
            // An entry that changes between two looks is an error, and harmless.
            let _ = gift(&path, CONTROL);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(owner(&victim), 0);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn a_directory_that_was_given_away_is_taken_back() {
    let (_folder, victim, theirs) = folders();
    let [live, planted, foreign] =
        ["signer-1", "signer-2", "signer-3"].map(|name| theirs.join(name));
    for (path, uid) in [(&live, SIGNER), (&foreign, CONTROL)] {
        fs::create_dir(path).unwrap();
        chown(path, Some(uid), Some(uid)).unwrap();
    }
    symlink(&victim, &planted).unwrap();
    symlink(&victim, foreign.join("inner")).unwrap();
    fs::write(victim.join("letter"), "").unwrap();
    keep(&theirs, SIGNER).unwrap();
    assert_eq!((owner(&theirs), mode(&theirs)), (0, 0o711));
    let left: Vec<_> = fs::read_dir(&theirs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [live]);
    assert!(victim.join("letter").exists());
    assert_eq!((owner(&victim), mode(&victim)), (0, 0o755));
    // And a directory for a socket in it is the signer's.
    let socket = theirs.join("signer-4");
    fresh(&socket, SIGNER, SEARCHABLE).unwrap();
    assert_eq!((owner(&socket), mode(&socket)), (SIGNER, 0o711));
}
