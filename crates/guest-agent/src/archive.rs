//! Writes results as one tar archive straight to the raw output disk.
//!
//! The host reads it as the work of a stranger: nothing here is for safety, only for fidelity.

use bessemer_vm_proto::GuestPath;
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Seek as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// One write to the disk.
const BUFFER: usize = 1024 * 1024;
/// Largest list or value of extended attributes (Linux' own limit).
const MAX_XATTR: usize = 64 * 1024;

/// Writes the trees under `paths` to `output` from its start; the archive's length in bytes.
pub(crate) fn write(output: &File, paths: &[GuestPath]) -> io::Result<u64> {
    let mut disk = output;
    disk.rewind()?;
    let counting = Counting {
        inner: BufWriter::with_capacity(BUFFER, disk),
        bytes: 0,
    };
    let mut archive = Archive {
        builder: Builder::new(counting),
        linked: BTreeMap::new(),
    };
    for path in paths {
        let top = Path::new(path.as_str());
        match fs::symlink_metadata(top) {
            Ok(metadata) => archive.add(top, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(top, &error)),
        }
    }
    let mut counting = archive.builder.into_inner()?;
    counting.flush()?;
    let bytes = counting.bytes;
    drop(counting);
    output.sync_all()?;
    Ok(bytes)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[derive(Debug)]
struct Counting<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Archive<W: Write> {
    builder: Builder<W>,
    /// First name of every file with several, by device and inode.
    linked: BTreeMap<(u64, u64), PathBuf>,
}

impl<W: Write> Archive<W> {
    fn add(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        self.add_one(path, metadata)
            .map_err(|error| at(path, &error))?;
        if !metadata.is_dir() {
            return Ok(());
        }
        let mut children: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| at(path, &error))? {
            children.push(entry?.path());
        }
        children.sort();
        for child in children {
            let metadata = fs::symlink_metadata(&child).map_err(|error| at(&child, &error))?;
            self.add(&child, &metadata)?;
        }
        Ok(())
    }

    fn add_one(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        let name = path.strip_prefix("/").unwrap_or(path);
        if name.as_os_str().is_empty() {
            return Ok(());
        }
        let kind = metadata.file_type();
        if kind.is_socket() {
            return Ok(());
        }
        let mut header = header(metadata);
        let key = (metadata.dev(), metadata.ino());
        if !kind.is_dir() && metadata.nlink() > 1 {
            if let Some(first) = self.linked.get(&key) {
                header.set_entry_type(EntryType::Link);
                return self.builder.append_link(&mut header, name, first);
            }
            self.linked.insert(key, name.to_owned());
        }
        self.add_xattrs(path)?;
        if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            return self
                .builder
                .append_link(&mut header, name, fs::read_link(path)?);
        }
        if kind.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            return self
                .builder
                .append_data(&mut header, name, File::open(path)?);
        }
        header.set_entry_type(match () {
            () if kind.is_dir() => EntryType::Directory,
            () if kind.is_char_device() => EntryType::Char,
            () if kind.is_block_device() => EntryType::Block,
            () => EntryType::Fifo,
        });
        if kind.is_char_device() || kind.is_block_device() {
            header.set_device_major(rustix::fs::major(metadata.rdev()))?;
            header.set_device_minor(rustix::fs::minor(metadata.rdev()))?;
        }
        self.builder.append_data(&mut header, name, io::empty())
    }

    /// Extended attributes as PAX records `SCHILY.xattr.NAME`, before the entry they belong to.
    fn add_xattrs(&mut self, path: &Path) -> io::Result<()> {
        let records = xattrs(path)?;
        if records.is_empty() {
            return Ok(());
        }
        let records = records
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records)
    }
}

fn header(metadata: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode() & 0o7777);
    header.set_uid(metadata.uid().into());
    header.set_gid(metadata.gid().into());
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    header
}

fn xattrs(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut names = vec![0; MAX_XATTR];
    let length = match rustix::fs::llistxattr(path, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut found = BTreeMap::new();
    for name in names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; MAX_XATTR];
        let name = std::ffi::OsStr::from_bytes(name);
        let length = rustix::fs::lgetxattr(path, name, &mut value)?;
        value.truncate(length);
        // The overlay's own marks are no part of a result.
        let text = name.to_string_lossy();
        if !text.starts_with("trusted.overlay.") {
            found.insert(format!("SCHILY.xattr.{text}"), value);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_tree_is_archived_sorted_with_links_and_long_names() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let long = "n".repeat(150);
        fs::create_dir_all(tree.join("b")).unwrap();
        fs::write(tree.join("b/file"), b"content").unwrap();
        fs::hard_link(tree.join("b/file"), tree.join("c")).unwrap();
        symlink("b/file", tree.join("a")).unwrap();
        fs::write(tree.join(&long), b"x").unwrap();
        let output = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(dir.path().join("out.img"))
            .unwrap();
        output.set_len(1 << 20).unwrap();
        let root = GuestPath::new(tree.to_str().unwrap()).unwrap();
        let absent = GuestPath::new("/does/not/exist").unwrap();
        let bytes = write(&output, &[root, absent]).unwrap();
        assert!(bytes > 2048 && bytes.is_multiple_of(512), "{bytes}");

        let mut archive = tar::Archive::new(File::open(dir.path().join("out.img")).unwrap());
        let prefix = tree.strip_prefix("/").unwrap();
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let path = entry
                .path()
                .unwrap()
                .strip_prefix(prefix)
                .unwrap()
                .to_owned();
            (
                path.to_str().unwrap().to_owned(),
                entry.header().entry_type(),
            )
        });
        let expected = [
            ("", EntryType::Directory),
            ("a", EntryType::Symlink),
            ("b", EntryType::Directory),
            ("b/file", EntryType::Regular),
            ("c", EntryType::Link),
            (&long, EntryType::Regular),
        ];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
