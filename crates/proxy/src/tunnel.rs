//! What a connection turns out to be: requests in the clear, or TLS with requests inside.

use crate::protocol::RefusalKind;
use crate::session::{After, Place, Shared};
use crate::target::Origin;
use crate::wire::Connection;
use bessemer_vm_proto::Entry;
use rustls::server::{Accepted, Acceptor};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// The first byte of a TLS connection: a handshake record.
const HANDSHAKE: u8 = 22;

/// Serves one connection of the guest. An error only says that it is over.
pub(crate) fn serve(shared: &Shared, stream: UnixStream, entry: Entry) -> io::Result<()> {
    let mut connection = Connection::new(stream);
    match entry {
        Entry::Http => shared.requests(&mut connection, &Place::ByHost).map(drop),
        Entry::Https => tls(shared, connection, None),
        Entry::Proxy => match shared.requests(&mut connection, &Place::Forward)? {
            After::Closed => Ok(()),
            After::Tunnel(origin) => tunnel(shared, connection, origin),
        },
    }
}

/// After `CONNECT`.
fn tunnel(
    shared: &Shared,
    mut connection: Connection<UnixStream>,
    origin: Origin,
) -> io::Result<()> {
    connection.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    match connection.peek()? {
        None => Ok(()),
        Some(HANDSHAKE) => tls(shared, connection, Some(origin)),
        Some(_) => {
            let place = Place::Fixed(Origin {
                tls: false,
                ..origin
            });
            shared.requests(&mut connection, &place).map(drop)
        }
    }
}

/// Ends TLS here. Without an origin, the name in the handshake says which server is meant.
fn tls(
    shared: &Shared,
    mut connection: Connection<UnixStream>,
    origin: Option<Origin>,
) -> io::Result<()> {
    let Some(accepted) = hello(&mut connection)? else {
        return Ok(());
    };
    let name = accepted.client_hello().server_name().map(str::to_owned);
    let named = name.as_deref().and_then(|name| Origin::parse(true, name));
    let origin = match (origin, named, name) {
        (Some(origin), None, None) => origin,
        (Some(origin), Some(named), _) if named.host == origin.host => origin,
        (None, Some(named), _) => named,
        (Some(origin), ..) => {
            let reason = "the name in the TLS handshake is another";
            return refuse(shared, &origin.to_string(), reason);
        }
        (None, ..) => {
            let reason = "the TLS handshake names no server";
            return refuse(shared, "a connection without a name", reason);
        }
    };
    let config = shared.authority.server(origin.bare_host());
    let config = config.map_err(io::Error::other)?;
    let server = match accepted.into_connection(config) {
        Ok(server) => server,
        Err((error, mut alert)) => {
            alert.write_all(&mut connection)?;
            return Err(io::Error::other(error));
        }
    };
    let mut inner = Connection::new(StreamOwned::new(server, connection));
    let result = shared.requests(&mut inner, &Place::Fixed(origin));
    close(inner.get_mut());
    result.map(drop)
}

/// Told, and nothing is said in a connection whose peer is not known.
fn refuse(shared: &Shared, url: &str, reason: &str) -> io::Result<()> {
    let told = shared.reporter.refuse(url, RefusalKind::Protocol, reason);
    told.map(drop)
}

/// The first message of a handshake; `None` when the connection ended before.
fn hello(connection: &mut Connection<UnixStream>) -> io::Result<Option<Accepted>> {
    let mut acceptor = Acceptor::default();
    loop {
        if acceptor.read_tls(connection)? == 0 {
            return Ok(None);
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(Some(accepted)),
            Ok(None) => {}
            Err((error, mut alert)) => {
                alert.write_all(connection)?;
                return Err(io::Error::other(error));
            }
        }
    }
}

/// Says that nothing more comes. The guest may have gone already.
fn close<S: Read + Write>(stream: &mut StreamOwned<ServerConnection, S>) {
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
