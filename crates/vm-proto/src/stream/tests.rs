use super::*;
use crate::{Decoder, encode};
use proptest::prelude::*;

fn pair() -> (Streams, Streams, u32) {
    let (mut guest, mut host) = (Streams::of_guest(), Streams::of_host());
    let (stream, message) = guest.open(Entry::Proxy).unwrap();
    assert_eq!(
        host.receive(message),
        Ok(Some(StreamEvent::Opened(stream, Entry::Proxy)))
    );
    (guest, host, stream)
}

#[test]
fn a_stream_carries_bytes_within_its_window_and_ends() {
    let (mut guest, mut host, stream) = pair();
    let mut sent = 0;
    while guest.may_send(stream) > 0 {
        let bytes = vec![1; guest.may_send(stream)];
        sent += bytes.len();
        let message = guest.send(stream, bytes).unwrap();
        assert!(encode(&message, MAX_DATA_FRAME).is_ok());
        host.receive(message).unwrap();
    }
    assert_eq!(sent, STREAM_WINDOW as usize);
    assert_eq!(guest.send(stream, vec![1]), None, "no credit, no bytes");
    let credit = host.used(stream, sent).unwrap();
    guest.receive(credit).unwrap();
    assert_eq!(guest.may_send(stream), MAX_STREAM_CHUNK);
    let end = guest.end(stream).unwrap();
    assert_eq!(host.receive(end), Ok(Some(StreamEvent::Ended(stream))));
    let answer = host.send(stream, b"x".to_vec()).unwrap();
    assert!(guest.receive(answer).unwrap().is_some());
    let end = host.end(stream).unwrap();
    guest.receive(end).unwrap();
    assert_eq!(
        guest.receive(StreamMessage::Credit { stream, bytes: 1 }),
        Ok(None),
        "what comes late means nothing"
    );
}

#[test]
fn what_breaks_the_rules_is_refused() {
    let open = |stream| StreamMessage::Open {
        stream,
        entry: Entry::Http,
    };
    let data = |stream, length| StreamMessage::Data {
        stream,
        bytes: vec![0; length],
    };
    let (mut guest, mut host, stream) = pair();
    assert_eq!(guest.receive(open(9)), Err(StreamViolation::Opener));
    assert_eq!(
        host.receive(open(stream)),
        Err(StreamViolation::Number(stream))
    );
    assert_eq!(host.receive(data(7, 1)), Err(StreamViolation::Unknown(7)));
    for length in [0, MAX_STREAM_CHUNK + 1] {
        assert_eq!(
            host.receive(data(stream, length)),
            Err(StreamViolation::Window(stream))
        );
    }
    for bytes in [0, 1] {
        assert_eq!(
            host.receive(StreamMessage::Credit { stream, bytes }),
            Err(StreamViolation::Credit(stream))
        );
    }
    for _ in 0..STREAM_WINDOW as usize / MAX_STREAM_CHUNK {
        host.receive(data(stream, MAX_STREAM_CHUNK)).unwrap();
    }
    assert_eq!(
        host.receive(data(stream, 1)),
        Err(StreamViolation::Window(stream))
    );
    host.receive(StreamMessage::End { stream }).unwrap();
    assert_eq!(
        host.receive(data(stream, 1)),
        Err(StreamViolation::AfterEnd(stream))
    );
    for number in 2..=u32::try_from(MAX_STREAMS).unwrap() {
        host.receive(open(number)).unwrap();
    }
    assert_eq!(host.receive(open(1000)), Err(StreamViolation::TooMany));
}

fn message() -> impl Strategy<Value = StreamMessage> {
    let entry = prop_oneof![Just(Entry::Proxy), Just(Entry::Http), Just(Entry::Https)];
    prop_oneof![
        (0_u32..6, entry).prop_map(|(stream, entry)| StreamMessage::Open { stream, entry }),
        (0_u32..6, 0_usize..MAX_STREAM_CHUNK + 2).prop_map(|(stream, length)| {
            StreamMessage::Data {
                stream,
                bytes: vec![0; length],
            }
        }),
        (0_u32..6, any::<u32>())
            .prop_map(|(stream, bytes)| StreamMessage::Credit { stream, bytes }),
        (0_u32..6).prop_map(|stream| StreamMessage::End { stream }),
        (0_u32..6).prop_map(|stream| StreamMessage::Reset { stream }),
    ]
}

proptest! {
    /// Whatever the guest says, the host holds no more of a stream than a window.
    #[test]
    fn no_order_of_messages_goes_beyond_the_window(
        messages in proptest::collection::vec(message(), 0..200)
    ) {
        let mut host = Streams::of_host();
        let mut held = BTreeMap::<u32, usize>::new();
        for message in messages {
            match host.receive(message) {
                Err(_) => break,
                Ok(Some(StreamEvent::Data(stream, bytes))) => {
                    let held = held.entry(stream).or_default();
                    *held += bytes.len();
                    prop_assert!(*held <= STREAM_WINDOW as usize);
                }
                Ok(_) => {}
            }
        }
    }

    #[test]
    fn any_bytes_on_the_data_port_are_survived(bytes: Vec<u8>) {
        let mut decoder = Decoder::<StreamMessage>::new(MAX_DATA_FRAME);
        let mut host = Streams::of_host();
        decoder.push(&bytes);
        while let Ok(Some(message)) = decoder.next_message() {
            let _ = host.receive(message);
        }
    }
}
