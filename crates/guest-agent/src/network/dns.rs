//! Answers every question for a name with one address (RFC 1035): the proxy resolves names itself.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Longest question that is read.
const MAX_MESSAGE: usize = 4096;
/// Before the first question.
const HEADER: usize = 12;
/// Longest name, in bytes as they are sent.
const MAX_NAME: usize = 255;
/// Seconds for which an answer holds.
const LIFETIME: u32 = 60;
/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers datagrams; ends only when the socket fails.
pub(super) fn serve_datagrams(socket: &UdpSocket, address: [u8; 4]) {
    let mut buffer = [0; MAX_MESSAGE];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        if let Some(answer) = answer(&buffer[..length], address) {
            // Whoever asked may have gone.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// Answers connections, one after another.
pub(super) fn serve_streams(listener: &TcpListener, address: [u8; 4]) {
    for stream in listener.incoming().flatten() {
        // An error is the end of one connection.
        let _ = serve_stream(stream, address);
    }
}

fn serve_stream(mut stream: TcpStream, address: [u8; 4]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut message)?;
        let Some(answer) = answer(&message, address) else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}

/// The answer to a message; none to what is no question.
fn answer(message: &[u8], address: [u8; 4]) -> Option<Vec<u8>> {
    let header = message.get(..HEADER)?;
    let is_answer = header[2] & 0x80 != 0;
    let questions = u16::from_be_bytes([header[4], header[5]]);
    if is_answer || questions != 1 {
        return None;
    }
    let end = name_end(message)?;
    let question = message.get(HEADER..end + 4)?;
    let kind = u16::from_be_bytes([message[end], message[end + 1]]);
    let local = message[HEADER..end].eq_ignore_ascii_case(b"\x09localhost\0");
    let address = if local { [127, 0, 0, 1] } else { address };
    // A record of type A; there are no others, and no error that would make a program give up.
    let found = kind == 1;
    let mut answer = header[..2].to_vec();
    // An answer, recursion as it was desired, recursion available, no error.
    answer.extend([0x80 | (header[2] & 0x01), 0x80]);
    answer.extend([0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    answer.extend_from_slice(question);
    if found {
        // The name is the question's.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1]);
        answer.extend(LIFETIME.to_be_bytes());
        answer.extend([0, 4]);
        answer.extend(address);
    }
    Some(answer)
}

/// Where the name of the question ends.
fn name_end(message: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1 + length;
        // A pointer cannot be in the first name.
        if length > 63 || at - HEADER > MAX_NAME {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &[u8], kind: u8) -> Vec<u8> {
        let mut message = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(name);
        message.extend([0, kind, 0, 1]);
        message
    }

    #[test]
    fn every_name_has_one_address() {
        let message = question(b"\x07example\x03org\0", 1);
        let answer = answer(&message, [127, 0, 0, 2]).unwrap();
        assert_eq!(answer[..4], [7, 9, 0x81, 0x80]);
        assert_eq!(answer[HEADER..message.len()], message[HEADER..]);
        assert!(answer.ends_with(&[0, 4, 127, 0, 0, 2]));
        let local = question(b"\x09LocalHost\0", 1);
        assert!(
            super::answer(&local, [127, 0, 0, 2])
                .unwrap()
                .ends_with(&[127, 0, 0, 1])
        );
        let six = question(b"\x01a\0", 28);
        let none = super::answer(&six, [127, 0, 0, 2]).unwrap();
        assert_eq!(
            (none.len(), none[7]),
            (six.len(), 0),
            "no such address, and no error"
        );
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let good = question(b"\x01a\0", 1);
        for length in 0..good.len() {
            assert!(answer(&good[..length], [0; 4]).is_none(), "{length}");
        }
        let mut response = good.clone();
        response[2] |= 0x80;
        assert!(answer(&response, [0; 4]).is_none());
        assert!(answer(&question(&[0xc0, 0x0c], 1), [0; 4]).is_none());
        assert!(answer(&question(&[63; 400], 1), [0; 4]).is_none());
    }
}
