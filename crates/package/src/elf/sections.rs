//! Section headers: for people and debuggers, not for the loader.

use super::pieces::{Pieces, TABLE_LIMIT};
use super::{CLASS_32, CLASS_64};
use crate::tree::ContentReader;
use object::Endianness;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use std::io;

/// One section header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    /// `sh_type`.
    pub(crate) kind: u32,
    /// Where its bytes begin in the file.
    pub(crate) offset: u64,
    /// How many there are.
    pub(crate) size: u64,
    name: u32,
}

impl Section {
    /// All of them; none when the table is missing, malformed or larger than any real one.
    pub(super) fn read_all<Elf>(
        file: &mut Pieces,
        header: &Elf,
        endian: Endianness,
    ) -> io::Result<Vec<Self>>
    where
        Elf: FileHeader<Endian = Endianness>,
    {
        let count = u64::from(header.e_shnum(endian));
        let entry = usize::from(header.e_shentsize(endian));
        if count == 0 || entry != size_of::<Elf::SectionHeader>() {
            return Ok(Vec::new());
        }
        let start = header.e_shoff(endian).into();
        let table = file.table::<Elf::SectionHeader>(start, count)?;
        let section = |header: &Elf::SectionHeader| Self {
            kind: header.sh_type(endian).0,
            offset: header.sh_offset(endian).into(),
            size: header.sh_size(endian).into(),
            name: header.sh_name(endian),
        };
        Ok(table.unwrap_or_default().iter().map(section).collect())
    }

    /// The section with this name.
    pub(crate) fn find(file: ContentReader, name: &str) -> io::Result<Option<Self>> {
        let sections = named(file)?;
        let found = sections.into_iter().find(|(_, own)| own == name);
        Ok(found.map(|(section, _)| section))
    }
}

/// The names of an ELF file's sections, in order; none when the file is no ELF, a malformed one, or
/// has no section headers.
///
/// # Errors
/// Only when the file cannot be read.
pub fn section_names(file: ContentReader) -> io::Result<Vec<String>> {
    Ok(named(file)?.into_iter().map(|(_, name)| name).collect())
}

fn named(file: ContentReader) -> io::Result<Vec<(Section, String)>> {
    let mut file = Pieces::new(file);
    match file.class()? {
        Some(CLASS_32) => of_class::<FileHeader32<Endianness>>(&mut file),
        Some(CLASS_64) => of_class::<FileHeader64<Endianness>>(&mut file),
        _ => Ok(Vec::new()),
    }
}

fn of_class<Elf>(file: &mut Pieces) -> io::Result<Vec<(Section, String)>>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let Some((header, endian)) = file.header::<Elf>()? else {
        return Ok(Vec::new());
    };
    let sections = Section::read_all(file, &header, endian)?;
    let Some(strings) = sections.get(usize::from(header.e_shstrndx(endian).0)) else {
        return Ok(Vec::new());
    };
    let (offset, size) = (strings.offset, strings.size.min(TABLE_LIMIT));
    let mut names = Vec::with_capacity(sections.len());
    for section in &sections {
        let name = file.string(offset, size, u64::from(section.name))?;
        names.push((*section, name.unwrap_or_default()));
    }
    Ok(names)
}
