//! A cache that builds of different trust share. There are no scopes: what names a disk is the digests
//! of its packages, so that nobody can put one where another's is looked for. Named by what a build
//! may choose, it would be taken: that is the control run.

use super::{EnvironmentDisk, disk_named, environment_disk};
use bessemer_apk::package::PkgInfo;
use bessemer_attest::documents::LockedPackage;
use bessemer_digest::Digest;
use bessemer_package::{Metadata, Scratch, Tree, emit};
use bessemer_repository::PackageFile;
use std::collections::BTreeMap;
use std::path::Path;

/// `tool-1.0-r0` with this program, as a repository of somebody's own may have it.
fn tool(folder: &Path, program: &str) -> PackageFile {
    let path = folder.join(format!("{program}.apk"));
    let metadata = Metadata {
        info: PkgInfo {
            name: "tool".to_owned(),
            version: "1.0-r0".to_owned(),
            arch: "x86_64".to_owned(),
            ..PkgInfo::default()
        },
        scripts: BTreeMap::new(),
        melange_yaml: None,
    };
    let files = BTreeMap::from([("usr/bin/tool".to_owned(), program.into())]);
    let made = emit(&metadata, &Tree::default(), &files, 0, folder).unwrap();
    made.attach(b"", &path, &Scratch::new(folder)).unwrap();
    let (sha256, size) = Digest::of_reader(fs_err::File::open(&path).unwrap()).unwrap();
    let locked = LockedPackage {
        name: "tool".to_owned(),
        version: "1.0-r0".to_owned(),
        architecture: "x86_64".to_owned(),
        uri: "repository/x86_64/tool-1.0-r0.apk".to_owned(),
        sha256,
        size,
        control_sha1: String::new(),
        attestation: None,
        from_build: false,
    };
    PackageFile { locked, path }
}

fn holds(disk: &EnvironmentDisk, program: &str) -> bool {
    let image = fs_err::read(&disk.path).unwrap();
    let mut places = image.windows(program.len());
    places.any(|bytes| bytes == program.as_bytes())
}

#[test]
fn an_untrusted_build_cannot_fill_the_place_of_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (
        [tool(folder.path(), "of-the-untrusted")],
        [tool(folder.path(), "of-the-release")],
    );
    let [shared, empty] = ["shared", "empty"].map(|name| folder.path().join(name));
    let first = environment_disk(&theirs, &shared).unwrap();
    assert!(holds(&first, "of-the-untrusted"));
    let second = environment_disk(&ours, &shared).unwrap();
    assert!(!second.reused && holds(&second, "of-the-release"));
    assert!(!holds(&second, "of-the-untrusted"));
    // With the shared cache, which is used from now on, and with one that nobody filled.
    let again = environment_disk(&ours, &shared).unwrap();
    let alone = environment_disk(&ours, &empty).unwrap();
    assert_eq!((again.reused, alone.reused), (true, false));
    assert_eq!([again.digest, alone.digest], [second.digest; 2]);
}

#[test]
fn control_run_a_disk_named_by_names_and_versions_is_taken_from_the_untrusted_build() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("shared");
    let taken = ["of-the-untrusted", "of-the-release"].map(|program| {
        let packages = [tool(folder.path(), program)];
        let locked = &packages[0].locked;
        let name = format!("{}-{}", locked.name, locked.version);
        disk_named(&name, &packages, &cache).unwrap()
    });
    assert_eq!([taken[0].reused, taken[1].reused], [false, true]);
    assert_eq!(taken[0].digest, taken[1].digest);
    assert!(holds(&taken[1], "of-the-untrusted"));
}
