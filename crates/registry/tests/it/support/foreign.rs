//! Another HTTP client than ours.

use std::process::Command;

/// What curl prints; it must succeed.
pub(crate) fn curl(words: &[&str]) -> Vec<u8> {
    let mut command = Command::new("curl");
    let output = command.args(["-sSf"]).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    output.stdout
}

/// Writes a manifest, whatever it says.
pub(crate) fn put(address: &str, kind: &str, manifest: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest).unwrap();
    let data = format!("@{}", file.path().display());
    let kind = format!("content-type: {kind}");
    curl(&["-X", "PUT", "-H", &kind, "--data-binary", &data, address]);
}
