//! The few facts about an ELF file that a dynamic loader acts on.
//!
//! Read as the loader reads them, through the program headers (ELF gABI, chapters 4 and 5), because
//! section headers may be stripped or lie. Only bounded pieces of the file are ever in memory.

mod pieces;
mod sections;

pub(crate) use sections::Section;
pub use sections::section_names;

use crate::tree::ContentReader;
use object::elf::{DT_NEEDED, DT_SONAME, DT_STRSZ, DT_STRTAB, FileHeader32, FileHeader64};
use object::elf::{PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, SHT_DYNAMIC};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endian, Endianness};
use pieces::{NAME_LIMIT, Pieces, string_at};
use std::io;

/// Offset of the class byte in an ELF identification.
const CLASS: usize = 4;
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;

/// What an ELF file is for and what it asks of the loader.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Object {
    /// `e_machine`: the architecture, a number of the ELF gABI's registry.
    pub machine: u16,
    /// `PT_INTERP`: the program that loads this one; none for a library or a static executable.
    pub interpreter: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// Where initialised data begins and how much there is, in bytes of the file.
    pub(crate) data: Option<(u64, u64)>,
}

impl Object {
    /// Reads an object; `None` when the file is no ELF or a malformed one.
    ///
    /// # Errors
    /// Only when the file cannot be read.
    pub fn read(file: ContentReader) -> io::Result<Option<Self>> {
        let mut file = Pieces::new(file);
        match file.class()? {
            Some(CLASS_32) => read_class::<FileHeader32<Endianness>>(&mut file),
            Some(CLASS_64) => read_class::<FileHeader64<Endianness>>(&mut file),
            _ => Ok(None),
        }
    }
}

fn read_class<Elf>(file: &mut Pieces) -> io::Result<Option<Object>>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let Some((header, endian)) = file.header::<Elf>()? else {
        return Ok(None);
    };
    let mut object = Object {
        machine: header.e_machine(endian).0,
        ..Object::default()
    };
    let count = u64::from(header.e_phnum(endian));
    if count == 0 || usize::from(header.e_phentsize(endian)) != size_of::<Elf::ProgramHeader>() {
        return Ok(Some(object));
    }
    let start = header.e_phoff(endian).into();
    let Some(segments) = file.table::<Elf::ProgramHeader>(start, count)? else {
        return Ok(None);
    };
    if is_separated::<Elf>(file, &header, endian)? {
        return Ok(Some(object));
    }
    let find = |kind| {
        segments
            .iter()
            .find(|segment| segment.p_type(endian) == kind)
    };
    object.data = segments
        .iter()
        .find(|segment| {
            segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & (PF_W | PF_X) == PF_W
        })
        .map(|segment| segment.file_range(endian));
    if let Some(segment) = find(PT_INTERP) {
        let (offset, size) = segment.file_range(endian);
        let path = file.piece(offset, size.min(NAME_LIMIT as u64))?;
        object.interpreter = path.as_deref().and_then(string_at);
    }
    match find(PT_DYNAMIC) {
        Some(segment) => read_dynamic::<Elf>(file, &segments, segment, endian, object),
        None => Ok(Some(object)),
    }
}

/// Whether section headers are there and none has the dynamic section: debug information that was
/// separated from its object keeps the object's program headers, which describe bytes it has not.
fn is_separated<Elf>(file: &mut Pieces, header: &Elf, endian: Endianness) -> io::Result<bool>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let sections = Section::read_all(file, header, endian)?;
    Ok(!sections.is_empty() && !sections.iter().any(|section| section.kind == SHT_DYNAMIC.0))
}

fn read_dynamic<Elf>(
    file: &mut Pieces,
    segments: &[Elf::ProgramHeader],
    segment: &Elf::ProgramHeader,
    endian: Endianness,
    mut object: Object,
) -> io::Result<Option<Object>>
where
    Elf: FileHeader<Endian = Endianness>,
{
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
    let Some(offset) = file_offset::<Elf>(segments, endian, address) else {
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
