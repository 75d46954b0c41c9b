//! Questions for names in a guest without network, which nobody answers.
//!
//! A resolver that knows no server asks `127.0.0.1`, where nobody listens. A raw socket is given a
//! copy of such a datagram and changes nothing: no port is taken, no name gets an address, and
//! programs see the same errors as without it.

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, ipproto, recv, socket_with};
use std::io;
use std::os::fd::OwnedFd;

/// Longest datagram that is read; questions are shorter.
const MAX_DATAGRAM: usize = 2048;
/// Of UDP, and of a question before its name.
const UDP_HEADER: usize = 8;
const DNS_HEADER: usize = 12;
/// Where names are asked for.
const PORT: u16 = 53;
/// Most names that are told; the first are what a step stumbled over.
const TOLD: usize = 3;

/// Hears questions as they are asked. As many wait as the kernel's buffer takes; what comes after
/// them is lost.
#[derive(Debug)]
pub(crate) struct Questions(OwnedFd);

impl Questions {
    /// Needs what PID 1 of a guest has: `CAP_NET_RAW`.
    pub(crate) fn listen() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::RAW,
            flags,
            Some(ipproto::UDP),
        )?;
        Ok(Self(socket))
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget(&self) {
        while self.next().is_some() {}
    }

    /// Names that were asked for since, each once and in order, at most [`TOLD`]. Without those
    /// that have one label: a machine's own name is asked for by many programs.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(datagram) = self.next() {
            let name = asked(&datagram).filter(|name| name.contains('.'));
            if let Some(name) = name.filter(|name| !names.contains(name))
                && names.len() < TOLD
            {
                names.push(name);
            }
        }
        names
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            match recv(&self.0, &mut buffer[..], RecvFlags::empty()) {
                Ok((length, _)) => {
                    buffer.truncate(length);
                    return Some(buffer);
                }
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

/// The name in a question (RFC 1035), in an IPv4 datagram with its headers.
fn asked(datagram: &[u8]) -> Option<String> {
    let header = usize::from(datagram.first()? & 0xf) * 4;
    let udp = datagram.get(header..)?;
    let message = udp.get(UDP_HEADER..)?;
    let port = u16::from_be_bytes([udp[2], udp[3]]);
    let is_answer = message.get(2)? & 0x80 != 0;
    let questions = message.get(4..6)?;
    if port != PORT || is_answer || questions != [0, 1] {
        return None;
    }
    let mut rest = message.get(DNS_HEADER..)?;
    let mut labels = Vec::new();
    loop {
        let (length, after) = rest.split_first()?;
        let length = usize::from(*length);
        if length == 0 {
            return Some(labels.join("."));
        }
        let label = after.get(..length)?;
        if length > 63 || !label.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        rest = &after[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(port: u16, flags: u8, name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45; 20];
        bytes.extend([0x80, 0]);
        bytes.extend(port.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend([7, 9, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        bytes.extend(name);
        bytes.extend([0, 1, 0, 1]);
        bytes
    }

    #[test]
    fn a_question_names_its_server() {
        let name = b"\x07Example\x03org\0";
        let asked_for = |datagram: &[u8]| asked(datagram);
        assert_eq!(
            asked_for(&datagram(53, 1, name)).as_deref(),
            Some("example.org")
        );
        assert_eq!(asked_for(&datagram(54, 1, name)), None);
        assert_eq!(asked_for(&datagram(53, 0x81, name)), None, "an answer");
        assert_eq!(asked_for(&datagram(53, 1, b"\x03a\x1b[\0")), None);
        let whole = datagram(53, 1, name);
        for length in 0..whole.len() - 4 {
            assert_eq!(asked_for(&whole[..length]), None, "{length}");
        }
    }
}
