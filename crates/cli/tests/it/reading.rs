//! Packages and index, through our reader and through plain `tar`.

use crate::fixture::{FILES, tiny};
use bessemer_apk::package::Reader;
use bessemer_apk::{EntryKind, Limits, read_index};
use bessemer_testkit::{Outcome, Workshop, variable};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What an entry is, its permission bits, and its content or target.
type Tree = BTreeMap<String, (char, u32, Vec<u8>)>;

fn tar(words: &[&str], archive: &Path) -> Outcome {
    let mut command = Command::new("tar");
    command.args(["--warning=no-unknown-keyword"]).args(words);
    let outcome = Outcome::of(command.arg("-f").arg(archive), Duration::from_secs(60));
    outcome.expect(0);
    outcome
}

/// Unpacks an apk's files: what stands at the top with a dot is the package's own.
pub(crate) fn unpack(apk: &Path, root: &Path) {
    fs::create_dir_all(root).unwrap();
    let root = root.to_str().unwrap();
    let words = ["-xz", "--no-same-owner", "-C", root, "--exclude=.[A-Za-z]*"];
    tar(&words, apk);
}

fn through_our_reader(apk: &Path) -> Tree {
    let file = BufReader::new(File::open(apk).unwrap());
    let mut reader = Reader::open(file, Limits::default()).unwrap();
    let mut tree = Tree::new();
    while let Some(mut data) = reader.next_entry().unwrap() {
        let path = data.entry.path.to_string();
        let mode = data.entry.mode & 0o7777;
        let seen = match &data.entry.kind {
            EntryKind::Directory => ('d', mode, Vec::new()),
            EntryKind::Symlink { target } => ('l', 0o777, target.clone().into_bytes()),
            EntryKind::File { .. } => {
                let mut content = Vec::new();
                data.read_to_end(&mut content).unwrap();
                ('f', mode, content)
            }
            other => panic!("{path}: {other:?}"),
        };
        tree.insert(path, seen);
    }
    reader.finish().unwrap();
    tree
}

fn on_disk(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.permissions().mode() & 0o7777;
            let seen = if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string();
                ('l', 0o777, target.into_encoded_bytes())
            } else if metadata.is_dir() {
                folders.push(path.clone());
                ('d', mode, Vec::new())
            } else {
                ('f', mode, fs::read(&path).unwrap())
            };
            let relative = path.strip_prefix(root).unwrap();
            tree.insert(relative.to_str().unwrap().to_owned(), seen);
        }
    }
    tree
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn packages_read_the_same_through_our_reader_and_through_tar() {
    for file in FILES {
        let apk = tiny().builds[0].join(file);
        let ours = through_our_reader(&apk);
        assert!(ours.values().any(|entry| entry.0 == 'f'), "{ours:?}");
        let workshop = Workshop::new();
        unpack(&apk, &workshop.at("root"));
        assert_eq!(ours, on_disk(&workshop.at("root")), "{file}");

        let listing = tar(&["-tz"], &apk).stdout;
        let listed: Vec<&str> = listing
            .lines()
            .map(|line| line.trim_end_matches('/'))
            .collect();
        assert!(listed[0].starts_with(".SIGN.RSA256."), "{listed:?}");
        assert!(listed.contains(&".PKGINFO"), "{listed:?}");
        let mut listed: Vec<_> = listed
            .into_iter()
            .filter(|line| !line.starts_with('.'))
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, ours.keys().collect::<Vec<_>>(), "{file}");
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_index_names_what_the_repository_holds() {
    let repository = &tiny().repositories[0];
    let path = repository.join("APKINDEX.tar.gz");
    let archive = read_index(&fs::read(&path).unwrap(), Limits::default()).unwrap();
    assert_eq!(archive.signatures.len(), 1);
    let text = tar(&["-xzO", "APKINDEX"], &path).stdout;
    assert_eq!(archive.index.entries.len(), FILES.len());
    for (entry, file) in archive.index.entries.iter().zip(FILES) {
        assert_eq!(entry.file_name(), file);
        let apk = repository.join(file);
        assert_eq!(entry.size, fs::metadata(&apk).unwrap().len());
        let reader = Reader::open(BufReader::new(File::open(&apk).unwrap()), Limits::default());
        let control = &reader.unwrap().header().control.clone();
        let expected = bessemer_apk::IndexEntry::from_package(control, entry.size);
        assert_eq!(entry, &expected);
        assert!(
            text.contains(&format!("P:{}\nV:{}\n", entry.name, entry.version)),
            "{text}"
        );
        assert!(text.contains(&format!("S:{}\n", entry.size)), "{text}");
    }
}

/// A root of what the script needs, unpacked with `tar`, with or without the package.
fn printed_by_tiny(with_it: bool) -> Outcome {
    let workshop = Workshop::new();
    let root = workshop.folder("root");
    let repository = variable("BESSEMER_TEST_REPOSITORY").join(crate::commands::ARCH);
    for name in [
        "bessemer-base-layout-",
        "bash-",
        "libtinfo6-",
        "coreutils-",
        "libc6-2",
    ] {
        let files = crate::commands::names(&repository, ".apk");
        let file = files.iter().find(|file| file.starts_with(name));
        unpack(
            &repository.join(file.unwrap_or_else(|| panic!("no {name}"))),
            &root,
        );
    }
    if with_it {
        unpack(&tiny().builds[0].join(FILES[0]), &root);
    }
    let mut command = Command::new("chroot");
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        command = Command::new("unshare");
        command.args(["--map-root-user", "chroot"]);
    }
    let words = ["/bin/sh", "-c", "exec tiny"];
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .arg(&root)
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(20))
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_was_built_runs_from_an_unpacked_root() {
    let outcome = printed_by_tiny(true);
    assert_eq!(outcome.stdout, "Hello from a microVM\n", "{outcome}");
    outcome.expect(0);
    // The root's own shell says so: the program came from the package and from nowhere else.
    printed_by_tiny(false).expect(127);
}
