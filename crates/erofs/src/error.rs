//! Why an image could not be written.

use std::io;

/// Why an image could not be written. Paths are relative to the image's root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output, or a file's content, failed to be written or read.
    #[error("cannot write the image")]
    Io(#[from] io::Error),
    /// A file's content ended before the size that was announced for it.
    #[error("content ended after {found} of {expected} bytes")]
    Truncated {
        /// Bytes announced.
        expected: u64,
        /// Bytes read.
        found: u64,
    },
    /// An earlier call failed in the middle of a file, so the image cannot be completed.
    #[error("an earlier write to this image failed")]
    Poisoned,
    /// A name that no directory can hold.
    #[error("invalid file name in `{path}`")]
    Name {
        /// The path that ends in the name.
        path: String,
    },
    /// A mode with bits beyond `0o7777`.
    #[error("mode {mode:#o} of `{path}` has bits that are not permissions")]
    Mode {
        /// The path of the node.
        path: String,
        /// The mode as given.
        mode: u32,
    },
    /// An extended attribute that erofs cannot store.
    #[error("extended attribute `{name}` of `{path}` cannot be stored: {reason}")]
    Xattr {
        /// The path of the node.
        path: String,
        /// The attribute's full name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two names of one hard-linked file disagree about its metadata or content.
    #[error("hard link `{path}` differs from `{first}`, which has the same inode id")]
    HardLink {
        /// The later path.
        path: String,
        /// The first path with the same inode id.
        first: String,
    },
    /// A symbolic link with a target that Linux refuses: empty, longer than 4095 bytes, or with NUL.
    #[error("symbolic link `{path}` has an invalid target")]
    Target {
        /// The path of the link.
        path: String,
    },
    /// A device number that does not fit Linux's 12-bit major and 20-bit minor.
    #[error("device `{path}` has number {major}:{minor}, which is out of range")]
    Device {
        /// The path of the device node.
        path: String,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Content that this image does not hold.
    #[error("content of `{path}` is not in this image")]
    ForeignData {
        /// The path of the file.
        path: String,
    },
    /// The image would have more than 2^32 - 1 blocks or inodes.
    #[error("the image exceeds the limits of erofs")]
    TooLarge,
}
