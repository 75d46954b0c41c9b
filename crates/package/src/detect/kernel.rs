//! Kernels and their modules.
//!
//! A kernel provides `linux:VERSION`, a module needs it. The version of a kernel stands in the boot
//! header of an x86 image (Linux' `Documentation/arch/x86/boot.rst`) or in its banner,
//! `Linux version …`, which may be compressed as a whole, behind the loader of an ARM zImage, or in
//! the `.linux` section of a unified kernel image; that of a module after `vermagic=`.

mod search;
mod uki;
mod unpack;

use super::{DetectError, Findings, Package};
use crate::tree::{ContentReader, Node};
use search::Search;
use std::io::{self, Read, Seek, SeekFrom};
use unpack::{Unpacked, unpacked};

/// Directories below which kernels are looked for; the kernel of a bootable container lies beside
/// its modules.
const KERNELS: [&str; 3] = ["boot/", "lib/modules/", "usr/lib/modules/"];
/// Directories below which modules are looked for.
const MODULES: [&str; 2] = ["lib/modules/", "usr/lib/modules/"];
const BANNER: &[u8] = b"Linux version ";
const VERMAGIC: &[u8] = b"vermagic=";
/// Most decompressed bytes of one package: a distribution's modules have 1 GiB.
const UNPACKED_LIMIT: u64 = 8 << 30;
/// Where an x86 boot image says that it is one, and where its version is.
const BOOT_MARK: (usize, &[u8]) = (514, b"HdrS");
const BOOT_VERSION: usize = 526;
/// The version's place counts from here.
const BOOT_SECTORS: usize = 0x200;
/// Enough of an image for the version that its boot header points to.
const HEAD: usize = BOOT_SECTORS + 0xffff + 256;

/// What may still be decompressed.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(UNPACKED_LIMIT)
    }
}

/// Looks into a file that may be a kernel or a module.
pub(super) fn look(
    package: &Package<'_>,
    path: &str,
    node: &Node,
    budget: &mut Budget,
    findings: &mut Findings,
) -> Result<(), DetectError> {
    let below = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    if !below(&KERNELS) {
        return Ok(());
    }
    let file = package.tree.open(node)?;
    let found = versions(&file, budget)?;
    if budget.0 == 0 {
        return Err(DetectError::TooLarge(package.name.to_owned()));
    }
    if let Some(version) = found.kernel {
        findings.provide(&format!("linux:{version}"), None);
    }
    if let Some(version) = found.module.filter(|_| below(&MODULES)) {
        findings.depend(&format!("linux:{version}"));
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Versions {
    kernel: Option<String>,
    module: Option<String>,
}

fn versions(file: &ContentReader, budget: &mut Budget) -> io::Result<Versions> {
    match unpacked(file.again())? {
        Unpacked::Plain => {
            let (start, size) = match uki::kernel(file.again())? {
                Some(range) => range,
                None => (0, file.size()),
            };
            of_plain(file, start, size, budget)
        }
        Unpacked::Stream(stream) => of_stream(stream, budget),
    }
}

/// A file that is not compressed as a whole: an image, a module, or anything else.
fn of_plain(
    file: &ContentReader,
    start: u64,
    size: u64,
    budget: &mut Budget,
) -> io::Result<Versions> {
    let part = |from: u64| -> io::Result<io::Take<ContentReader>> {
        let mut file = file.again();
        file.seek(SeekFrom::Start(start + from))?;
        Ok(file.take(size - from))
    };
    let mut head = Vec::new();
    part(0)?.take(HEAD as u64).read_to_end(&mut head)?;
    let mut searches = [Search::new(BANNER), Search::new(VERMAGIC)];
    let gzip = search::run(part(0)?, &mut searches)?;
    let [banner, vermagic] = searches.map(Search::found);
    let mut kernel = boot_header(&head);
    if kernel.is_none()
        && let Some(at) = gzip
    {
        // The loader of an ARM zImage stands in front of the kernel and a table behind it.
        let inner = unpack::gzip(part(at)?);
        kernel = of_stream(inner, budget)?.kernel;
    }
    Ok(Versions {
        kernel: kernel.or(banner),
        module: vermagic,
    })
}

/// What comes out of a decompressor, as far as it comes: a damaged file has what it has up to the
/// damage.
fn of_stream(stream: impl Read, budget: &mut Budget) -> io::Result<Versions> {
    let mut stream = Metered {
        stream,
        budget,
        damaged: false,
    };
    let mut head = Vec::new();
    (&mut stream).take(HEAD as u64).read_to_end(&mut head)?;
    let mut searches = [Search::new(BANNER), Search::new(VERMAGIC)];
    let kernel = boot_header(&head);
    search::run(head.as_slice().chain(stream), &mut searches)?;
    let [banner, vermagic] = searches.map(Search::found);
    Ok(Versions {
        kernel: kernel.or(banner),
        module: vermagic,
    })
}

/// Ends when the budget does, and where the stream is damaged: a decoder that is read again after an
/// error may go on for ever (the one for LZMA2 does).
struct Metered<'a, R> {
    stream: R,
    damaged: bool,
    budget: &'a mut Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.budget.0).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if self.damaged {
            return Ok(0);
        }
        let count = match self.stream.read(&mut buffer[..wanted]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            read => read.unwrap_or(0),
        };
        self.damaged = count == 0 && wanted > 0;
        self.budget.0 -= count as u64;
        Ok(count)
    }
}

/// The version that an x86 boot header points to.
fn boot_header(head: &[u8]) -> Option<String> {
    let (at, mark) = BOOT_MARK;
    if head.get(at..at + mark.len())? != mark {
        return None;
    }
    let pointer = head.get(BOOT_VERSION..BOOT_VERSION + 2)?;
    let pointer = usize::from(u16::from_le_bytes([pointer[0], pointer[1]]));
    if pointer == 0 {
        return None;
    }
    version(head.get(BOOT_SECTORS + pointer..)?)
}

/// The version at the start of a line such as `6.12.57-example (user@host) #1 SMP`.
fn version(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii_start();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let end = line.iter().position(|byte| !is_part(byte));
    let version = &line[..end.unwrap_or(line.len())];
    (!version.is_empty()).then(|| String::from_utf8_lossy(version).into_owned())
}

#[cfg(test)]
mod tests;
