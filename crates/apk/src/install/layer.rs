//! A tree as a tar archive, as layers of images have it.

use super::{Placed, Root};
use crate::package::{Content, entry_header};
use crate::tar::{self, END, Header};
use crate::{EntryKind, EntryPath};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write};

/// The most that is read of `etc/passwd` and `etc/group`.
const MAX_ACCOUNTS: u64 = 1 << 20;

/// Why a tree cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteLayerError {
    /// A content cannot be read, or is not as long as its entry says.
    #[error("cannot read the content of {path}")]
    Content {
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("cannot write the archive")]
    Output(#[from] io::Error),
}

/// Names of owners and groups by number, as headers of archives have them.
#[derive(Debug, Default, Clone)]
pub struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

/// Writes the whole tree, without its root: entries in order, names without `./` and without a slash
/// at the end, PAX records only where a header has no room, two empty blocks at the end. Names of
/// owners and groups are those of the tree's own `etc/passwd` and `etc/group`. The same tree gives
/// the same bytes.
pub fn write_layer<C: Content>(root: Root<C>, mut out: impl Write) -> Result<(), WriteLayerError> {
    let mut writer = LayerWriter::new(Names::of(&root), &mut out);
    for placed in root.into_entries() {
        writer.write(&placed)?;
    }
    writer.finish()?;
    Ok(())
}

impl Names {
    /// Those that the tree's own `etc/passwd` and `etc/group` have.
    pub fn of<C: Content>(root: &Root<C>) -> Self {
        Self {
            users: accounts(root, "etc/passwd"),
            groups: accounts(root, "etc/group"),
        }
    }
}

/// Writes a tar archive entry by entry, as [`write_layer`] writes a tree.
#[derive(Debug)]
pub struct LayerWriter<W> {
    names: Names,
    buffer: Vec<u8>,
    out: W,
}

impl<W: Write> LayerWriter<W> {
    /// An empty archive.
    pub fn new(names: Names, out: W) -> Self {
        Self {
            names,
            buffer: vec![0; 64 << 10],
            out,
        }
    }

    /// Adds an entry with its content.
    pub fn write<C: Content>(&mut self, placed: &Placed<C>) -> Result<(), WriteLayerError> {
        write_entry(placed, &self.names, &mut self.buffer, &mut self.out)
    }

    /// Ends the archive; gives the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&END)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn write_entry<C: Content>(
    placed: &Placed<C>,
    accounts: &Names,
    buffer: &mut [u8],
    out: &mut impl Write,
) -> Result<(), WriteLayerError> {
    let entry = &placed.entry;
    let name =
        |names: &'_ BTreeMap<u32, String>, id: u32| names.get(&id).cloned().unwrap_or_default();
    let user = name(&accounts.users, entry.uid);
    let group = name(&accounts.groups, entry.gid);
    let header = Header {
        user: Some(&user),
        group: Some(&group),
        ..entry_header(entry, placed.mtime)
    };
    out.write_all(&header.encode())?;
    let (EntryKind::File { size }, Some(content)) = (&entry.kind, &placed.content) else {
        return Ok(());
    };
    let unreadable = |source| WriteLayerError::Content {
        path: entry.path.clone(),
        source,
    };
    let mut input = content.open().map_err(unreadable)?;
    let mut left = *size;
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(usize::MAX);
        let limit = limit.min(buffer.len());
        let count = match input.read(&mut buffer[..limit]) {
            Ok(0) => return Err(unreadable(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        out.write_all(&buffer[..count])?;
        left -= count as u64;
    }
    out.write_all(&[0; 512][..tar::padding(*size)])?;
    Ok(())
}

/// Names by number, of lines `name:x:number:…`; none where there is no such file. A number's last
/// line counts, as apko has it.
fn accounts<C: Content>(root: &Root<C>, path: &str) -> BTreeMap<u32, String> {
    let read = || {
        let (_, content) = root.get(&EntryPath::new(path).ok()?)?;
        let mut bytes = Vec::new();
        let input = content?.open().ok()?;
        input.take(MAX_ACCOUNTS).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text: String = read().unwrap_or_default();
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(account).collect()
}
