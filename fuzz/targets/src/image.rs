//! Image files and locks.

use crate::Target;
use crate::input::text;
use bessemer_image::lock::Lock;
use bessemer_image::parse;
use bessemer_yaml::SourceFile;

pub(crate) const FILE: Target = Target {
    name: "image_file",
    run: file,
    seeds: file_seeds,
    words: &[
        "contents:\n",
        "packages: ",
        "paths: ",
        "permissions: 0o",
        "- ",
        "\n  ",
        "&a ",
        "*a",
        "<<: ",
        "-----BEGIN CERTIFICATE-----",
        "service-bundle",
        "|\n",
        "!!binary ",
    ],
};

pub(crate) const LOCK: Target = Target {
    name: "image_lock",
    run: lock,
    seeds: lock_seeds,
    words: &["\"packages\":", "bytes=", "sha1-", "{}", "[]", "null"],
};

/// What is accepted can be printed, and means the same again but for what a service bundle adds.
fn file(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(first) = parse(&SourceFile::new("fuzz.yaml", text)) else {
        return;
    };
    let printed = first.to_yaml().expect("a configuration can be printed");
    let second = parse(&SourceFile::new("printed.yaml", printed.as_str()));
    let mut second = second.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    if first.entrypoint.kind == "service-bundle" {
        second.contents.packages.pop();
    }
    assert_eq!(second, first, "{printed}");
}

fn lock(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(lock) = Lock::parse(text) {
        let again = Lock::parse(&lock.render().expect("a lock can be written"));
        assert_eq!(again.expect("a lock can be read"), lock);
        let _ = lock.keys();
    }
}

fn file_seeds() -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../../../crates/image/test-data/files/everything.yaml"),
        include_str!("../../../crates/image/test-data/files/base.yaml"),
        include_str!("../../../crates/image/test-data/own/layers.yaml"),
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn lock_seeds() -> Vec<Vec<u8>> {
    let text = include_str!("../../../crates/image/test-data/own/golden/small.lock.json");
    vec![text.as_bytes().to_vec()]
}
