//! Debian's registry for container images, on this machine alone.

use crate::variable;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// `user:open sesame`, bcrypt.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";
/// Longest time until it listens.
const START: Duration = Duration::from_secs(20);

/// Who may ask a registry.
#[derive(Debug, Clone, Copy)]
pub enum Askers<'a> {
    /// Everybody.
    All,
    /// `user` with the password `open sesame`.
    Password,
    /// Who has a token of the server at `realm`, for the service `test`, signed by `certificate`'s key.
    Token {
        /// The token server's address.
        realm: &'a str,
        /// A file with its certificate, PEM.
        certificate: &'a Path,
    },
}

/// A running `docker-registry`; it ends with this value, or with the thread that started it.
#[derive(Debug)]
pub struct ImageRegistry {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl ImageRegistry {
    /// Starts an empty one that answers everybody.
    pub fn start() -> Self {
        Self::asked_by(Askers::All)
    }

    /// Starts an empty one.
    pub fn asked_by(askers: Askers<'_>) -> Self {
        let folder = tempfile::tempdir().expect("no temporary folder can be made");
        let port = free_port();
        let file = folder.path().join("config.yml");
        std::fs::write(&file, configuration(folder.path(), port, askers))
            .expect("the configuration cannot be written");
        // Should the test's process die, the registry does, too.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(variable("BESSEMER_TEST_DOCKER_REGISTRY"))
            .arg("serve")
            .arg(&file)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv cannot be started");
        let registry = Self {
            child,
            port,
            folder,
        };
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Where it listens on this machine.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A folder that goes when the registry does.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of a repository, or of an image, of this registry.
    pub fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.port)
    }
}

impl Drop for ImageRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, port: u16, askers: Askers<'_>) -> String {
    let auth = match askers {
        Askers::All => String::new(),
        Askers::Password => {
            let file = folder.join("htpasswd");
            std::fs::write(&file, HTPASSWD).expect("the password cannot be written");
            let file = file.display();
            format!("auth:\n  htpasswd:\n    realm: test\n    path: {file}\n")
        }
        Askers::Token { realm, certificate } => {
            let file = certificate.display();
            format!(
                "auth:\n  token:\n    realm: {realm}\n    service: test\n    issuer: test\n    rootcertbundle: {file}\n"
            )
        }
    };
    let storage = folder.join("storage");
    format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: none\n{auth}",
        storage.display()
    )
}

/// A port that nobody listens at now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("no port is free");
    listener.local_addr().expect("the port is bound").port()
}
