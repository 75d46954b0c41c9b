//! The launch request: one packet on a `SOCK_SEQPACKET` socket, with descriptors beside it.
//!
//! All numbers are u32, little endian: the eight bytes `BSMRJL03`, the kind (0: a machine, 1: a
//! proxy), flags (bit 0: `/dev/kvm` is needed), its limits (memory in MiB, processes and threads, hundredths of a processor,
//! seconds until it is killed; none may be 0), number of arguments, then each argument as length and
//! bytes. The descriptors (`SCM_RIGHTS`) of a machine, in order: leash, kernel, initramfs, console,
//! diagnostics, then those that QEMU finds as 100, 101, …. A proxy has no arguments and no
//! `/dev/kvm`, and exactly four descriptors: leash, and its standard input, output and error.
//!
//! The leash is a `SOCK_SEQPACKET` socket too. On it the jailer answers `started PROFILE` with a
//! line for every layer (`+name`, or `-name: reason` for one that is missing), or `failed` with a
//! reason; later `ended exited N`, `ended signaled N` or, when its time was over, `ended limit N`.
//! Any packet from the client, or its end, kills the machine.

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

const MAGIC: &[u8; 8] = b"BSMRJL03";
/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// Most arguments.
const MAX_ARGUMENTS: u32 = 256;
/// Most descriptors of one request.
const MAX_DESCRIPTORS: usize = 32;
/// Descriptors with a meaning of their own, before those that are inherited.
const FIXED_DESCRIPTORS: usize = 5;
/// Descriptors of a proxy.
const PROXY_DESCRIPTORS: usize = 4;

/// What QEMU, or a proxy, is to be given.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) text: RequestText,
    pub(crate) leash: OwnedFd,
    pub(crate) kind: Kind,
    /// Standard output.
    pub(crate) console: OwnedFd,
    /// Standard error.
    pub(crate) diagnostics: OwnedFd,
    pub(crate) inherited: Vec<OwnedFd>,
}

/// What is started.
#[derive(Debug)]
pub(crate) enum Kind {
    /// QEMU, which boots these.
    Machine { kernel: OwnedFd, initramfs: OwnedFd },
    /// A guest's proxy, with this as standard input.
    Proxy { control: OwnedFd },
}

impl Request {
    pub(crate) const fn is_proxy(&self) -> bool {
        matches!(self.kind, Kind::Proxy { .. })
    }
}

/// The part of a request that is bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestText {
    pub(crate) proxy: bool,
    pub(crate) kvm: bool,
    pub(crate) limits: Limits,
    pub(crate) arguments: Vec<CString>,
}

/// What QEMU and the guest in it may use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Memory in MiB, what QEMU itself needs included.
    pub(crate) memory_mib: u32,
    /// Processes and threads of the host.
    pub(crate) tasks: u32,
    /// Hundredths of a processor.
    pub(crate) cpu_percent: u32,
    /// Seconds on the clock until it is killed.
    pub(crate) seconds: u32,
}

/// A request that is refused. The client is broken or hostile: the jailer ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("cannot receive a request: {0}")]
    Receive(#[from] io::Error),
    #[error("request is cut off")]
    Truncated,
    #[error("request does not start with the right magic")]
    Magic,
    #[error("request is of kind {0}, which is not known")]
    Kind(u32),
    #[error("request has flags {0:#x}, which are not known")]
    Flags(u32),
    #[error("request for a proxy has what only a machine has")]
    Proxy,
    #[error("request has a limit of 0")]
    Limit,
    #[error("request has {0} arguments, more than {MAX_ARGUMENTS}")]
    Arguments(u32),
    #[error("request has an argument with a NUL byte")]
    Nul,
    #[error("request has {0} bytes after its end")]
    Trailing(usize),
    #[error("request has {0} descriptors, expected {FIXED_DESCRIPTORS} to {MAX_DESCRIPTORS}")]
    Descriptors(usize),
}

impl RequestText {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(RequestError::Magic)?;
        let kind = number(&mut rest)?;
        if kind > 1 {
            return Err(RequestError::Kind(kind));
        }
        let flags = number(&mut rest)?;
        if flags > 1 {
            return Err(RequestError::Flags(flags));
        }
        let limits = Limits::decode(&mut rest)?;
        let count = number(&mut rest)?;
        if count > MAX_ARGUMENTS {
            return Err(RequestError::Arguments(count));
        }
        let mut arguments = Vec::new();
        for _ in 0..count {
            let length = number(&mut rest)? as usize;
            let (argument, after) = rest
                .split_at_checked(length)
                .ok_or(RequestError::Truncated)?;
            arguments.push(CString::new(argument).map_err(|_| RequestError::Nul)?);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(RequestError::Trailing(rest.len()));
        }
        if kind == 1 && (flags != 0 || count != 0) {
            return Err(RequestError::Proxy);
        }
        Ok(Self {
            proxy: kind == 1,
            kvm: flags == 1,
            limits,
            arguments,
        })
    }
}

impl Limits {
    fn decode(rest: &mut &[u8]) -> Result<Self, RequestError> {
        let mut limit = || match number(rest)? {
            0 => Err(RequestError::Limit),
            limit => Ok(limit),
        };
        Ok(Self {
            memory_mib: limit()?,
            tasks: limit()?,
            cpu_percent: limit()?,
            seconds: limit()?,
        })
    }
}

fn number(rest: &mut &[u8]) -> Result<u32, RequestError> {
    let (bytes, after) = rest
        .split_first_chunk::<4>()
        .ok_or(RequestError::Truncated)?;
    *rest = after;
    Ok(u32::from_le_bytes(*bytes))
}

/// The next request, or `None` when the client has gone.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> Result<Option<Request>, RequestError> {
    let mut bytes = vec![0; MAX_REQUEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
    let message = message.map_err(io::Error::from)?;
    let mut descriptors = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    if message.bytes == 0 {
        return Ok(None);
    }
    if message
        .flags
        .intersects(rustix::net::ReturnFlags::TRUNC | rustix::net::ReturnFlags::CTRUNC)
    {
        return Err(RequestError::Truncated);
    }
    let text = RequestText::decode(&bytes[..message.bytes])?;
    assign(text, descriptors).map(Some)
}

fn assign(text: RequestText, descriptors: Vec<OwnedFd>) -> Result<Request, RequestError> {
    let count = descriptors.len();
    if text.proxy && count != PROXY_DESCRIPTORS {
        return Err(RequestError::Descriptors(count));
    }
    let mut descriptors = descriptors.into_iter();
    let mut next = || descriptors.next().ok_or(RequestError::Descriptors(count));
    let leash = next()?;
    let kind = if text.proxy {
        Kind::Proxy { control: next()? }
    } else {
        Kind::Machine {
            kernel: next()?,
            initramfs: next()?,
        }
    };
    Ok(Request {
        text,
        leash,
        kind,
        console: next()?,
        diagnostics: next()?,
        inherited: descriptors.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(flags: u32, arguments: &[&[u8]]) -> Vec<u8> {
        of_kind(0, flags, arguments)
    }

    fn of_kind(kind: u32, flags: u32, arguments: &[&[u8]]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for limit in [1536_u32, 64, 200, 3600] {
            bytes.extend(limit.to_le_bytes());
        }
        bytes.extend(u32::try_from(arguments.len()).unwrap().to_le_bytes());
        for argument in arguments {
            bytes.extend(u32::try_from(argument.len()).unwrap().to_le_bytes());
            bytes.extend(*argument);
        }
        bytes
    }

    #[test]
    fn a_request_is_read_and_every_cut_of_it_refused() {
        let bytes = encode(1, &[b"-m", b"128"]);
        let text = RequestText::decode(&bytes).unwrap();
        assert_eq!(
            text,
            RequestText {
                proxy: false,
                kvm: true,
                limits: Limits {
                    memory_mib: 1536,
                    tasks: 64,
                    cpu_percent: 200,
                    seconds: 3600
                },
                arguments: vec![c"-m".into(), c"128".into()]
            }
        );
        for length in 0..bytes.len() {
            assert!(RequestText::decode(&bytes[..length]).is_err(), "{length}");
        }
        assert!(RequestText::decode(&of_kind(1, 0, &[])).unwrap().proxy);
    }

    #[test]
    fn what_is_not_fixed_is_refused() {
        let many = vec![b"a".as_slice(); 257];
        let mut trailing = encode(0, &[b"a"]);
        trailing.push(0);
        let mut unlimited = encode(0, &[b"a"]);
        unlimited[20..24].fill(0);
        for (bytes, expected) in [
            (unlimited, "limit of 0"),
            (encode(2, &[]), "flags"),
            (encode(0, &many), "257 arguments"),
            (encode(0, &[b"a\0b"]), "NUL"),
            (trailing, "after its end"),
            (b"BSMRJL02".to_vec(), "magic"),
            (of_kind(2, 0, &[]), "kind 2"),
            (of_kind(1, 1, &[]), "only a machine"),
            (of_kind(1, 0, &[b"a"]), "only a machine"),
        ] {
            let error = RequestText::decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = RequestText::decode(&bytes);
            let mut whole = MAGIC.to_vec();
            whole.extend(bytes);
            let _ = RequestText::decode(&whole);
        }
    }
}
