use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn password(user: &str, password: &str) -> Login {
    Login::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

fn login(config: &str, image: &str) -> Login {
    let config = DockerConfig::parse(config.as_bytes(), &[]).unwrap();
    config.login(&image.parse().unwrap()).unwrap()
}

#[test]
fn finds_entries_by_every_spelling_of_the_registry() {
    // user:pass
    let auth = r#"{"auth":"dXNlcjpwYXNz"}"#;
    for (key, image) in [
        ("https://index.docker.io/v1/", "alpine"),
        ("docker.io", "alpine"),
        ("registry-1.docker.io", "a/b"),
        ("localhost:5000", "localhost:5000/a"),
        ("http://localhost:5000", "localhost:5000/a"),
        ("https://r.io/v2/", "r.io/a/b"),
        ("r.io/a", "r.io/a/b"),
        ("r.io/a/b", "r.io/a/b"),
    ] {
        let config = format!(r#"{{"auths":{{"{key}":{auth}}},"HttpHeaders":{{}}}}"#);
        assert_eq!(login(&config, image), password("user", "pass"), "{key}");
        assert_eq!(login(&config, "other.io/a/b"), Login::Anonymous, "{key}");
    }
}

#[test]
fn takes_the_longest_path() {
    let config = r#"{"auths":{
        "r.io":{"username":"host","password":"1"},
        "r.io/a":{"username":"folder","password":"2"},
        "r.io/a/b":{"username":"image","password":"3"}}}"#;
    assert_eq!(login(config, "r.io/a/b"), password("image", "3"));
    assert_eq!(login(config, "r.io/a/c/d"), password("folder", "2"));
    assert_eq!(login(config, "r.io/ab"), password("host", "1"));
}

#[test]
fn reads_each_kind_of_entry() {
    for (entry, expected) in [
        (r#"{"auth":"dXNlcjpwOmE6c3M="}"#, password("user", "p:a:ss")),
        (r#"{"auth":"dXNlcjpwYXNzAAA="}"#, password("user", "pass")),
        (
            r#"{"auth":"dXNlcjpwYXNz","identitytoken":"T"}"#,
            Login::IdentityToken("T".into()),
        ),
        (r#"{"registrytoken":"T"}"#, Login::RegistryToken("T".into())),
        ("{}", Login::Anonymous),
    ] {
        assert_eq!(
            login(&format!(r#"{{"auths":{{"r.io":{entry}}}}}"#), "r.io/a"),
            expected
        );
    }
}

#[test]
fn refuses_without_showing_secrets() {
    for (config, message) in [
        ("\"SECRET\"", "line 1, column"),
        (
            r#"{"auths":{"r.io":{"auth":"SECRET"}}}"#,
            "`r.io` is not `USER:PASSWORD`",
        ),
        (
            r#"{"auths":{"r.io":{"auth":"U0VDUkVU"}}}"#,
            "`r.io` is not `USER:PASSWORD`",
        ),
        (
            r#"{"auths":{"r.io":{"auth":["SECRET"]}}}"#,
            "line 1, column",
        ),
        (
            r#"{"credsStore":"../x"}"#,
            "not the name of a credential helper",
        ),
        (
            r#"{"credHelpers":{"r.io":"a b"}}"#,
            "not the name of a credential helper",
        ),
    ] {
        let error = DockerConfig::parse(config.as_bytes(), &[]).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(message), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
    let config =
        r#"{"auths":{"r.io":{"username":"u","password":"SECRET","identitytoken":"SECRET"}}}"#;
    let config = DockerConfig::parse(config.as_bytes(), &[]).unwrap();
    assert!(!format!("{config:?}").contains("SECRET"));
}

/// Writes a helper that keeps one login.
fn helper(folder: &std::path::Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn helped(folder: &std::path::Path, config: &str, image: &str) -> Result<Login, String> {
    let config = DockerConfig::parse(config.as_bytes(), &[folder.to_owned()]).unwrap();
    let login = config.login(&image.parse().unwrap());
    login.map_err(|error| format!("{error} {error:?}"))
}

#[test]
fn asks_helpers() {
    let folder = tempfile::tempdir().unwrap();
    let echo = r#"read server; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"%s","Secret":"own"}' "$server" "$server""#;
    helper(folder.path(), "own", echo);
    helper(
        folder.path(),
        "rest",
        r#"echo '{"Username":"<token>","Secret":"T"}'"#,
    );
    helper(
        folder.path(),
        "empty",
        "echo 'credentials not found in native keychain'; exit 1",
    );
    helper(folder.path(), "broken", "echo SECRET; exit 1");
    helper(folder.path(), "mad", r#"echo '{"Secret":"SECRET"}'"#);
    let config = r#"{"credHelpers":{"r.io":"own","docker.io":"own","e.io":"empty","b.io":"broken","m.io":"mad","n.io":"none"},
        "credsStore":"rest","auths":{"e.io":{"username":"file","password":"p"}}}"#;
    let ask = |image: &str| helped(folder.path(), config, image);
    assert_eq!(ask("r.io/a").unwrap(), password("r.io", "own"));
    assert_eq!(
        ask("a").unwrap(),
        password("https://index.docker.io/v1/", "own")
    );
    assert_eq!(ask("x.io/a").unwrap(), Login::IdentityToken("T".into()));
    assert_eq!(ask("e.io/a").unwrap(), password("file", "p"));
    for (image, message) in [
        ("b.io/a", "docker-credential-broken` failed"),
        ("m.io/a", "answer that cannot be read"),
        ("n.io/a", "docker-credential-none` is in none"),
    ] {
        let error = ask(image).unwrap_err();
        assert!(
            error.contains(message) && !error.contains("SECRET"),
            "{error}"
        );
    }
}
