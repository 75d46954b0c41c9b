//! Disk images: making the writable ones, opening all of them.

use crate::Disks;
use bessemer_vm_proto as proto;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk image could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Opening or making the file failed.
    #[error("disk image `{}`", path.display())]
    File {
        /// The image.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `mke2fs` could not be run.
    #[error("cannot run mke2fs for `{}`", path.display())]
    Mke2fs {
        /// The image.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `mke2fs` failed.
    #[error("mke2fs failed for `{}`: {message}", path.display())]
    Format {
        /// The image.
        path: PathBuf,
        /// What it printed.
        message: String,
    },
}

/// Makes a sparse ext4 image of `bytes` bytes at `path`, which must not exist yet.
///
/// Feature list and identifiers are fixed, so that a guest finds the same scratch disk on every
/// host; no journal, since nothing on it outlives its machine.
pub fn create_scratch(path: &Path, bytes: u64) -> Result<(), DiskError> {
    create_output(path, bytes)?;
    let output = Command::new("mke2fs")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("MKE2FS_CONFIG", "/dev/null")
        .env("E2FSPROGS_FAKE_TIME", "1")
        .args([
            "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-m", "0", "-i", "8192",
        ])
        .args([
            "-O",
            "none,extent,filetype,sparse_super,large_file,huge_file,dir_index,64bit",
        ])
        .args(["-O", "extra_isize,flex_bg,uninit_bg,dir_nlink,ext_attr"])
        .args([
            "-E",
            "lazy_itable_init=1,hash_seed=6f1d0a4e-0000-4000-8000-626573736d72",
        ])
        .args(["-U", "6f1d0a4e-0000-4000-8000-626573736d65"])
        .arg(path)
        .output()
        .map_err(|source| DiskError::Mke2fs {
            path: path.to_owned(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr)
        .trim()
        .replace('\n', "; ");
    Err(DiskError::Format {
        path: path.to_owned(),
        message,
    })
}

/// Makes a sparse file of `bytes` zero bytes at `path`, which must not exist yet.
pub fn create_output(path: &Path, bytes: u64) -> Result<(), DiskError> {
    let create = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)?
            .set_len(bytes)
    };
    create().map_err(|source| DiskError::File {
        path: path.to_owned(),
        source,
    })
}

/// A disk ready to be handed to QEMU.
#[derive(Debug)]
pub(crate) struct OpenDisk {
    pub(crate) serial: &'static str,
    pub(crate) read_only: bool,
    pub(crate) descriptor: OwnedFd,
}

pub(crate) fn open_all(disks: &Disks) -> Result<Vec<OpenDisk>, DiskError> {
    let wanted = [
        (proto::DISK_ENVIRONMENT, true, Some(&disks.environment)),
        (proto::DISK_SOURCES, true, disks.sources.as_ref()),
        (proto::DISK_SCRATCH, false, Some(&disks.scratch)),
        (proto::DISK_OUTPUT, false, disks.output.as_ref()),
    ];
    let present = wanted
        .into_iter()
        .filter_map(|(serial, ro, path)| Some((serial, ro, path?)));
    present
        .map(|(serial, read_only, path)| open(serial, read_only, path))
        .collect()
}

fn open(serial: &'static str, read_only: bool, path: &Path) -> Result<OpenDisk, DiskError> {
    let file = OpenOptions::new()
        .read(true)
        .write(!read_only)
        .open(path)
        .map_err(|source| DiskError::File {
            path: path.to_owned(),
            source,
        })?;
    Ok(OpenDisk {
        serial,
        read_only,
        descriptor: file.into(),
    })
}

/// Size of the output disk in bytes; 0 without one.
pub(crate) fn output_size(disks: &Disks) -> Result<u64, DiskError> {
    let Some(path) = &disks.output else {
        return Ok(0);
    };
    File::open(path)
        .and_then(|file| file.metadata())
        .map(|metadata| metadata.len())
        .map_err(|source| DiskError::File {
            path: path.clone(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn images_are_sparse_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.img");
        create_output(&path, 1 << 30).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.blocks()), (1 << 30, 0));
        let error = create_output(&path, 1).unwrap_err();
        assert!(error.to_string().contains("out.img"), "{error}");
    }
}
