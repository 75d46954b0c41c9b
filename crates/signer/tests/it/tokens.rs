//! Keys on a token: a real SoftHSM2, in which they are generated.

use crate::options;
use crate::run::Run;
use crate::wait_until_ready;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{Role, TrustRoot};
use bessemer_signer::{Client, Repository, SignerOptions, memory_file};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "271828";

struct Token {
    directory: TempDir,
    options: SignerOptions,
}

impl Token {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tokens = directory.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let configuration = format!("directories.tokendir = {}\n", tokens.display());
        std::fs::write(directory.path().join("softhsm2.conf"), configuration).unwrap();
        std::fs::write(directory.path().join("pin"), format!("{PIN}\n")).unwrap();
        let own = Self {
            options: options(directory.path()),
            directory,
        };
        let words = [
            "--init-token",
            "--free",
            "--label",
            "factory",
            "--so-pin",
            "314159",
        ];
        own.tool("softhsm2-util", &[&words[..], &["--pin", PIN]].concat());
        own
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SOFTHSM2_CONF", self.at("softhsm2.conf"))
            .env("COSIGN_PASSWORD", &self.options.password);
        command
    }

    #[track_caller]
    fn tool(&self, program: &str, words: &[&str]) {
        let output = self.command(program).args(words).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }

    /// Generates a key pair in the token; it never leaves it.
    fn generate(&self, kind: &str, label: &str, id: &str) {
        self.tool(
            "pkcs11-tool",
            &[
                "--module",
                MODULE,
                "--token-label",
                "factory",
                "--login",
                "--pin",
                PIN,
                "--keypairgen",
                "--key-type",
                kind,
                "--label",
                label,
                "--id",
                id,
            ],
        );
    }

    fn uri(&self, label: &str) -> String {
        let pin = self.at("pin").display().to_string();
        format!("pkcs11:token=factory;object={label}?module-path={MODULE}&pin-source={pin}")
    }

    fn signer(&self, verb: &str) -> Command {
        let mut command = self.command(&self.options.binary);
        command.arg(verb).arg("--state").arg(&self.options.state);
        command
    }

    fn serve(&self) -> (Child, Client) {
        let mut child = self
            .signer("serve")
            .arg("--socket")
            .arg(&self.options.socket)
            .arg("--allow-uid")
            .arg(self.options.allow_uid.to_string())
            .arg("--token-dir")
            .arg(self.at("tokens"))
            .arg("--require-confinement")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until_ready(&mut child);
        let client = Client::connect(&self.options.socket).unwrap();
        (child, client)
    }
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether openssl finds that `signature` is that of the key in the trust root over `message`.
fn openssl(
    directory: &Path,
    root: &TrustRoot,
    role: Role,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = root.keys.iter().find(|key| key.role == role).unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(write("key.pem", key.public_key_pem.as_bytes()))
        .arg("-signature")
        .arg(write("signature", signature))
        .arg(write("message", message))
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn a_token_signs_a_run_its_packages_and_indexes() {
    let token = Token::new();
    token.generate("EC:prime256v1", "provenance", "01");
    token.generate("EC:prime256v1", "gate", "02");
    token.generate("rsa:3072", "packages", "03");
    let made = token
        .signer("init")
        .args(["--key", &format!("provenance={}", token.uri("provenance"))])
        .args(["--key", &format!("gate={}", token.uri("gate"))])
        .args(["--key", &format!("apk={}", token.uri("packages"))])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (mut child, mut client) = token.serve();
    let root = client.trust_root().unwrap();
    let run = Run::ready(&mut client);
    let (_, rsa) = run.sign_control(&mut client).unwrap();
    let sidecar = run.finish(&mut client).unwrap().remove(0).1;
    let output = &run.record.outputs[0];
    let facts = ApkFacts {
        file: output.file.clone(),
        sha256: output.sha256,
        control_sha256: Some(output.control_sha256),
        data_sha256: Some(output.data_sha256),
    };
    verify(&facts, &sidecar, &root, &VerifyPolicy::default()).unwrap();
    let directory = token.directory.path();
    assert!(openssl(directory, &root, Role::Apk, &run.control, &rsa));
    assert!(!openssl(directory, &root, Role::Apk, b"another", &rsa));
    let index = memory_file(b"index").unwrap();
    let (_, rsa) = client.sign_index(Repository::Packages, &index).unwrap();
    assert!(openssl(directory, &root, Role::Apk, b"index", &rsa));
    // Many signatures: numbers with a first bit set and short ones come by themselves.
    let public = bessemer_attest::PublicKey::from_pem(&root.keys[0].public_key_pem).unwrap();
    for _ in 0..20 {
        let run = Run::ready(&mut client);
        let sidecar = run.finish(&mut client).unwrap().remove(0).1;
        sidecar.envelopes()[0].open(&public).unwrap();
    }
    // openssl reads the envelope's own signature, too.
    let line: serde_json::Value =
        serde_json::from_slice(&sidecar.envelopes()[0].to_line().unwrap()).unwrap();
    let decode = |text: &serde_json::Value| {
        use base64::Engine as _;
        let text = text.as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap()
    };
    let signed = bessemer_attest::pae(bessemer_attest::PAYLOAD_TYPE, &decode(&line["payload"]));
    let signature = decode(&line["signatures"][0]["sig"]);
    assert!(openssl(
        directory,
        &root,
        Role::Provenance,
        &signed,
        &signature
    ));
    child.kill().unwrap();
    child.wait().unwrap();

    let names = std::fs::read_dir(token.options.state.join("keys")).unwrap();
    let names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let of = |role: &str| names.iter().filter(|name| name.starts_with(role)).count();
    assert_eq!(
        (of("provenance-"), of("gate-"), of("apk-")),
        (1, 1, 1),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("provenance-") && name.ends_with(".pkcs11"))
    );
}

#[test]
fn a_role_moves_to_a_token_by_rotation() {
    let token = Token::new();
    token.generate("EC:prime256v1", "next", "01");
    assert!(token.signer("init").status().unwrap().success());
    let rotated = token
        .signer("rotate")
        .args(["provenance", "--key", &token.uri("next")])
        .output()
        .unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    let (mut child, mut client) = token.serve();
    Run::ready(&mut client).finish(&mut client).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn says_why_a_token_cannot_be_used() {
    let token = Token::new();
    token.generate("EC:prime256v1", "twice", "01");
    token.generate("EC:prime256v1", "twice", "02");
    token.generate("EC:secp384r1", "large", "03");
    token.generate("rsa:2048", "packages", "04");
    let refused = |role: &str, uri: &str| {
        let key = format!("{role}={uri}");
        said(&token.signer("init").args(["--key", &key]).output().unwrap())
    };
    let good = token.uri("twice");
    for (role, uri, message) in [
        ("provenance", good.clone(), "or several"),
        (
            "provenance",
            token.uri("nobody"),
            "has no private key `nobody`",
        ),
        ("provenance", token.uri("large"), "not of the kind"),
        (
            "provenance",
            token.uri("packages"),
            "has no private key `packages`",
        ),
        ("apk", token.uri("large"), "has no private key `large`"),
        (
            "provenance",
            good.replace("token=factory", "token=other"),
            "no token `other`",
        ),
        (
            "provenance",
            good.replace("/pin", "/none"),
            "cannot read the PIN",
        ),
        (
            "provenance",
            good.replace("softhsm2.so", "none.so"),
            "the token refuses",
        ),
        ("king", good.clone(), "no such role"),
    ] {
        let found = refused(role, &uri);
        assert!(found.contains(message), "{role} {uri}: {found}");
        assert!(!found.contains(PIN), "{found}");
    }
    std::fs::write(token.at("pin"), "000000").unwrap();
    let found = refused(
        "provenance",
        &good.replace("object=twice", "object=twice;id=%01"),
    );
    assert!(
        found.contains("the token refuses") && !found.contains("000000"),
        "{found}"
    );
    std::fs::write(token.at("pin"), PIN).unwrap();
    let key = format!(
        "provenance={}",
        good.replace("object=twice", "object=twice;id=%01")
    );
    let made = token.signer("init").args(["--key", &key]).output().unwrap();
    assert!(made.status.success(), "the control run: {made:?}");
}
