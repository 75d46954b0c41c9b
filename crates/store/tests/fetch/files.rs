use crate::setting::{Setting, only_failure, request, request_for};
use bessemer_digest::Digest;
use bessemer_store::{
    Client, ClientError, Expected, FailureCause, FetchError, Origin, Request, Settings, Sha512,
};
use std::fs;

#[test]
fn fetches_by_path_and_by_uri() {
    let setting = Setting::new();
    let path = setting.directory.path().join("a file");
    fs::write(&path, b"content").unwrap();
    let path = path.to_str().unwrap();
    for uri in [
        path,
        &format!("file://{path}"),
        &format!("file://localhost{path}"),
    ] {
        let fetched = setting.fetch(&request_for(&[uri], b"content")).unwrap();
        assert_eq!(fetched.origin, Origin::Uri(uri.parse().unwrap()));
        assert_eq!(setting.content(&fetched), b"content");
        setting.store.remove(&fetched.object.digest).unwrap();
    }
}

#[test]
fn refuses_what_is_missing_too_large_or_no_file() {
    let setting = Setting::new();
    let root = setting.directory.path();
    fs::write(root.join("large"), [0; 1001]).unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    let failure = |name: &str| {
        let path = root.join(name);
        only_failure(setting.fetch(&request_for(&[path.to_str().unwrap()], b""))).0
    };
    assert!(matches!(failure("missing"), FailureCause::File(_)));
    assert!(matches!(
        failure("large"),
        FailureCause::TooLarge { limit: 1000 }
    ));
    assert!(matches!(failure("directory"), FailureCause::NotAFile));
}

#[test]
fn mirrors_hold_files_by_digest() {
    let setting = Setting::new();
    let mirror = setting.directory.path().join("mirror");
    fs::create_dir(&mirror).unwrap();
    let sha256 = Digest::of(b"by sha256");
    let sha512 = Sha512::of_reader(&b"by sha512"[..]).unwrap();
    fs::write(mirror.join(sha256.to_string()), b"by sha256").unwrap();
    fs::write(mirror.join(sha512.to_string()), b"by sha512").unwrap();
    let mirrors = vec![mirror.to_str().unwrap().parse().unwrap()];
    for (expected, content) in [
        (Expected::from(sha256), b"by sha256"),
        (Expected::from(sha512), b"by sha512"),
    ] {
        let request = Request {
            uris: Vec::new(),
            mirrors: mirrors.clone(),
            expected,
            most: None,
        };
        assert_eq!(setting.content(&setting.fetch(&request).unwrap()), content);
        assert_eq!(setting.fetch(&request).unwrap().origin, Origin::Store);
    }
    let request = Request {
        mirrors,
        ..Request::default()
    };
    assert!(matches!(setting.fetch(&request), Err(FetchError::NoPlace)));
}

#[test]
fn every_given_digest_is_checked() {
    let setting = Setting::new();
    let path = setting.directory.path().join("file");
    fs::write(&path, b"content").unwrap();
    let path = path.to_str().unwrap();
    let expected = Expected {
        sha256: Some(Digest::of(b"content")),
        sha512: Some(Sha512::of_reader(&b"other"[..]).unwrap()),
    };
    let check = || only_failure(setting.fetch(&request(&[path], expected))).0;
    assert!(matches!(check(), FailureCause::Mismatch { .. }));
    assert!(!setting.store.contains(&Digest::of(b"content")));
    // Nor does an object in the store pass that has only one of them.
    setting.store.insert(&b"content"[..], 100).unwrap();
    assert!(matches!(check(), FailureCause::Mismatch { .. }));
}

#[test]
fn a_corrupt_object_is_fetched_again() {
    let setting = Setting::new();
    let path = setting.directory.path().join("file");
    fs::write(&path, b"content").unwrap();
    let request = request_for(&[path.to_str().unwrap()], b"content");
    let digest = setting.fetch(&request).unwrap().object.digest;
    let object = setting.store.object_path(&digest);
    fs::remove_file(&object).unwrap();
    fs::write(&object, b"damaged").unwrap();
    let fetched = setting.fetch(&request).unwrap();
    assert_ne!(fetched.origin, Origin::Store);
    assert_eq!(setting.content(&fetched), b"content");
}

#[test]
fn without_expectation_everything_is_fetched_anew() {
    let setting = Setting::new();
    let path = setting.directory.path().join("index");
    for content in [b"old", b"new"] {
        fs::write(&path, content).unwrap();
        let request = request(&[path.to_str().unwrap()], Expected::default());
        assert_eq!(setting.content(&setting.fetch(&request).unwrap()), content);
    }
}

#[test]
fn certificate_authorities_must_be_there_when_named() {
    let setting = Setting::new();
    let client = |name: &str| {
        let authorities = Some(setting.directory.path().join(name));
        let settings = Settings {
            authorities,
            ..Settings::default()
        };
        Client::new(&settings).unwrap_err()
    };
    assert!(matches!(client("missing"), ClientError::Authorities { .. }));
    fs::write(setting.directory.path().join("empty.pem"), b"# none\n").unwrap();
    assert!(matches!(
        client("empty.pem"),
        ClientError::NoAuthorities { .. }
    ));
}
