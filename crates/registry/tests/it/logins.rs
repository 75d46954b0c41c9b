//! Registries that want to know who asks.

use crate::support::{Log, TokenServer, connect_as, reference, settings, write_image};
use bessemer_registry::{Access, DockerConfig, Login, Registry, RequestCause};
use bessemer_testkit::{Askers, ImageRegistry};
use std::sync::Arc;

fn password(password: &str) -> Login {
    Login::Password {
        user: "user".to_owned(),
        password: password.to_owned(),
    }
}

/// The causes of an error, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_password_from_dockers_configuration() {
    let server = ImageRegistry::asked_by(Askers::Password);
    let image = write_image(1, 10_000);
    let name = server.name("app");
    // user:open sesame
    let config = format!(
        r#"{{"auths":{{"127.0.0.1:{}":{{"auth":"dXNlcjpvcGVuIHNlc2FtZQ=="}}}}}}"#,
        server.port()
    );
    let config = DockerConfig::parse(config.as_bytes(), &[]).unwrap();
    let login = config.login(&reference(&name)).unwrap();
    let registry = connect_as(&name, login, &settings(), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    for (login, message) in [
        (Login::Anonymous, "the registry wants a login"),
        (password("WRONG"), "the registry refuses this login"),
    ] {
        let registry = connect_as(&name, login, &settings(), Arc::new(Log::default()));
        let error = chain(&registry.push_layout(&image.layout).unwrap_err());
        assert!(
            error.contains(message) && !error.contains("WRONG"),
            "{error}"
        );
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn tokens_for_what_is_done_and_no_more() {
    let tokens = TokenServer::start();
    let server = ImageRegistry::asked_by(tokens.auth());
    let image = write_image(1, 10_000);
    let name = server.name("team/app");
    let log = Arc::new(Log::default());
    let registry = connect_as(&name, password("open sesame"), &settings(), log);
    registry.push_layout(&image.layout).unwrap();
    registry.tag(&image.index, &"1".parse().unwrap()).unwrap();
    // One token served everything.
    let asked = tokens.asked();
    assert_eq!(
        asked,
        ["GET service=test&scope=repository%3Ateam%2Fapp%3Apull%2Cpush&account=user"]
    );
    // A mount needs a right to the other repository.
    let from = reference(&server.name("team/app:1"));
    let target = |name: &str, log: Arc<Log>| {
        let mount = [&from];
        let target = reference(name);
        let login = password("open sesame");
        Registry::connect(&target, Access::Push, &mount, login, &settings(), log).unwrap()
    };
    let log = Arc::new(Log::default());
    let other = server.name("team/other");
    target(&other, log.clone())
        .copy(&registry, &from, None)
        .unwrap();
    assert_eq!(log.count("mounted"), 4);
    let last = || tokens.asked().last().unwrap().clone();
    assert!(last().contains("scope=repository%3Ateam%2Fapp%3Apull&"));
    // Reading asks for reading.
    let reader = Registry::connect(
        &from,
        Access::Pull,
        &[],
        password("open sesame"),
        &settings(),
        Arc::new(Log::default()),
    )
    .unwrap();
    assert_eq!(reader.resolve(&from).unwrap(), Some(image.index));
    assert!(last().contains("app%3Apull&account"));
    let refused = reader.push_layout(&write_image(2, 100).layout).unwrap_err();
    assert!(
        chain(&refused).contains("the registry refuses this login"),
        "{}",
        chain(&refused)
    );
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_token_that_ends_is_replaced() {
    let tokens = TokenServer::start();
    let server = ImageRegistry::asked_by(tokens.auth());
    let image = write_image(1, 10_000);
    let name = server.name("app");
    let log = Arc::new(Log::default());
    let registry = connect_as(&name, password("open sesame"), &settings(), log);
    // The margin is ten seconds: a token of eleven is used for one.
    tokens.live(11);
    registry.push_layout(&image.layout).unwrap();
    let before = tokens.asked().len();
    std::thread::sleep(std::time::Duration::from_secs(2));
    registry.tag(&image.index, &"1".parse().unwrap()).unwrap();
    assert_eq!(tokens.asked().len(), before + 1);
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn an_identity_token_and_a_registrys_own() {
    let tokens = TokenServer::start();
    let server = ImageRegistry::asked_by(tokens.auth());
    let image = write_image(1, 10_000);
    let name = server.name("app");
    let identity = Login::IdentityToken("identity".to_owned());
    let log = Arc::new(Log::default());
    let registry = connect_as(&name, identity, &settings(), log);
    registry.push_layout(&image.layout).unwrap();
    let asked = tokens.asked();
    assert!(
        asked[0]
            .starts_with("POST service=test&grant_type=refresh_token&client_id=bessemer&scope="),
        "{asked:?}"
    );
    let token = Login::RegistryToken(tokens.token(&["repository:app:pull,push".to_owned()]));
    let registry = connect_as(&name, token, &settings(), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    assert_eq!(tokens.asked().len(), asked.len());
    let wrong = connect_as(
        &name,
        password("WRONG"),
        &settings(),
        Arc::new(Log::default()),
    );
    let error = wrong.push_layout(&image.layout).unwrap_err();
    assert!(
        chain(&error).contains("the registry refuses this login"),
        "{}",
        chain(&error)
    );
    assert!(!chain(&error).contains("WRONG"));
}

/// A registry that is asked in plain could name any place for the login; it goes to this machine or
/// over TLS.
#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_login_goes_nowhere_in_plain() {
    let tokens = TokenServer::start();
    let certificate = tokens.auth();
    let Askers::Token { certificate, .. } = certificate else {
        unreachable!("a token server's");
    };
    for realm in [
        "http://example.com/token",
        "http://localhost:x@example.com/token",
    ] {
        let server = ImageRegistry::asked_by(Askers::Token { realm, certificate });
        let registry = connect_as(
            &server.name("app"),
            password("open sesame"),
            &settings(),
            Arc::new(Log::default()),
        );
        let error = registry
            .resolve(&reference(&server.name("app:1")))
            .unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        let cause = source.downcast_ref::<RequestCause>().unwrap();
        assert!(
            matches!(cause, RequestCause::InsecureLogin),
            "{realm}: {cause}"
        );
    }
}
