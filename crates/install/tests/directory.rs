//! Trees on disk: what becomes of each kind of entry, and that nothing leaves the directory.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use bessemer_apk::install::{Contents as _, InstalledPackage, Item, Root};
use bessemer_apk::{Entry, EntryKind, EntryPath, IndexEntry, Version};
use bessemer_install::{Report, StagedFile, Staging, WriteTreeError};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// A staging directory with a package to put files into, and a directory outside of it.
struct Setting {
    directory: TempDir,
    staging: Staging,
    root: Root<StagedFile>,
    package: usize,
}

impl Setting {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["staging", "outside"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let staging = Staging::new(&directory.path().join("staging")).unwrap();
        let mut root = Root::new();
        let entry = IndexEntry::new("a", Version::new("1-r0"));
        let package = root.add_package(InstalledPackage::new(entry));
        Self {
            directory,
            staging,
            root,
            package,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn add(&mut self, entry: Entry, content: &[u8]) {
        let content = self.staging.keep(&mut &*content, content.len() as u64);
        let item = Item {
            mtime: 1_234_567_890,
            content: Some(content.unwrap()),
            ..entry.into()
        };
        self.root.insert(self.package, item).unwrap();
    }

    fn file(&mut self, name: &str, mode: u32) {
        self.add(Entry::file(path(name), 4, mode), b"text");
    }

    fn write(&mut self) -> Result<Report, WriteTreeError> {
        self.staging.write(std::mem::take(&mut self.root))
    }

    /// Writes the tree and puts it in its place.
    fn publish(mut self) -> (Report, TempDir, PathBuf) {
        let report = self.write().unwrap();
        let target = self.at("target");
        self.staging.publish(&target).unwrap();
        (report, self.directory, target)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn each_kind_of_entry_is_made_with_its_metadata() {
    let mut setting = Setting::new();
    let mut private = Entry::directory(path("home/alice"));
    (private.uid, private.gid, private.mode) = (1000, 100, 0o2750);
    setting.add(private, b"");
    let mut owned = Entry::file(path("home/alice/file"), 4, 0o600);
    (owned.uid, owned.gid) = (1000, 100);
    setting.add(owned, b"hers");
    setting.file("usr/bin/tool", 0o4755);
    let target = path("usr/bin/tool");
    setting.add(
        Entry::new(path("usr/bin/z"), EntryKind::Hardlink { target }, 0o755),
        b"",
    );
    setting.add(Entry::symlink(path("usr/bin/link"), "/nowhere"), b"");
    setting.add(Entry::new(path("run/pipe"), EntryKind::Fifo, 0o620), b"");
    let null = EntryKind::CharDevice { major: 1, minor: 3 };
    setting.add(Entry::new(path("dev/null"), null, 0o666), b"");
    let mut closed = Entry::directory(path("closed"));
    closed.mode = 0o555;
    setting.add(closed, b"");
    setting.file("closed/file", 0o400);

    let (report, _directory, target) = setting.publish();
    let metadata = |name: &str| fs::symlink_metadata(target.join(name)).unwrap();
    let mode = |name: &str| metadata(name).mode() & 0o7777;
    assert_eq!(fs::read(target.join("home/alice/file")).unwrap(), b"hers");
    for (name, expected) in [
        ("home/alice", 0o2750),
        ("home/alice/file", 0o600),
        ("run/pipe", 0o620),
        ("closed", 0o555),
        ("closed/file", 0o400),
        ("usr/bin", 0o755),
        ("", 0o755),
    ] {
        assert_eq!(mode(name), expected, "{name}");
    }
    for name in [
        "home/alice",
        "home/alice/file",
        "usr/bin/tool",
        "usr/bin/link",
        "closed",
    ] {
        assert_eq!(metadata(name).mtime(), 1_234_567_890, "{name}");
    }
    assert_eq!(metadata("usr/bin/tool").ino(), metadata("usr/bin/z").ino());
    assert!(metadata("run/pipe").file_type().is_fifo());
    let link = fs::read_link(target.join("usr/bin/link")).unwrap();
    assert_eq!(link, Path::new("/nowhere"));
    let owner = |name: &str| (metadata(name).uid(), metadata(name).gid());
    if is_root() {
        assert_eq!(mode("usr/bin/tool"), 0o4755);
        assert_eq!(owner("home/alice/file"), (1000, 100));
        assert_eq!(owner("usr/bin/link"), (0, 0));
        assert_eq!(report.owners.count, 0);
    } else {
        assert_eq!(
            mode("usr/bin/tool"),
            0o755,
            "a setuid program of somebody else"
        );
        // Directories come last.
        assert_eq!(report.owners.first, Some(path("closed/file")));
        assert_eq!(report.devices.first, Some(path("dev/null")));
    }
    if report.devices.count == 0 {
        assert_eq!(metadata("dev/null").rdev(), rustix::fs::makedev(1, 3));
        assert_eq!(mode("dev/null"), 0o666);
    }
}

#[test]
fn attributes_are_set_after_what_would_take_them() {
    let mut setting = Setting::new();
    let mut capable = Entry::file(path("ping"), 4, 0o755);
    capable.uid = 1000;
    // Revision 2, CAP_NET_RAW, effective.
    let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let name = "security.capability";
    capable.xattrs.insert(name.into(), value.clone());
    setting.add(capable, b"ping");
    let (report, _directory, target) = setting.publish();
    if report.attributes.count > 0 {
        assert_eq!(report.attributes.first, Some(path("ping")));
        return;
    }
    let mut buffer = [0; 64];
    let count = rustix::fs::getxattr(target.join("ping"), name, &mut buffer[..]).unwrap();
    assert_eq!(buffer[..count], value);
}

#[test]
fn a_link_out_of_the_root_leads_nowhere_else() {
    let mut setting = Setting::new();
    let outside = setting.at("outside");
    let absolute = outside.to_str().unwrap().to_owned();
    setting.add(Entry::symlink(path("absolute"), absolute.clone()), b"");
    setting.add(Entry::symlink(path("up"), "../../outside"), b"");
    setting.file("absolute/one", 0o644);
    setting.file("up/two", 0o644);
    let (_, _directory, target) = setting.publish();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let inside = absolute.trim_start_matches('/');
    assert!(target.join(inside).join("one").is_file());
    assert!(target.join("outside/two").is_file());
}

/// What is in the tree already is not ours, and leads nowhere either.
#[test]
fn what_was_planted_in_the_tree_is_not_followed() {
    for (planted, file) in [
        ("usr", "usr/file"),
        ("usr/bin", "usr/bin/file"),
        ("top", "top"),
    ] {
        let mut setting = Setting::new();
        let outside = setting.at("outside");
        let place = setting.at("staging/root").join(planted);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(&outside, &place).unwrap();
        setting.file(file, 0o644);
        let error = setting.write().unwrap_err();
        assert!(matches!(error, WriteTreeError::Make { .. }), "{error}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{planted}");
        assert!(fs::symlink_metadata(&place).unwrap().is_symlink());
    }
}

#[test]
fn a_tree_replaces_an_empty_directory_and_nothing_else() {
    for (name, works) in [
        ("missing", true),
        ("empty", true),
        ("full", false),
        ("file", false),
    ] {
        let mut setting = Setting::new();
        fs::create_dir(setting.at("empty")).unwrap();
        fs::create_dir_all(setting.at("full/sub")).unwrap();
        fs::write(setting.at("file"), "theirs").unwrap();
        setting.file("hello", 0o644);
        setting.write().unwrap();
        let target = setting.at(name);
        let published = setting.staging.publish(&target);
        assert_eq!(published.is_ok(), works, "{name}: {published:?}");
        assert_eq!(target.join("hello").exists(), works, "{name}");
        let directory = setting.directory.path();
        assert!(directory.join("full/sub").is_dir());
        assert_eq!(fs::read(directory.join("file")).unwrap(), b"theirs");
    }
}
