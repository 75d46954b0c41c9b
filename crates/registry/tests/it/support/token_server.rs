//! A token server: it gives whoever says the password, or has the identity token, what is asked for.
//! The registry verifies its tokens itself.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bessemer_testkit::Askers;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

struct State {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
    /// Method and fields of each request.
    asked: Vec<String>,
    life: u64,
}

pub(crate) struct TokenServer {
    state: Arc<Mutex<State>>,
    realm: String,
    file: PathBuf,
    _folder: TempDir,
}

impl TokenServer {
    pub(crate) fn start() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["test".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&pair).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, certificate.pem()).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &pair.serialize_der()).unwrap();
        let state = Arc::new(Mutex::new(State {
            key,
            certificate: certificate.der().to_vec(),
            asked: Vec::new(),
            life: 300,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let realm = format!("http://{}/token", listener.local_addr().unwrap());
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, &shared);
            }
        });
        Self {
            state,
            realm,
            file,
            _folder: folder,
        }
    }

    pub(crate) fn auth(&self) -> Askers<'_> {
        Askers::Token {
            realm: &self.realm,
            certificate: &self.file,
        }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// How many seconds tokens hold from now on.
    pub(crate) fn live(&self, seconds: u64) {
        self.state.lock().unwrap().life = seconds;
    }

    /// A token for these scopes.
    pub(crate) fn token(&self, scopes: &[String]) -> String {
        self.state.lock().unwrap().token(scopes)
    }
}

impl State {
    /// Source: distribution's `docs/content/spec/auth/jwt.md`.
    fn token(&self, scopes: &[String]) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let access: Vec<Value> = scopes
            .iter()
            .map(|scope| {
                let parts: Vec<&str> = scope.split(':').collect();
                let actions: Vec<&str> = parts[2].split(',').collect();
                json!({ "type": parts[0], "name": parts[1], "actions": actions })
            })
            .collect();
        let header =
            json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate)] });
        let claims = json!({
            "iss": "test", "aud": "test", "sub": "user", "jti": "1",
            "iat": now - 1, "nbf": now - 1, "exp": now + self.life, "access": access,
        });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A request: its method, its fields, and what it says of who asks.
struct Request {
    method: String,
    fields: String,
    authorization: String,
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let value = lines.iter().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        });
        value.unwrap_or_default().to_owned()
    };
    let (method, target) = lines.first()?.split_once(' ')?;
    let fields = if method == "POST" {
        let mut body = vec![0; header("content-length").parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    } else {
        let target = target.split(' ').next()?;
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.to_owned()
    };
    Some(Request {
        method: method.to_owned(),
        fields,
        authorization: header("authorization"),
    })
}

fn answer(mut stream: &TcpStream, state: &Mutex<State>) {
    let Some(request) = read(stream) else { return };
    let fields = request.fields;
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{} {fields}", request.method));
    let basic = format!("Basic {}", STANDARD.encode("user:open sesame"));
    let is_known = request.authorization == basic || fields.contains("refresh_token=identity");
    let (status, body) = if is_known {
        let fields = fields.replace("%3A", ":").replace("%2F", "/");
        let fields = fields.replace("%2C", ",").replace("%20", " ");
        let fields = fields.split('&');
        let scopes = fields.filter_map(|field| field.strip_prefix("scope="));
        let scopes = scopes
            .flat_map(|scopes| scopes.split(' '))
            .map(str::to_owned);
        let token = state.token(&scopes.collect::<Vec<_>>());
        let life = state.life;
        let body = json!({ "token": token, "access_token": token, "expires_in": life });
        ("200 OK", body)
    } else {
        let errors = json!([{ "code": "DENIED", "message": "no" }]);
        ("401 Unauthorized", json!({ "errors": errors }))
    };
    let body = body.to_string();
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(text.as_bytes());
}
