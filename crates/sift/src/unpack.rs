//! One stream, from where it starts to where it ends, within what is left of the limits.

use crate::form::{self, Form};
use crate::limits::{Limits, SearchError};
use crate::sealed;
use crate::search::Content;
use bzip2::bufread::BzDecoder;
use flate2::bufread::{DeflateDecoder, GzDecoder};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::rc::Rc;
use tempfile::SpooledTempFile;

/// Most memory for a stream's dictionary or window, in bytes: what `xz -9` and `zstd --ultra` use.
const WINDOW: u64 = 128 << 20;
/// Windows that no program writes, so that a stream which asks for one is none.
const NO_WINDOW: u64 = 4 << 30;
/// Bytes of an unpacked stream that are kept in memory; more goes to a file.
const MEMORY: usize = 8 << 20;
/// What each start costs beside what comes of it, in bytes of the total: so much is read for it.
const START: usize = 16 << 10;
/// From so many bytes on, what is not whole is a stream all the same.
const PROOF: u64 = 512;
/// Bytes that must be seen to tell what follows: of zstd, a frame's header and its first block's.
const AHEAD: usize = 32;
/// Bytes unpacked at a time.
const PIECE: usize = 64 << 10;
/// A zip member's header before its name.
const ZIP_HEADER: usize = 30;

/// What is left for a search.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    limits: Limits,
    spent: u64,
    folder: &'a Path,
}

impl<'a> Budget<'a> {
    pub(crate) const fn new(limits: Limits, folder: &'a Path) -> Self {
        let spent = 0;
        Self {
            limits,
            spent,
            folder,
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), SearchError> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limits.total {
            Err(SearchError::Total(self.limits.total))
        } else {
            Ok(())
        }
    }

    /// Takes account of a stream that has consumed and become so many bytes.
    fn allow(&self, consumed: u64, length: u64) -> Result<(), SearchError> {
        let Limits {
            ratio, ratio_from, ..
        } = self.limits;
        if length > ratio_from && length > consumed.saturating_mul(ratio) {
            Err(SearchError::Ratio(ratio))
        } else {
            Ok(())
        }
    }
}

/// What came of a stream.
pub(crate) struct Unpacked {
    /// Its content, as far as it could be unpacked.
    pub(crate) content: SpooledTempFile,
    /// Bytes of that.
    pub(crate) length: u64,
    /// Bytes of the stream itself.
    pub(crate) consumed: u64,
    /// It ended as streams do.
    pub(crate) is_whole: bool,
}

/// Unpacks what starts here; streams of one form that follow one another are one content.
pub(crate) fn unpack(
    content: &mut dyn Content,
    form: Form,
    budget: &mut Budget<'_>,
) -> Result<Unpacked, SearchError> {
    let mut kept = SpooledTempFile::new_in(MEMORY, budget.folder);
    let mut source = Counted::new(content);
    let (mut length, mut consumed, mut is_whole) = (0, 0, false);
    loop {
        let ended = one(&mut source, form, &mut kept, &mut length, budget, u64::MAX)?;
        if !ended {
            break;
        }
        (is_whole, consumed) = (true, source.seen.count());
        let follows = source.ahead()?;
        if !form.may_start(follows) || matches!(form, Form::Zip | Form::Sealed) {
            break;
        }
    }
    Ok(Unpacked {
        content: kept,
        length,
        consumed,
        is_whole,
    })
}

/// Whether a stream with content starts here, and not only what looks like one.
pub(crate) fn is_stream(
    content: &mut dyn Content,
    form: Form,
    budget: &mut Budget<'_>,
) -> Result<bool, SearchError> {
    let mut source = Counted::new(content);
    let mut length = 0;
    let into = &mut io::sink();
    let ended = one(&mut source, form, into, &mut length, budget, PROOF)?;
    Ok(length >= PROOF || (ended && length > 0))
}

/// Unpacks one stream, up to so many bytes; whether it ended as it should.
fn one(
    source: &mut Counted<'_>,
    form: Form,
    into: &mut dyn Write,
    length: &mut u64,
    budget: &mut Budget<'_>,
    most: u64,
) -> Result<bool, SearchError> {
    budget.spend(START as u64)?;
    let seen = Rc::clone(&source.seen);
    let mut consumed = seen.count();
    let mut piece = vec![0; PIECE];
    let mut decoder = match decoder(source, form, budget) {
        Ok(decoder) => decoder,
        Err(error) => return seen.none(error).map(|()| false),
    };
    while *length < most {
        let result = decoder.read(&mut piece);
        let (before, now) = (consumed, seen.count());
        consumed = now;
        let count = *result.as_ref().unwrap_or(&0);
        budget.spend((count as u64).max(now - before))?;
        match result {
            Ok(0) => {
                drop(decoder);
                // This decoder takes the end of the file for its own; an archive goes on.
                return Ok(form != Form::Zip || !source.fill_buf()?.is_empty());
            }
            Ok(count) => into.write_all(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return seen.none(Refusal::Io(error)).map(|()| false),
        }
        *length += count as u64;
        budget.allow(now, *length)?;
    }
    Ok(false)
}

/// Why there is no more of a stream.
enum Refusal {
    /// It is damaged, or is none, or its file cannot be read.
    Io(io::Error),
    /// It goes beyond the limits.
    Limit(SearchError),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn decoder<'d>(
    source: &'d mut Counted<'_>,
    form: Form,
    budget: &mut Budget<'_>,
) -> Result<Box<dyn Read + 'd>, Refusal> {
    Ok(match form {
        Form::Gzip => Box::new(GzDecoder::new(source)),
        Form::Bzip2 => Box::new(BzDecoder::new(source)),
        Form::Xz => {
            let kibibytes = u32::try_from(WINDOW >> 10).unwrap_or(u32::MAX);
            Box::new(XzReader::new_mem_limit(source, false, kibibytes))
        }
        Form::Zstd => {
            let is_frame = form::has_zstd_block(source.ahead()?);
            let opened = StreamingDecoder::new_with_max_window_size(source, WINDOW);
            Box::new(opened.map_err(|error| frame(&error, is_frame))?)
        }
        Form::Zip => {
            let mut header = [0; ZIP_HEADER];
            source.read_exact(&mut header)?;
            let u16_at = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
            let rest = u16_at(26) + u16_at(28);
            if !form.may_start(&header) {
                return Err(Refusal::Io(io::ErrorKind::InvalidData.into()));
            }
            io::copy(&mut source.take(rest), &mut io::sink())?;
            Box::new(DeflateDecoder::new(source))
        }
        Form::Sealed => {
            let store = sealed::Store::read(source)?;
            budget.spend(store.work()).map_err(Refusal::Limit)?;
            Box::new(io::Cursor::new(store.open()))
        }
    })
}

fn frame(error: &FrameDecoderError, is_frame: bool) -> Refusal {
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, .. }
            if is_frame && *requested <= NO_WINDOW =>
        {
            Refusal::Limit(SearchError::Window(WINDOW))
        }
        other => Refusal::Io(io::Error::other(other.to_string())),
    }
}

/// What was read of a file while a decoder had it.
#[derive(Default)]
struct Seen {
    count: Cell<u64>,
    /// The file, and not what is in it, is at fault.
    failure: Cell<Option<io::Error>>,
}

impl Seen {
    const fn count(&self) -> u64 {
        self.count.get()
    }

    /// What ends a stream early is no error, unless the file or a limit is the reason.
    fn none(&self, refusal: Refusal) -> Result<(), SearchError> {
        if let Some(error) = self.failure.take() {
            return Err(error.into());
        }
        match refusal {
            Refusal::Limit(error) => Err(error),
            // Its header has a checksum: this is no chance.
            Refusal::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                Err(SearchError::Window(WINDOW))
            }
            Refusal::Io(_) => Ok(()),
        }
    }
}

/// A file from where a stream starts.
struct Counted<'c> {
    inner: BufReader<&'c mut dyn Content>,
    seen: Rc<Seen>,
}

impl<'c> Counted<'c> {
    fn new(content: &'c mut dyn Content) -> Self {
        Self {
            inner: BufReader::with_capacity(START, content),
            seen: Rc::default(),
        }
    }

    /// The bytes that come next: more than any mark or header has, unless the file ends before.
    fn ahead(&mut self) -> io::Result<&[u8]> {
        if self.inner.buffer().len() < AHEAD {
            // Empties the buffer and stays where it is.
            let at = self.inner.stream_position();
            let stayed = at.and_then(|at| self.inner.seek(SeekFrom::Start(at)));
            stayed.map_err(|error| self.failed(error))?;
        }
        self.fill_buf()
    }

    fn failed(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            self.seen.failure.set(Some(error));
        }
        kind.into()
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) => return Err(self.failed(error)),
        };
        self.seen.count.set(self.seen.count() + count as u64);
        Ok(count)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.inner.fill_buf() {
            return Err(self.failed(error));
        }
        Ok(self.inner.buffer())
    }

    fn consume(&mut self, count: usize) {
        self.seen.count.set(self.seen.count() + count as u64);
        self.inner.consume(count);
    }
}
