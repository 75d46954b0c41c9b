use crate::fixture::{ARCH, Fixture, KEY, Machine, tagged};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bessemer_repository::{KeyError, Keys, OpenRepositoryError, Repository};
use bessemer_testkit::FileServer;

const TODAY: &str = "2026-11-28";

/// Opens the repository with what is published for it; the names of the keys that were found.
fn discovered(
    url: &str,
    releases: Option<&str>,
    machine: &Machine,
) -> Result<(Vec<String>, Result<Repository, OpenRepositoryError>), KeyError> {
    let releases = releases.map(|url| url.parse().unwrap());
    let mut keys = Keys::default();
    let location = tagged(url);
    let found = keys.discover(
        &location.place,
        ARCH,
        TODAY,
        releases.as_ref(),
        machine.access(),
    )?;
    let names: Vec<&str> = keys.locked().iter().map(|key| key.name.as_str()).collect();
    assert_eq!(found, names);
    let opened = Repository::open(&location, ARCH, keys.keyring(), machine.access());
    Ok((found, opened))
}

#[test]
fn a_key_comes_from_a_url_under_its_name() {
    let fixture = Fixture::new(&["a"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    fixture.key_file(&format!("keys/me@host-{KEY}"));
    let mut keys = Keys::default();
    let url = format!("{}/keys/me%40host-{KEY}", server.url());
    keys.add(&url, machine.access()).unwrap();
    assert_eq!(keys.locked()[0].name, format!("me@host-{KEY}"));
    let error = keys.add("http://host.invalid/a.rsa.pub", machine.access());
    assert_eq!(
        error.unwrap_err().to_string(),
        "the key http://host.invalid/a.rsa.pub would come over plain HTTP, which anybody on the way can change"
    );
    let text = fixture.workshop.file("no.rsa.pub", "no key");
    let error = keys.add(text.to_str().unwrap(), machine.access());
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot use the key no.rsa.pub"
    );
}

#[test]
fn a_server_may_publish_the_keys_of_its_repository() {
    let fixture = Fixture::new(&["a"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    let url = format!("{}/os", server.url());
    // Most have no such file.
    let (found, opened) = discovered(&url, None, &machine).unwrap();
    assert!(found.is_empty() && opened.is_err());
    let configuration = format!(r#"{{"jwks_uri": "{}/jwks.json"}}"#, server.url());
    fixture.workshop.file("os/apk-configuration", configuration);
    fixture
        .workshop
        .file("jwks.json", jwks(&fixture.der(), "test"));
    let (found, opened) = discovered(&url, None, &machine).unwrap();
    assert_eq!(found, [KEY]);
    assert_eq!(opened.unwrap().key, KEY);
    // Keys of somebody else do not help.
    let other = Fixture::new(&[]);
    fixture
        .workshop
        .file("jwks.json", jwks(&other.der(), "test"));
    let (_, opened) = discovered(&url, None, &machine).unwrap();
    assert!(matches!(opened, Err(OpenRepositoryError::Untrusted { .. })));
    fixture.workshop.file("jwks.json", "{}");
    let error = discovered(&url, None, &machine).unwrap_err();
    let uri = format!("{}/jwks.json", server.url());
    assert_eq!(error.to_string(), format!("cannot find keys for {uri}"));
}

/// A key set with the key of this DER: a 2048-bit modulus 33 bytes in, the exponent at the end.
fn jwks(der: &[u8], kid: &str) -> String {
    let modulus = URL_SAFE_NO_PAD.encode(&der[33..33 + 256]);
    let exponent = URL_SAFE_NO_PAD.encode(&der[der.len() - 3..]);
    format!(
        r#"{{"keys": [{{"kty": "RSA", "kid": "{kid}", "n": "{modulus}", "e": "{exponent}"}}]}}"#
    )
}

#[test]
fn alpine_publishes_the_keys_of_its_branches() {
    let fixture = Fixture::new(&["a"]);
    let root = fixture.folder();
    let main = root.join("alpine/v3.20");
    std::fs::create_dir_all(&main).unwrap();
    std::fs::rename(root.join("os"), main.join("main")).unwrap();
    fixture.key_file(&format!("keys/{KEY}"));
    let server = FileServer::start(root);
    let key = format!("{}/keys/{KEY}", server.url());
    let releases = format!(
        r#"{{"release_branches": [{{"rel_branch": "v3.20", "keys": {{"{ARCH}": [{{"url": "{key}"}}]}}}}]}}"#
    );
    fixture.workshop.file("releases.json", releases);
    let releases = format!("{}/releases.json", server.url());
    let machine = Machine::new();
    let url = |branch: &str| format!("{}/alpine/{branch}/main", server.url());
    let (found, opened) = discovered(&url("v3.20"), Some(&releases), &machine).unwrap();
    assert_eq!(found, [KEY]);
    assert_eq!(opened.unwrap().key, KEY);
    let error = discovered(&url("v3.1"), Some(&releases), &machine).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        format!("no keys are published for Alpine v3.1 on {ARCH}")
    );
}
