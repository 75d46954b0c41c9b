//! A guest's side: a port that programs use as their proxy, carried to a proxy of its own.

use bessemer_proxy::protocol::{Config, Exchange, Limits, Mode, Recorded, Refusal, Report};
use bessemer_relay::{Side, relay};
use bessemer_vm_proto::{Entry, Streams};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IoSlice, Read as _, Seek as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running proxy and the port that leads to it.
pub(crate) struct Guest {
    child: Child,
    data: UnixStream,
    relay: Option<JoinHandle<()>>,
    reports: Receiver<Report>,
    spool: File,
    pub(crate) forward: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
}

/// What a proxy told of its guest.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) exchanges: Vec<(Exchange, Vec<u8>)>,
    pub(crate) refusals: Vec<Refusal>,
}

struct Listeners(Vec<(TcpListener, Entry)>);

impl Side for Listeners {
    fn listeners(&self) -> Vec<(BorrowedFd<'_>, Entry)> {
        self.0
            .iter()
            .map(|(listener, entry)| (listener.as_fd(), *entry))
            .collect()
    }

    fn opened(&mut self, _: Entry) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) fn config(mode: Mode) -> Config {
    Config {
        mode,
        allow: Vec::new(),
        deny: Vec::new(),
        private: Vec::new(),
        limits: Limits::default(),
        authorities: String::new(),
        credentials: Vec::new(),
        recorded: Vec::new(),
    }
}

fn memory(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

impl Guest {
    pub(crate) fn start(config: &Config) -> Self {
        Self::replaying(config, &[])
    }

    /// With a file of bodies, as a replay has.
    pub(crate) fn replaying(config: &Config, bodies: &[u8]) -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        let spool = tempfile::tempfile().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_bessemer-proxy"))
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(spool.try_clone().unwrap())
            .spawn()
            .unwrap();
        let (data, guests) = UnixStream::pair().unwrap();
        let text = memory(&serde_json::to_vec(config).unwrap());
        let bodies = memory(bodies);
        let given = [guests.as_fd(), text.as_fd(), bodies.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&given)));
        sendmsg(
            &control,
            &[IoSlice::new(b"!")],
            &mut ancillary,
            SendFlags::empty(),
        )
        .unwrap();
        drop(guests);
        let (sender, reports) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(control).lines() {
                let report = serde_json::from_str(&line.unwrap()).unwrap();
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        let Ok(Report::Ready(ca)) = reports.recv_timeout(Duration::from_secs(20)) else {
            panic!("the proxy is not ready");
        };
        let entries = [Entry::Proxy, Entry::Http, Entry::Https];
        let listeners = entries.map(|entry| (TcpListener::bind("127.0.0.1:0").unwrap(), entry));
        let [forward, http, https] = listeners
            .each_ref()
            .map(|(listener, _)| listener.local_addr().unwrap());
        let port = OwnedFd::from(data.try_clone().unwrap());
        let relay = std::thread::spawn(move || {
            let mut listeners = Listeners(listeners.into());
            relay(port, Streams::of_guest(), &mut listeners).unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &ca).unwrap();
        Self {
            child,
            data,
            relay: Some(relay),
            reports,
            spool,
            forward,
            http,
            https,
            folder,
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program as a step of a recipe has it: proxies and trust in its environment, nothing of the
    /// one who runs the tests but where programs are.
    pub(crate) fn command(&self, program: &str) -> Command {
        let ca = self.at("ca.pem");
        let proxy = format!("http://{}", self.forward);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(name, &proxy);
        }
        for name in [
            "SSL_CERT_FILE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "PIP_CERT",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "CARGO_HTTP_CAINFO",
        ] {
            command.env(name, &ca);
        }
        command
    }

    /// Runs `curl`; its output and whether it succeeded.
    pub(crate) fn curl(&self, words: &[&str]) -> (Vec<u8>, bool) {
        let mut command = self.command("curl");
        let output = command
            .args(["-sS", "--fail"])
            .args(words)
            .output()
            .unwrap();
        (output.stdout, output.status.success())
    }

    /// Sends bytes to one of the ports as they are, and returns what comes back.
    pub(crate) fn raw(to: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(to).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Ends the guest and waits for the proxy's end.
    pub(crate) fn finish(mut self) -> Told {
        self.data.shutdown(std::net::Shutdown::Both).unwrap();
        self.relay.take().unwrap().join().unwrap();
        let mut told = Told {
            exchanges: Vec::new(),
            refusals: Vec::new(),
        };
        loop {
            match self.reports.recv_timeout(Duration::from_secs(60)).unwrap() {
                Report::Done => break,
                Report::Refused(refusal) => told.refusals.push(refusal),
                Report::Exchange(exchange) => {
                    let mut body = Vec::new();
                    for (offset, length) in &exchange.pieces {
                        let mut piece = vec![0; usize::try_from(*length).unwrap()];
                        self.spool.read_exact_at(&mut piece, *offset).unwrap();
                        body.extend(piece);
                    }
                    let digest = bessemer_digest::Digest::of(&body);
                    assert_eq!(digest, exchange.answer.body.sha256);
                    assert_eq!(body.len() as u64, exchange.answer.body.size);
                    told.exchanges.push((*exchange, body));
                }
                Report::Ready(_) => panic!("ready twice"),
            }
        }
        assert!(self.child.wait().unwrap().success());
        told
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Told {
    /// Method, URL and status of every exchange.
    pub(crate) fn urls(&self) -> Vec<String> {
        let exchanges = self.exchanges.iter();
        exchanges
            .map(|(one, _)| {
                format!(
                    "{} {} {}",
                    one.asked.method, one.asked.url, one.answer.status
                )
            })
            .collect()
    }

    pub(crate) fn body_of(&self, ending: &str) -> &[u8] {
        let found = self
            .exchanges
            .iter()
            .find(|(one, _)| one.asked.url.ends_with(ending));
        &found
            .unwrap_or_else(|| panic!("{ending}: {:?}", self.urls()))
            .1
    }

    /// What a replay is given.
    pub(crate) fn recorded(&self) -> (Vec<Recorded>, Vec<u8>) {
        let mut bodies = Vec::new();
        let mut recorded = Vec::new();
        for (exchange, body) in &self.exchanges {
            recorded.push(Recorded {
                asked: exchange.asked.clone(),
                answer: exchange.answer.clone(),
                offset: bodies.len() as u64,
            });
            bodies.extend(body);
        }
        (recorded, bodies)
    }
}
