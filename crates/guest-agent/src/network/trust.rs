//! The proxy's authority in the places where programs look for those they trust.
//!
//! Everything is in memory and mounted over what is there: no disk of the guest ever has it.

use crate::boot::{BootError, mount_at};
use bessemer_vm_proto::GuestNetwork;
use rustix::mount::{MountFlags, mount_bind};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder in memory.
const FOLDER: &str = "/run/bessemer";
/// The distribution's authorities and the proxy's.
pub(super) const BUNDLE: &str = "/run/bessemer/ca-certificates.crt";
/// For Java: the proxy's alone, since whatever it asks answers with that.
const JAVA: &str = "/run/bessemer/cacerts";
/// Which server answers questions for names.
const RESOLVER: &str = "/run/bessemer/resolv.conf";
/// Where distributions keep their authorities; the first is made where there is none.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
];
/// Where Java's are, beside those of each Java.
const JAVA_STORE: &str = "/etc/ssl/certs/java/cacerts";
/// Below which each Java has its own.
const JAVA_HOMES: &str = "/usr/lib/jvm";

/// Makes the files and mounts them.
pub(super) fn install(network: &GuestNetwork) -> Result<(), BootError> {
    mount_at("tmpfs", FOLDER, "tmpfs", MountFlags::NOSUID, "mode=0755")?;
    let mut bundle = BUNDLES
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap_or_default();
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(&network.authority_pem);
    for (path, content) in [
        (BUNDLE, bundle.as_bytes()),
        (JAVA, &network.java_store),
        (RESOLVER, b"nameserver 127.0.0.1\n"),
    ] {
        fs::write(path, content).map_err(BootError::at("writing", path))?;
    }
    for path in ["/etc/resolv.conf", BUNDLES[0]] {
        ensure(Path::new(path)).map_err(BootError::at("making", path))?;
    }
    cover(RESOLVER, Path::new("/etc/resolv.conf"))?;
    // The same file by several names is covered once.
    let mut covered = Vec::new();
    for path in BUNDLES {
        if let Ok(real) = fs::canonicalize(path)
            && !covered.contains(&real)
        {
            cover(BUNDLE, &real)?;
            covered.push(real);
        }
    }
    for real in java_stores() {
        if !covered.contains(&real) {
            cover(JAVA, &real)?;
            covered.push(real);
        }
    }
    Ok(())
}

/// An empty file where there is none, so that something can be mounted over it. A link that leads
/// nowhere is replaced.
fn ensure(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if fs::symlink_metadata(path).is_ok() {
        fs::remove_file(path)?;
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, b"")
}

fn cover(from: &str, to: &Path) -> Result<(), BootError> {
    let mounted = fs::canonicalize(to).and_then(|to| Ok(mount_bind(from, to)?));
    mounted.map_err(BootError::at("covering", to.display().to_string()))
}

/// The trust stores of every Java, by their own paths.
fn java_stores() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(JAVA_STORE)];
    let homes = fs::read_dir(JAVA_HOMES).into_iter().flatten().flatten();
    for home in homes {
        for below in ["lib/security/cacerts", "jre/lib/security/cacerts"] {
            found.push(home.path().join(below));
        }
    }
    let real = found
        .into_iter()
        .filter_map(|path| fs::canonicalize(path).ok());
    real.filter(|path| path.is_file()).collect()
}
