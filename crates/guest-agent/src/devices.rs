//! Finds disks and ports by the names the host gave them: their numbers depend on slots.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long devices may take to appear after their drivers are loaded.
const APPEAR: Duration = Duration::from_secs(30);

/// The virtio-serial port named `name`, as a path under `/dev`.
pub(crate) fn port(name: &str) -> io::Result<PathBuf> {
    let found = || named("/sys/class/virtio-ports", "name", name);
    wait_for(found).ok_or_else(|| missing("port", name))
}

/// The virtio disk with the serial number `serial`, as a path under `/dev`.
pub(crate) fn disk(serial: &str) -> Option<PathBuf> {
    named("/sys/block", "serial", serial)
}

/// As [`disk`], waiting for it to appear.
pub(crate) fn required_disk(serial: &str) -> io::Result<PathBuf> {
    wait_for(|| disk(serial)).ok_or_else(|| missing("disk", serial))
}

fn missing(kind: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no {kind} named `{name}`"))
}

fn wait_for(mut found: impl FnMut() -> Option<PathBuf>) -> Option<PathBuf> {
    let until = Instant::now() + APPEAR;
    loop {
        if let Some(path) = found() {
            return Some(path);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The entry of the sysfs directory `class` whose `attribute` is `value`.
fn named(class: &str, attribute: &str, value: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(class).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let text = fs::read_to_string(entry.path().join(attribute)).ok()?;
        let device = Path::new("/dev").join(entry.file_name());
        (text.trim_end() == value && device.exists()).then_some(device)
    })
}
