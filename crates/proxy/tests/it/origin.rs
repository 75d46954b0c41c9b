//! A server on the loopback interface, with and without TLS: files, and git by its own program.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One answer: status, headers and body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Sent in pieces, without a length.
    pub(crate) chunked: bool,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            chunked: false,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Default)]
struct Content {
    replies: Mutex<BTreeMap<String, Reply>>,
    /// The folder of git repositories, below `/git/`.
    git: Option<PathBuf>,
    requests: Mutex<Vec<String>>,
    ends: AtomicBool,
}

pub(crate) struct Origin {
    content: Arc<Content>,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    /// The authority that vouches for `localhost`, PEM.
    pub(crate) authority: String,
}

/// What a request is.
struct Asked {
    method: String,
    target: String,
    head: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Origin {
    pub(crate) fn start(git: Option<PathBuf>) -> Self {
        let content = Arc::new(Content {
            git,
            ..Content::default()
        });
        let (config, authority) = certificates();
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let secure = TcpListener::bind("127.0.0.1:0").unwrap();
        let (http, https) = (plain.local_addr().unwrap(), secure.local_addr().unwrap());
        let own = Arc::clone(&content);
        std::thread::spawn(move || own.serve(&plain, None));
        let own = Arc::clone(&content);
        std::thread::spawn(move || own.serve(&secure, Some(&config)));
        Self {
            content,
            http,
            https,
            authority,
        }
    }

    pub(crate) fn put(&self, path: &str, reply: Reply) {
        self.content
            .replies
            .lock()
            .unwrap()
            .insert(path.to_owned(), reply);
    }

    /// `https://localhost:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.https.port())
    }

    /// `http://localhost:PORT`.
    pub(crate) fn plain_url(&self) -> String {
        format!("http://localhost:{}", self.http.port())
    }

    /// Both, as an operator names them.
    pub(crate) fn names(&self) -> Vec<String> {
        [self.http, self.https]
            .map(|at| format!("localhost:{}", at.port()))
            .into()
    }

    /// Heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.content.requests.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.content.ends.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.http));
        drop(TcpStream::connect(self.https));
    }
}

fn certificates() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&own, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Arc::new(config), authority)
}

impl Content {
    fn serve(self: &Arc<Self>, listener: &TcpListener, tls: Option<&Arc<ServerConfig>>) {
        for stream in listener.incoming() {
            if self.ends.load(Ordering::Relaxed) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let (own, tls) = (Arc::clone(self), tls.cloned());
            std::thread::spawn(move || match tls {
                None => own.answer(stream),
                Some(config) => {
                    let connection = ServerConnection::new(config).unwrap();
                    own.answer(StreamOwned::new(connection, stream))
                }
            });
        }
    }

    fn answer<S: Read + Write>(&self, stream: S) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let asked = read(&mut reader)?;
        let reply = match &self.git {
            Some(folder) if asked.target.starts_with("/git/") => git(folder, &asked),
            _ => self.reply(&asked),
        };
        let stream = reader.get_mut();
        let mut head = format!(
            "HTTP/1.1 {} X\r\nConnection: close\r\nSet-Cookie: a=b\r\n",
            reply.status
        );
        for (name, value) in &reply.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut body = reply.body;
        if reply.chunked {
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
            let pieces = body.chunks(1000).map(|piece| {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
            });
            body = pieces.collect::<Vec<_>>().concat();
            body.extend(b"0\r\n\r\n");
        } else {
            let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
        }
        stream.write_all(head.as_bytes()).ok()?;
        if asked.method != "HEAD" {
            stream.write_all(&body).ok()?;
        }
        stream.flush().ok()
    }

    fn reply(&self, asked: &Asked) -> Reply {
        let head = asked
            .head
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        let head: Vec<String> = head.collect();
        let line = format!("{} {}\n{}", asked.method, asked.target, head.join("\n"));
        self.requests.lock().unwrap().push(line);
        let known = self.replies.lock().unwrap().get(&asked.target).cloned();
        let Some(reply) = known else {
            return Reply {
                status: 404,
                ..Reply::ok("none")
            };
        };
        if asked.target == "/echo" {
            return Reply::ok(asked.body.clone());
        }
        let range = asked
            .head
            .get("range")
            .and_then(|range| range.strip_prefix("bytes="));
        let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
            return reply;
        };
        let start: usize = start.parse().unwrap();
        let end = end.parse::<usize>().map_or(reply.body.len(), |end| end + 1);
        let content = format!("bytes {start}-{}/{}", end - 1, reply.body.len());
        Reply {
            status: 206,
            body: reply.body[start..end].to_vec(),
            ..reply
        }
        .with("Content-Range", content)
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut head = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        head.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = head
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        method,
        target,
        head,
        body,
    })
}

/// git-http-backend(1), as a web server calls it.
fn git(folder: &std::path::Path, asked: &Asked) -> Reply {
    let path = asked.target.strip_prefix("/git").unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let header = |name: &str| asked.head.get(name).cloned().unwrap_or_default();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", &asked.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = asked.body.clone();
    let writing = std::thread::spawn(move || drop(input.write_all(&body)));
    let output = child.wait_with_output().unwrap().stdout;
    writing.join().unwrap();
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut reply = Reply {
        chunked: true,
        ..Reply::ok(&output[end + 4..])
    };
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => reply.status = status[..3].parse().unwrap(),
            Some(("Content-Type", value)) => reply = reply.with("Content-Type", value),
            _ => {}
        }
    }
    reply
}
