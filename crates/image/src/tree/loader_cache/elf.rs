//! What of an ELF file the cache needs.

use object::Endianness;
use object::elf;
use object::read::elf::{ElfFile, FileHeader};

/// A shared object.
pub(super) struct SharedObject {
    /// The first name it says of itself.
    pub(super) soname: Option<String>,
    /// What the cache says of its kind: an ELF file for glibc, and the architecture.
    pub(super) flags: u32,
}

/// An ELF file for glibc (`FLAG_ELF_LIBC6`).
const LIBC6: u32 = 0x0003;

/// Reads a file; `None` if it is no shared object, or one of an unknown architecture.
pub(super) fn read(bytes: &[u8]) -> Option<SharedObject> {
    match bytes.get(4)? {
        1 => read_as::<elf::FileHeader32<Endianness>>(bytes),
        2 => read_as::<elf::FileHeader64<Endianness>>(bytes),
        _ => None,
    }
}

fn read_as<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<SharedObject> {
    let file = ElfFile::<Header>::parse(bytes).ok()?;
    let (header, endian) = (file.elf_header(), file.endian());
    if header.e_type(endian) != elf::ET_DYN {
        return None;
    }
    let flags = LIBC6 | required(header.e_machine(endian), header.is_type_64())?;
    let table = file.elf_dynamic_table().ok()?;
    let named = table.iter().find(|entry| entry.tag == elf::DT_SONAME);
    let name = named.and_then(|entry| table.string(entry).ok());
    Some(SharedObject {
        soname: name.map(|name| String::from_utf8_lossy(name).into_owned()),
        flags,
    })
}

/// glibc's flag of an architecture; apko knows the first two, and fails for all others.
fn required(machine: elf::Machine, is_64: bool) -> Option<u32> {
    Some(match (machine, is_64) {
        (elf::EM_X86_64, true) => 0x0300,
        (elf::EM_AARCH64, true) => 0x0a00,
        (elf::EM_386, false) => 0x0000,
        (elf::EM_ARM, false) => 0x0900,
        (elf::EM_PPC64, true) => 0x0500,
        (elf::EM_S390, true) => 0x0400,
        (elf::EM_RISCV, true) => 0x1000,
        (elf::EM_LOONGARCH, true) => 0x1200,
        _ => return None,
    })
}
