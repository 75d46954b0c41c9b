//! Checks by others: erofs-utils, and Linux itself.

use crate::sample::{self, Kind, Sample};
use std::path::Path;
use std::process::Command;

fn samples() -> [(&'static str, Sample); 3] {
    [
        ("everything", sample::everything()),
        ("crowd", sample::crowd()),
        ("empty", Vec::new()),
    ]
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// Compares content, link targets, modes and hard links of a directory with its description.
fn compare(root: &Path, sample: &Sample) {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    for (path, kind, meta) in sample {
        let full = root.join(path);
        let found = std::fs::symlink_metadata(&full).unwrap();
        match kind {
            Kind::Directory => assert!(found.is_dir(), "{path}"),
            Kind::File(content) => assert!(std::fs::read(&full).unwrap() == *content, "{path}"),
            Kind::Link(target) => {
                assert_eq!(
                    found.ino(),
                    std::fs::metadata(root.join(target)).unwrap().ino()
                );
                continue;
            }
            Kind::Symlink(target) => {
                assert_eq!(std::fs::read_link(&full).unwrap(), Path::new(target));
            }
            Kind::Char(..) => assert!(found.file_type().is_char_device(), "{path}"),
            Kind::Block(..) => assert!(found.file_type().is_block_device(), "{path}"),
            Kind::Fifo => assert!(found.file_type().is_fifo(), "{path}"),
        }
        assert_eq!((found.uid(), found.gid()), (meta.uid, meta.gid), "{path}");
        if !found.is_symlink() {
            assert_eq!(found.mode() & 0o7777, meta.mode, "{path}");
        }
    }
}

#[test]
#[ignore = "needs fsck.erofs (erofs-utils)"]
fn fsck_finds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for (name, sample) in samples() {
        let path = directory.path().join(name);
        std::fs::write(&path, sample::image(&sample)).unwrap();
        run("fsck.erofs", &["--extract", path.to_str().unwrap()]);
    }
}

#[test]
#[ignore = "needs root, loop devices and a kernel with erofs"]
fn linux_mounts_it() {
    let directory = tempfile::tempdir().unwrap();
    for (name, sample) in samples() {
        let path = directory.path().join(name);
        std::fs::write(&path, sample::image(&sample)).unwrap();
        let mounted = directory.path().join("mounted");
        std::fs::create_dir_all(&mounted).unwrap();
        let (image, target) = (path.to_str().unwrap(), mounted.to_str().unwrap());
        run("mount", &["-t", "erofs", "-o", "loop,ro", image, target]);
        let compared = std::panic::catch_unwind(|| compare(&mounted, &sample));
        run("umount", &[target]);
        compared.unwrap();
    }
}
