//! Debian's registry, on this machine alone.

use super::tools::program;
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// `user:open sesame`, bcrypt.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";

/// Who may ask a registry.
pub(crate) enum Auth<'a> {
    Everybody,
    /// `user` with the password `open sesame`.
    Password,
    /// Who has a token of this server, whose certificate this is.
    Token {
        realm: &'a str,
        certificate: &'a Path,
    },
}

/// A running registry; it ends with this, or with the test's process.
pub(crate) struct Server {
    child: Child,
    port: u16,
    pub(crate) folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&Auth::Everybody)
    }

    pub(crate) fn with(auth: &Auth<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let storage = folder.path().join("storage");
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: none\n",
            storage.display()
        );
        match auth {
            Auth::Everybody => {}
            Auth::Password => {
                let file = folder.path().join("htpasswd");
                std::fs::write(&file, HTPASSWD).unwrap();
                write!(config, "auth:\n  htpasswd:\n    realm: test\n    path: {}\n", file.display()).unwrap();
            }
            Auth::Token { realm, certificate } => write!(
                config,
                "auth:\n  token:\n    realm: {realm}\n    service: test\n    issuer: test\n    rootcertbundle: {}\n",
                certificate.display()
            )
            .unwrap(),
        }
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        // Should the test's process die, the registry does, too.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program("BESSEMER_TEST_DOCKER_REGISTRY"))
            .arg("serve")
            .arg(&file)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            port,
            folder,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The name of a repository of this registry.
    pub(crate) fn name(&self, repository: &str) -> String {
        format!("127.0.0.1:{}/{repository}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens at now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
