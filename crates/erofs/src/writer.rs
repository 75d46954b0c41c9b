//! The writer: content first, then everything else.

use crate::error::WriteError;
use crate::format::{BLOCK, BLOCK_SIZE};
use crate::layout::Layout;
use crate::metadata;
use crate::tree::Directory;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

const BUFFER: usize = 1 << 20;

/// What an image says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The file system's UUID; derive it from the content's digest or keep it fixed.
    pub uuid: [u8; 16],
    /// Modification time of the image, and of every node that has none of its own, in seconds
    /// since 1970.
    pub mtime: u64,
}

/// Content that a [`Writer`] has taken in. Several files may share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRef {
    block: u64,
    size: u64,
}

impl DataRef {
    /// Bytes of content.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The first block.
    pub(crate) const fn block(self) -> u64 {
        self.block
    }

    /// The block behind the last.
    pub(crate) const fn end(self) -> u64 {
        self.block + self.size.div_ceil(BLOCK_SIZE)
    }
}

/// How large a finished image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Blocks of [`crate::BLOCK_SIZE`] bytes.
    pub blocks: u64,
    /// Bytes: blocks times their size.
    pub bytes: u64,
}

/// Writes one image. An image that was not finished has no superblock and cannot be mounted.
#[derive(Debug)]
pub struct Writer<W: Write + Seek> {
    output: BufWriter<W>,
    options: Options,
    next_block: u64,
    poisoned: bool,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts an image at the beginning of `output`, which should be empty: bytes behind the end
    /// of the image are left as they are. Pass `&mut file` to keep the file.
    pub fn new(mut output: W, options: Options) -> Result<Self, WriteError> {
        output.seek(SeekFrom::Start(0))?;
        let mut output = BufWriter::with_capacity(BUFFER, output);
        output.write_all(&[0; BLOCK])?;
        Ok(Self {
            output,
            options,
            next_block: 1,
            poisoned: false,
        })
    }

    /// Takes in the content of a file: exactly `size` bytes of `reader`, streamed. After an error
    /// the image cannot be completed.
    pub fn append_file(&mut self, reader: impl Read, size: u64) -> Result<DataRef, WriteError> {
        if std::mem::replace(&mut self.poisoned, true) {
            return Err(WriteError::Poisoned);
        }
        let data = DataRef {
            block: self.next_block,
            size,
        };
        let copied = io::copy(&mut reader.take(size), &mut self.output)?;
        if copied != size {
            return Err(WriteError::Truncated {
                expected: size,
                found: copied,
            });
        }
        // Less than a block.
        let padding = usize::try_from(size.next_multiple_of(BLOCK_SIZE) - size).unwrap_or(BLOCK);
        self.output.write_all(&[0; BLOCK][..padding])?;
        self.next_block = data.end();
        if self.next_block > u64::from(u32::MAX) {
            return Err(WriteError::TooLarge);
        }
        self.poisoned = false;
        Ok(data)
    }

    /// Writes the tree and completes the image. The output is flushed, not synced.
    // The tree is taken because its `DataRef`s belong to this image alone.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the tree ends with the image it is for"
    )]
    pub fn finish(mut self, root: Directory) -> Result<Summary, WriteError> {
        if self.poisoned {
            return Err(WriteError::Poisoned);
        }
        let layout = Layout::new(&root, self.next_block)?;
        let superblock = metadata::write(&layout, &self.options, &mut self.output)?;
        self.output.seek(SeekFrom::Start(0))?;
        self.output.write_all(&superblock.encode())?;
        self.output.flush()?;
        let blocks = u64::from(superblock.blocks);
        Ok(Summary {
            blocks,
            bytes: blocks * BLOCK_SIZE,
        })
    }
}
