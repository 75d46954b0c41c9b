//! A second guest gets the same from the record alone.

use crate::guest::{Guest, config};
use crate::origin::{Origin, Reply};
use bessemer_proxy::protocol::{Mode, RefusalKind};

#[test]
fn a_record_gives_the_same_without_any_server() {
    let origin = Origin::start(None);
    origin.put("/a", Reply::ok(vec![7; 500_000]));
    origin.put("/echo", Reply::ok(""));
    let mut first = config(Mode::Recorded);
    first.private = origin.names();
    first.authorities.clone_from(&origin.authority);
    let guest = Guest::start(&first);
    let url = |path: &str| format!("{}{path}", origin.url());
    let (a, missing, echo) = (url("/a"), url("/missing"), url("/echo"));
    let asks: [&[&str]; 5] = [
        &[&a],
        &["-r", "0-9", &a],
        &["--no-fail", &missing],
        &["-d", "one", &echo],
        &["-d", "two", &echo],
    ];
    let before: Vec<_> = asks.iter().map(|words| guest.curl(words)).collect();
    let told = guest.finish();
    drop(origin);

    let mut second = config(Mode::Replay);
    let (recorded, bodies) = told.recorded();
    second.recorded = recorded;
    let guest = Guest::replaying(&second, &bodies);
    let after: Vec<_> = asks.iter().map(|words| guest.curl(words)).collect();
    assert!(before == after);
    assert!(!guest.curl(&["-r", "5-6", &a]).1, "another range");
    assert!(!guest.curl(&["-d", "three", &echo]).1, "another body");
    let again = guest.finish();
    let kinds: Vec<_> = again.refusals.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [RefusalKind::NotRecorded; 2]);
    assert_eq!(again.refusals[0].url, a);
    assert!(
        again.refusals[0].reason.contains("bytes=5-6"),
        "{:?}",
        again.refusals
    );
    let (mut one, mut two) = (told.exchanges, again.exchanges);
    for (exchange, _) in one.iter_mut().chain(&mut two) {
        exchange.pieces.clear();
    }
    assert!(one == two, "the second record is the first");
}
