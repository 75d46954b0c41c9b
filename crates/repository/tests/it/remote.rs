use crate::fixture::{ARCH, Fixture, KEY, Machine, tagged};
use bessemer_attest::{TrustRoot, TrustRootSchema};
use bessemer_repository::{
    Keys, OpenRepositoryError, Repository, attestations, ingest, ingest_all,
};
use bessemer_store::Credentials;
use bessemer_testkit::FileServer;
use std::fs;

fn open(url: &str, keys: &Keys, machine: &Machine) -> Result<Repository, OpenRepositoryError> {
    Repository::open(&tagged(url), ARCH, keys.keyring(), machine.access())
}

/// A keyring with the fixture's key.
fn keys(fixture: &Fixture, machine: &Machine) -> Keys {
    let mut keys = Keys::default();
    let place = fixture.key_file(KEY);
    keys.add(&place, machine.access()).unwrap();
    keys
}

fn contents(repository: &Repository, machine: &Machine) -> Vec<(String, String)> {
    let all = repository.index.entries.iter();
    let all: Vec<_> = all.map(|entry| (repository, entry)).collect();
    let files = ingest_all(&all, machine.taking()).unwrap();
    files
        .iter()
        .map(|file| (file.locked.name.clone(), file.locked.uri.clone()))
        .collect()
}

#[test]
fn an_index_is_asked_for_changes_and_a_package_once() {
    let fixture = Fixture::new(&["a", "b"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    let keys = keys(&fixture, &machine);
    let url = format!("{}/os", server.url());
    let repository = open(&url, &keys, &machine).unwrap();
    let uri = |name: &str| format!("{url}/{ARCH}/{name}-1.0-r0.apk");
    let expected = ["a", "b"].map(|name| (name.to_owned(), uri(name)));
    assert_eq!(contents(&repository, &machine), expected);
    let mut asked = server.requests();
    asked[1..].sort();
    let index = format!("/os/{ARCH}/APKINDEX.tar.gz");
    let package = |name: &str| format!("/os/{ARCH}/{name}-1.0-r0.apk 200");
    assert_eq!(asked, [format!("{index} 200"), package("a"), package("b")]);
    // Nothing has changed.
    let again = open(&url, &keys, &machine).unwrap();
    assert_eq!(again.snapshot, repository.snapshot);
    contents(&again, &machine);
    assert_eq!(server.requests(), [format!("{index} 304")]);
    // A package is new.
    fixture.write(&["a", "b", "c"]);
    let changed = open(&url, &keys, &machine).unwrap();
    assert_eq!(contents(&changed, &machine).len(), 3);
    assert_eq!(server.requests(), [format!("{index} 200"), package("c")]);
    // Without a network it is all still there.
    drop(server);
    let machine = machine.unplugged();
    let offline = open(&url, &keys, &machine).unwrap();
    assert_eq!(contents(&offline, &machine).len(), 3);
}

#[test]
fn credentials_are_sent_and_go_into_no_document() {
    let fixture = Fixture::new(&["a"]);
    // user:hidden
    let server = FileServer::start_for(fixture.folder(), Some("Basic dXNlcjpoaWRkZW4="));
    let url = format!("{}/os", server.url());
    let anonymous = Machine::new();
    let error = open(&url, &keys(&fixture, &anonymous), &anonymous).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read the index of repository {url}")
    );
    let known = Credentials::parse(&format!("basic:{}:user:hidden", server.host())).unwrap();
    let machine = Machine::with(known);
    let by_host = open(&url, &keys(&fixture, &machine), &machine).unwrap();
    let in_url = url.replace("http://", "http://user:hidden@");
    let machine = Machine::new();
    let by_url = open(&in_url, &keys(&fixture, &machine), &machine).unwrap();
    assert_eq!((&by_host.uri, &by_url.uri), (&url, &url));
    assert_eq!(contents(&by_url, &machine).len(), 1);
    assert!(!format!("{by_url:?}").contains("hidden"));
}

#[test]
fn nothing_but_what_the_signed_index_names_is_taken() {
    let fixture = Fixture::new(&["abcdefgh", "b"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    let keys = keys(&fixture, &machine);
    let url = format!("{}/os", server.url());
    let repository = open(&url, &keys, &machine).unwrap();
    let folder = fixture.folder().join("os").join(ARCH);
    let file = |name: &str| folder.join(format!("{name}-1.0-r0.apk"));
    let uri = format!("{url}/{ARCH}/abcdefgh-1.0-r0.apk");
    let refused = |bytes: &[u8]| {
        std::fs::write(file("abcdefgh"), bytes).unwrap();
        let error = ingest(&repository, &repository.index.entries[0], machine.taking());
        let error = error.unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        (error.to_string(), source.unwrap_or_default())
    };
    let own = std::fs::read(file("abcdefgh")).unwrap();
    let other = std::fs::read(file("b")).unwrap();
    // Another package, a damaged one, a longer one, half of one.
    let (message, _) = refused(&other);
    assert!(
        message.starts_with(&format!(
            "{uri} is not the package that the signed index names"
        )),
        "{message}"
    );
    let mut damaged = own.clone();
    let at = damaged.len() - 20;
    damaged[at] ^= 1;
    let intact = format!("{uri} is not an intact package");
    assert_eq!(refused(&damaged).0, intact);
    assert_eq!(refused(&own[..own.len() - 5]).0, intact);
    let longer = [&own[..], b"x"].concat();
    let (message, source) = refused(&longer);
    assert_eq!(message, "cannot fetch package abcdefgh-1.0-r0");
    assert!(
        source.ends_with(&format!("content is larger than {} bytes", own.len())),
        "{source}"
    );
    // What was refused is not remembered.
    std::fs::write(file("abcdefgh"), own).unwrap();
    ingest(&repository, &repository.index.entries[0], machine.taking()).unwrap();
}

#[test]
fn an_index_that_was_changed_on_the_way_is_refused() {
    let fixture = Fixture::new(&["a"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    let keys = keys(&fixture, &machine);
    let url = format!("{}/os", server.url());
    let path = fixture.folder().join(format!("os/{ARCH}/APKINDEX.tar.gz"));
    let own = std::fs::read(&path).unwrap();
    // The gzip header's time is part of what is signed and of nothing that is read.
    let unsigned = own.len()
        - bessemer_apk::read_index(&own, bessemer_apk::Limits::default())
            .unwrap()
            .unsigned
            .len();
    let mut changed = own;
    changed[unsigned + 4] ^= 1;
    std::fs::write(&path, changed).unwrap();
    let error = open(&url, &keys, &machine).unwrap_err();
    assert!(
        matches!(error, OpenRepositoryError::Untrusted { .. }),
        "{error:?}"
    );
}

/// What lies beside a package is believed while the index is the same and asked for otherwise; what was there
/// once is kept.
#[test]
fn attestations_that_come_later_are_found() {
    let fixture = Fixture::new(&["a"]);
    let server = FileServer::start(fixture.folder());
    let machine = Machine::new();
    let keys = keys(&fixture, &machine);
    let url = format!("{}/os", server.url());
    let root = TrustRoot {
        schema: TrustRootSchema::V1,
        base: "https://factory.example.com".to_owned(),
        keys: Vec::new(),
    };
    let take = |machine: &Machine| {
        let repository = open(&url, &keys, machine).unwrap();
        let mut taking = machine.taking();
        taking.trust_root = Some(&root);
        ingest(&repository, &repository.index.entries[0], taking).unwrap()
    };
    let asked = || {
        let requests = server.requests().into_iter();
        let beside = requests.filter_map(|line| {
            let (_, end) = line.split_once(".apk.")?;
            Some(end.to_owned())
        });
        beside.collect::<Vec<_>>()
    };
    let (envelopes, proofs) = ("intoto.jsonl", "tlog-proof");
    let locked = take(&machine).locked;
    assert_eq!(asked(), [format!("{envelopes} 404")], "nothing is proven");
    take(&machine);
    assert!(asked().is_empty(), "the index is the same");
    let find = |machine: &Machine| attestations(&locked.uri, &locked.sha256, machine.access());
    assert!(find(&machine).unwrap().is_none());
    assert_eq!(asked(), [format!("{envelopes} 404")]);
    let machine = machine.unplugged();
    assert!(find(&machine).unwrap().is_none(), "as it was");
    let machine = machine.plugged();
    // An attestation comes.
    let envelope = r#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}"#;
    let folder = fixture.folder().join("os").join(ARCH);
    let beside = folder.join("a-1.0-r0.apk.intoto.jsonl");
    fs::write(&beside, envelope).unwrap();
    take(&machine);
    assert!(asked().is_empty(), "the index is the same");
    let found = |machine: &Machine| find(machine).unwrap().unwrap().envelopes().len();
    assert_eq!(found(&machine), 1);
    let both = [format!("{envelopes} 200"), format!("{proofs} 404")];
    assert_eq!(asked(), both);
    // Others are added, with a new index.
    fs::write(
        &beside,
        format!("{envelope}\n{}", envelope.replace("e30=", "W10=")),
    )
    .unwrap();
    fixture.write(&["a", "b"]);
    take(&machine);
    assert_eq!(asked(), both);
    // It is taken away, and the server is.
    fs::remove_file(&beside).unwrap();
    assert_eq!(found(&machine), 2);
    drop(server);
    assert_eq!(found(&machine), 2);
    let nowhere = Machine::new();
    assert!(find(&nowhere).is_err(), "no answer is not nothing");
}
