use super::*;
use proptest::prelude::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parsed(text: &str) -> Reference {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn fills_in_what_docker_fills_in() {
    for (text, whole, host) in [
        ("alpine", "docker.io/library/alpine", "registry-1.docker.io"),
        ("a/b:1", "docker.io/a/b:1", "registry-1.docker.io"),
        (
            "docker.io/alpine",
            "docker.io/library/alpine",
            "registry-1.docker.io",
        ),
        (
            "index.docker.io/a/b",
            "docker.io/a/b",
            "registry-1.docker.io",
        ),
        ("localhost/a", "localhost/a", "localhost"),
        ("localhost:5000/a:b", "localhost:5000/a:b", "localhost:5000"),
        (
            "ghcr.io/a/b_c__d-e---f.g",
            "ghcr.io/a/b_c__d-e---f.g",
            "ghcr.io",
        ),
        ("Host/a", "Host/a", "Host"),
        ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000"),
        (
            "127.0.0.1:1/a/b/c:X.y-Z_",
            "127.0.0.1:1/a/b/c:X.y-Z_",
            "127.0.0.1:1",
        ),
    ] {
        let reference = parsed(text);
        assert_eq!(
            (reference.to_string().as_str(), reference.host()),
            (whole, host)
        );
    }
}

#[test]
fn takes_tag_and_digest() {
    let both = parsed(&format!("r.io/a:1@sha256:{HEX}"));
    assert_eq!(both.tag().unwrap().as_str(), "1");
    assert_eq!(both.digest().unwrap().hex(), HEX);
    assert_eq!(
        parsed("r.io/a").tag_or_default().unwrap().as_str(),
        "latest"
    );
    assert_eq!(
        parsed(&format!("r.io/a@sha256:{HEX}")).tag_or_default(),
        None
    );
    assert_eq!(
        parsed("r.io/a:1").at(*both.digest().unwrap()).to_string(),
        format!("r.io/a@sha256:{HEX}")
    );
}

#[test]
fn refuses() {
    let long = format!("r.io/{}", "a".repeat(251));
    let long_tag = format!("r.io/a:{}", "t".repeat(129));
    for (text, message) in [
        ("", "not a repository"),
        ("r.io/", "not a repository"),
        ("r.io//a", "not a repository"),
        ("r.io/a/", "not a repository"),
        ("r.io/../a", "not a repository"),
        ("r.io/A", "not a repository"),
        ("r.io/a___b", "not a repository"),
        ("r.io/a..b", "not a repository"),
        ("r.io/a._b", "not a repository"),
        ("r.io/-a", "not a repository"),
        ("r.io/a-", "not a repository"),
        ("r.io/a?b", "not a repository"),
        ("r.io/a b", "not a repository"),
        ("https://r.io/a", "not a registry"),
        ("r.io:/a", "not a registry"),
        ("r.io:0/a", "not a registry"),
        ("r.io:65536/a", "not a registry"),
        ("r.io:+5/a", "not a registry"),
        ("u:p@r.io/a", "digest of a reference"),
        ("r..io/a", "not a registry"),
        (".r.io/a", "not a registry"),
        ("-r.io/a", "not a registry"),
        ("[::1/a", "not a registry"),
        ("[1.2.3.4]/a", "not a registry"),
        ("r.io/a:", "not a tag"),
        ("r.io/a:.b", "not a tag"),
        ("r.io/a:b/c", "not a tag"),
        ("r.io/a@sha512:00", "digest of a reference"),
        ("r.io/a@sha256:00", "digest of a reference"),
        (&long, "more than 255"),
        (&long_tag, "not a tag"),
    ] {
        let error = text.parse::<Reference>().expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(
        registry in "(localhost|[a-z0-9]{1,9}\\.[a-z]{2,5}|\\[::[1-9]\\])(:[1-9][0-9]{0,3})?",
        repository in "[a-z0-9]{1,9}(/[a-z0-9]{1,5}([._-]|__)[a-z0-9]{1,5}){0,3}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        bytes in proptest::option::of(any::<[u8; 32]>()),
    ) {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = bytes.map(|bytes| format!("@{}", Digest::from_bytes(bytes)));
        let text = format!("{registry}/{repository}{tag}{}", digest.unwrap_or_default());
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn what_it_takes_goes_into_a_path_as_it_is(text in "[ -~]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            let again: Reference = reference.to_string().parse().unwrap();
            prop_assert_eq!(&again, &reference);
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
            prop_assert!(reference.repository().bytes().all(safe));
            prop_assert!(!reference.repository().contains(".."));
        }
    }
}
