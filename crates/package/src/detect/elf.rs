//! The few facts about an ELF file that a dynamic loader acts on.
//!
//! Read as the loader reads them, through the program headers (ELF gABI, chapters 4 and 5), because
//! section headers may be stripped or lie. Only bounded pieces of the file are ever in memory.

use crate::tree::ContentReader;
use object::elf::{DT_NEEDED, DT_SONAME, DT_STRSZ, DT_STRTAB, FileHeader32, FileHeader64};
use object::elf::{PT_DYNAMIC, PT_INTERP, PT_LOAD};
use object::pod::slice_from_bytes;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endian, Endianness, Pod};
use std::io::{self, Read, Seek, SeekFrom};

/// Most bytes of the program header table or the dynamic section; real ones have a few hundred.
const TABLE_LIMIT: u64 = 64 << 10;
/// Most bytes in a library's name or an interpreter's path.
const NAME_LIMIT: usize = 4096;
/// Offset of the class byte in an ELF identification.
const CLASS: usize = 4;
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;

/// What an ELF file asks of the loader. All empty for a static executable.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// `PT_INTERP`: the program that loads this one.
    pub(crate) interpreter: Option<String>,
    /// `DT_NEEDED`, in order.
    pub(crate) needed: Vec<String>,
    /// `DT_SONAME`.
    pub(crate) soname: Option<String>,
}

impl Object {
    /// Reads an object; `None` when the file is no ELF or a malformed one.
    pub(crate) fn read(file: ContentReader) -> io::Result<Option<Self>> {
        let mut file = Pieces { file };
        let Some(magic) = file.piece(0, 16)? else {
            return Ok(None);
        };
        if !magic.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        match magic[CLASS] {
            CLASS_32 => read_class::<FileHeader32<Endianness>>(&mut file),
            CLASS_64 => read_class::<FileHeader64<Endianness>>(&mut file),
            _ => Ok(None),
        }
    }
}

fn read_class<Elf>(file: &mut Pieces) -> io::Result<Option<Object>>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let Some(bytes) = file.piece(0, size_of::<Elf>() as u64)? else {
        return Ok(None);
    };
    let Ok(header) = Elf::parse(&bytes[..]) else {
        return Ok(None);
    };
    let Ok(endian) = header.endian() else {
        return Ok(None);
    };
    let count = u64::from(header.e_phnum(endian));
    if count == 0 || usize::from(header.e_phentsize(endian)) != size_of::<Elf::ProgramHeader>() {
        return Ok(Some(Object::default()));
    }
    let start = header.e_phoff(endian).into();
    let Some(segments) = file.table::<Elf::ProgramHeader>(start, count)? else {
        return Ok(None);
    };
    let mut object = Object::default();
    let find = |kind| {
        segments
            .iter()
            .find(|segment| segment.p_type(endian) == kind)
    };
    if let Some(segment) = find(PT_INTERP) {
        let (offset, size) = segment.file_range(endian);
        let path = file.piece(offset, size.min(NAME_LIMIT as u64))?;
        object.interpreter = path.as_deref().and_then(string_at);
    }
    let Some(segment) = find(PT_DYNAMIC) else {
        return Ok(Some(object));
    };
    let (offset, size) = segment.file_range(endian);
    let count = size / size_of::<Elf::Dyn>() as u64;
    let Some(dynamic) = file.table::<Elf::Dyn>(offset, count)? else {
        return Ok(None);
    };
    let value = |tag| dynamic.iter().find(|entry| entry.tag(endian) == tag);
    let value = |tag| value(tag).map(|entry| entry.val(endian));
    let (Some(address), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
        return Ok(Some(object));
    };
    let Some(offset) = file_offset::<Elf>(&segments, endian, address) else {
        return Ok(None);
    };
    for entry in &dynamic {
        let mut string = || file.string(offset, size, entry.val(endian));
        match entry.tag(endian) {
            DT_NEEDED => object.needed.extend(string()?),
            DT_SONAME => object.soname = string()?,
            _ => {}
        }
    }
    Ok(Some(object))
}

/// Where in the file the byte lies that is loaded at `address`.
fn file_offset<Elf: FileHeader>(
    segments: &[Elf::ProgramHeader],
    endian: Elf::Endian,
    address: u64,
) -> Option<u64>
where
    Elf::Endian: Endian,
{
    segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD)
        .find_map(|segment| {
            let within = address.checked_sub(segment.p_vaddr(endian).into())?;
            let (offset, size) = segment.file_range(endian);
            (within < size)
                .then(|| offset.checked_add(within))
                .flatten()
        })
}

/// The bytes before the first NUL, if they are text.
fn string_at(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some(std::str::from_utf8(&bytes[..end]).ok()?.to_owned())
}

/// Bounded reads at offsets that the file itself chose.
struct Pieces {
    file: ContentReader,
}

impl Pieces {
    /// `size` bytes at `offset`; `None` when they are not all there or too many.
    fn piece(&mut self, offset: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
        let inside = offset
            .checked_add(size)
            .is_some_and(|end| end <= self.file.size());
        if !inside || size > TABLE_LIMIT {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The string at `index` of the string table of `size` bytes at `offset`.
    fn string(&mut self, offset: u64, size: u64, index: u64) -> io::Result<Option<String>> {
        let Some(left) = size.checked_sub(index) else {
            return Ok(None);
        };
        let Some(start) = offset.checked_add(index) else {
            return Ok(None);
        };
        let rest = self.file.size().saturating_sub(start);
        let bytes = self.piece(start, left.min(rest).min(NAME_LIMIT as u64))?;
        Ok(bytes.and_then(|bytes| string_at(&bytes)))
    }

    fn table<T: Pod>(&mut self, offset: u64, count: u64) -> io::Result<Option<Vec<T>>> {
        let Some(size) = count.checked_mul(size_of::<T>() as u64) else {
            return Ok(None);
        };
        let Some(bytes) = self.piece(offset, size)? else {
            return Ok(None);
        };
        let count = usize::try_from(count).map_err(io::Error::other)?;
        Ok(slice_from_bytes(&bytes, count)
            .ok()
            .map(|(items, _)| items.to_vec()))
    }
}
