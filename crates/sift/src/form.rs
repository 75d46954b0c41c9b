//! What is compressed or sealed, known by its first bytes.

use memchr::memmem::find_iter;
use std::fmt;

/// Most bytes by which a form is known.
pub(crate) const MARK: usize = 11;

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// RFC 1952.
    Gzip,
    /// The .xz file format 1.2.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2, as its program writes it.
    Bzip2,
    /// A deflated member of a zip archive, jar or wheel (APPNOTE.TXT 6.3, 4.3.7).
    Zip,
    /// Encrypted by PBES2 (RFC 8018), as in PKCS#12, with a password that everybody knows.
    Sealed,
}

impl Form {
    const ALL: [Self; 6] = [
        Self::Gzip,
        Self::Xz,
        Self::Zstd,
        Self::Bzip2,
        Self::Zip,
        Self::Sealed,
    ];

    /// The bytes that it starts with, at most [`MARK`].
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b, 8],
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Bzip2 => b"BZh",
            Self::Zip => b"PK\x03\x04",
            // The object identifier of PBES2; its parameters and what is encrypted follow.
            Self::Sealed => &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d],
        }
    }

    /// Whether it may start with these bytes, as far as they tell.
    pub(crate) fn may_start(self, bytes: &[u8]) -> bool {
        if !bytes.starts_with(self.mark()) {
            return false;
        }
        match self {
            // The upper flags are reserved.
            Self::Gzip => bytes.get(3).is_none_or(|flags| flags & 0xe0 == 0),
            // The size of blocks, and the mark of the first or of the end.
            Self::Bzip2 => bytes.get(3..).is_none_or(|rest| {
                matches!(rest.first(), Some(b'1'..=b'9') | None)
                    && matches!(rest.get(1), Some(0x31 | 0x17) | None)
            }),
            // Deflated and not encrypted; what is stored stands there as it is.
            Self::Zip => {
                bytes.get(6).is_none_or(|flags| flags & 1 == 0)
                    && bytes.get(8).is_none_or(|method| *method == 8)
            }
            // Of the descriptor, one bit is reserved.
            Self::Zstd => bytes.get(4).is_none_or(|descriptor| descriptor & 8 == 0),
            Self::Xz | Self::Sealed => true,
        }
    }

    /// Where in these bytes one may start, in order; only places before `end` are told.
    pub(crate) fn starts(bytes: &[u8], end: usize) -> Vec<(usize, Self)> {
        let mut starts = Vec::new();
        for form in Self::ALL {
            let places = find_iter(bytes, form.mark()).filter(|at| *at < end);
            let places = places.filter(|at| form.may_start(&bytes[*at..]));
            starts.extend(places.map(|at| (at, form)));
        }
        starts.sort_unstable_by_key(|(at, _)| *at);
        starts
    }
}

/// Whether the first block of a zstd frame has a header that blocks have (RFC 8878, 3.1.1.2), as
/// far as these bytes tell. Four bytes of chance are in every large file; this is for what must
/// not be said of them.
pub(crate) fn has_zstd_block(frame: &[u8]) -> bool {
    const LARGEST: u32 = 128 << 10;
    const RESERVED: u32 = 3;
    let Some(descriptor) = frame.get(4) else {
        return false;
    };
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = [usize::from(is_single), 2, 4, 8][usize::from(descriptor >> 6)];
    let at = 5 + usize::from(!is_single) + dictionary + size;
    let Some(&[one, two, three]) = frame.get(at..at + 3) else {
        return false;
    };
    let header = u32::from_le_bytes([one, two, three, 0]);
    (header >> 1) & 3 != RESERVED && header >> 3 <= LARGEST
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Zip => "zip",
            Self::Sealed => "a sealed key store",
        })
    }
}
