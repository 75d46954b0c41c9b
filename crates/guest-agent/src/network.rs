//! The way out of a guest that has a network: what programs connect to, and what they trust.
//!
//! A program that heeds proxy variables comes to [`FORWARD`]; one that does not resolves every name
//! to [`EVERYWHERE`] and comes there. Either way its bytes go to the host's proxy over the data
//! port. Nothing else leads out, and no query for a name leaves the guest.

mod dns;
mod trust;

use crate::boot::BootError;
use bessemer_relay::{Side, relay};
use bessemer_vm_proto::{DATA_PORT, Entry, GuestNetwork, Streams};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// Where the forward proxy listens.
const FORWARD: &str = "127.0.0.1:3128";
/// Where names are asked for.
const NAMES: &str = "127.0.0.1:53";
/// What every name resolves to: not `127.0.0.1`, whose ports are the recipe's own.
const EVERYWHERE: [u8; 4] = [127, 0, 0, 2];

struct Listeners(Vec<(TcpListener, Entry)>);

impl Side for Listeners {
    fn listeners(&self) -> Vec<(BorrowedFd<'_>, Entry)> {
        let listeners = self.0.iter();
        listeners
            .map(|(listener, entry)| (listener.as_fd(), *entry))
            .collect()
    }

    fn opened(&mut self, _: Entry) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Opens the data port: devices are in sight before the guest's root is.
pub(crate) fn open() -> Result<File, BootError> {
    crate::serve::open_port(DATA_PORT).map_err(BootError::at("opening", DATA_PORT))
}

/// Starts what programs connect to, and makes them trust it; in the guest's root.
pub(crate) fn start(port: File, network: &GuestNetwork) -> Result<(), BootError> {
    trust::install(network)?;
    let [a, b, c, d] = EVERYWHERE;
    let everywhere = |port: u16| format!("{a}.{b}.{c}.{d}:{port}");
    let mut listeners = Vec::new();
    for (address, entry) in [
        (FORWARD.to_owned(), Entry::Proxy),
        (everywhere(80), Entry::Http),
        (everywhere(443), Entry::Https),
    ] {
        let listener = TcpListener::bind(&address);
        let listener = listener.and_then(|listener| {
            // A connection that has gone before it is accepted must not be waited for.
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listeners.push((
            listener.map_err(BootError::at("listening on", address))?,
            entry,
        ));
    }
    let queries = UdpSocket::bind(NAMES).map_err(BootError::at("listening on", NAMES))?;
    let streams = TcpListener::bind(NAMES).map_err(BootError::at("listening on", NAMES))?;
    std::thread::spawn(move || dns::serve_datagrams(&queries, EVERYWHERE));
    std::thread::spawn(move || dns::serve_streams(&streams, EVERYWHERE));
    std::thread::spawn(move || {
        let ended = relay(port.into(), Streams::of_guest(), &mut Listeners(listeners));
        if let Err(error) = ended {
            let _ = writeln!(io::stderr(), "bessemer-agent: network: {error}");
        }
    });
    Ok(())
}

/// Adds what programs look for, unless the recipe says something else.
pub(crate) fn add_variables(environment: &mut BTreeMap<String, String>) {
    let proxy = format!("http://{FORWARD}");
    let own = "localhost,127.0.0.1,::1";
    let proxies = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
    let exempt = ["no_proxy", "NO_PROXY"];
    let trusted = [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CARGO_HTTP_CAINFO",
        "NIX_SSL_CERT_FILE",
        "AWS_CA_BUNDLE",
        "DENO_CERT",
    ];
    let all = proxies
        .into_iter()
        .map(|name| (name, proxy.as_str()))
        .chain(exempt.map(|name| (name, own)))
        .chain(trusted.map(|name| (name, trust::BUNDLE)));
    for (name, value) in all {
        let known = environment.entry(name.to_owned());
        known.or_insert_with(|| value.to_owned());
    }
}
