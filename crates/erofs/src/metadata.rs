//! Writing what a layout describes: large directories, inodes, superblock.

use crate::directory;
use crate::error::WriteError;
use crate::format::{BLOCK, BLOCK_SIZE, DataLayout, InodeRecord, Superblock};
use crate::layout::{Body, Inode, Layout};
use crate::writer::Options;
use crate::xattr;
use std::borrow::Cow;
use std::io::Write;

/// Writes everything behind the file content; returns the superblock that belongs to it.
pub(crate) fn write(
    layout: &Layout<'_>,
    options: &Options,
    output: &mut impl Write,
) -> Result<Superblock, WriteError> {
    for inode in layout.inodes.iter().filter(|inode| inode.block.is_some()) {
        let content = content(layout, inode);
        output.write_all(&content)?;
        zeros(
            output,
            content.len().next_multiple_of(BLOCK) - content.len(),
        )?;
    }
    let mut position = 0;
    for (serial, inode) in layout.inodes.iter().enumerate() {
        // Gaps are shorter than a block.
        zeros(
            output,
            usize::try_from(inode.offset - position).unwrap_or(BLOCK),
        )?;
        let record = record(inode, serial, options.mtime)?;
        output.write_all(&record.encode())?;
        output.write_all(&inode.xattrs)?;
        position = inode.offset + (crate::format::INODE + inode.xattrs.len()) as u64;
        if inode.block.is_none() {
            let content = content(layout, inode);
            output.write_all(&content)?;
            position += content.len() as u64;
        }
    }
    let end = layout.metadata_size.next_multiple_of(BLOCK_SIZE);
    zeros(output, usize::try_from(end - position).unwrap_or(BLOCK))?;
    superblock(layout, options, layout.metadata_block + end / BLOCK_SIZE)
}

fn superblock(
    layout: &Layout<'_>,
    options: &Options,
    blocks: u64,
) -> Result<Superblock, WriteError> {
    let root = layout.inodes.first().map_or(0, Inode::number);
    Ok(Superblock {
        root: u16::try_from(root).map_err(|_| WriteError::TooLarge)?,
        inodes: layout.inodes.len() as u64,
        mtime: options.mtime,
        blocks: u32::try_from(blocks).map_err(|_| WriteError::TooLarge)?,
        metadata_block: u32::try_from(layout.metadata_block).map_err(|_| WriteError::TooLarge)?,
        uuid: options.uuid,
    })
}

fn record(inode: &Inode<'_>, serial: usize, mtime: u64) -> Result<InodeRecord, WriteError> {
    let (layout, size) = match (&inode.body, inode.block) {
        (Body::File(data), _) => (plain(data.block())?, data.size()),
        (Body::Device(_, number), _) => (DataLayout::Device(*number), 0),
        (Body::Fifo, _) => (DataLayout::Plain(0), 0),
        (_, Some(block)) => (plain(block)?, inode.content_size() as u64),
        (_, None) => (DataLayout::Inline, inode.content_size() as u64),
    };
    // Modes were checked to fit twelve bits.
    let permissions = u16::try_from(inode.meta.mode).unwrap_or(0o7777);
    Ok(InodeRecord {
        layout,
        xattr_count: xattr::count(&inode.xattrs).ok_or(WriteError::TooLarge)?,
        mode: inode.file_type().mode() | permissions,
        size,
        serial: u32::try_from(serial + 1).map_err(|_| WriteError::TooLarge)?,
        uid: inode.meta.uid,
        gid: inode.meta.gid,
        mtime: inode.meta.mtime.unwrap_or(mtime),
        links: inode.links,
    })
}

fn plain(block: u64) -> Result<DataLayout, WriteError> {
    Ok(DataLayout::Plain(
        u32::try_from(block).map_err(|_| WriteError::TooLarge)?,
    ))
}

fn content<'a>(layout: &Layout<'_>, inode: &Inode<'a>) -> Cow<'a, [u8]> {
    match &inode.body {
        Body::Directory(entries) => {
            directory::encode(entries, |index| layout.inodes[index].number()).into()
        }
        Body::Symlink(target) => (*target).into(),
        Body::File(_) | Body::Device(..) | Body::Fifo => Cow::Borrowed(&[]),
    }
}

fn zeros(output: &mut impl Write, count: usize) -> std::io::Result<()> {
    output.write_all(&[0; BLOCK][..count])
}
