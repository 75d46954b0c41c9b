//! Answers from a record: by method, URL, range and request body; in order where one was asked for
//! several times.

use crate::protocol::{Answer, Asked, Recorded};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

pub(crate) struct Replay {
    bodies: Option<File>,
    answers: Mutex<BTreeMap<Asked, Answers>>,
}

struct Answers {
    list: Vec<Found>,
    next: usize,
}

/// A recorded answer, and where its body starts.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) offset: u64,
}

impl Replay {
    pub(crate) fn new(recorded: Vec<Recorded>, bodies: Option<File>) -> Self {
        let mut answers = BTreeMap::new();
        for one in recorded {
            let entry = answers.entry(one.asked).or_insert_with(|| Answers {
                list: Vec::new(),
                next: 0,
            });
            entry.list.push(Found {
                answer: one.answer,
                offset: one.offset,
            });
        }
        Self {
            bodies,
            answers: Mutex::new(answers),
        }
    }

    /// The next answer. One that was always the same is given as often as it is asked for: how often
    /// a program asks depends on how fast its threads are.
    pub(crate) fn find(&self, asked: &Asked) -> Option<Found> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.get_mut(asked)?;
        if let Some(found) = known.list.get(known.next) {
            known.next += 1;
            return Some(found.clone());
        }
        let last = known.list.last()?;
        let same = known.list.iter().all(|found| found.answer == last.answer);
        same.then(|| last.clone())
    }

    /// Some of a body, from `done` bytes behind its start.
    pub(crate) fn read(&self, found: &Found, done: u64, out: &mut [u8]) -> io::Result<usize> {
        let left = found.answer.body.size.saturating_sub(done);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let bodies = self.bodies.as_ref().filter(|_| most > 0);
        let Some(bodies) = bodies else {
            return Ok(0);
        };
        let length = bodies.read_at(&mut out[..most], found.offset + done)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Body;
    use bessemer_digest::Digest;

    fn recorded(url: &str, text: &str) -> Recorded {
        Recorded {
            asked: Asked {
                method: "GET".into(),
                url: url.into(),
                range: None,
                body: None,
            },
            answer: Answer {
                status: 200,
                headers: BTreeMap::new(),
                body: Body {
                    sha256: Digest::of(text),
                    size: 1,
                },
                complete: true,
                failure: None,
            },
            offset: 0,
        }
    }

    #[test]
    fn answers_come_in_order_and_only_what_never_changed_is_repeated() {
        let list = vec![
            recorded("/a", "1"),
            recorded("/a", "2"),
            recorded("/b", "3"),
        ];
        let (a, b) = (list[0].asked.clone(), list[2].asked.clone());
        let replay = Replay::new(list.clone(), None);
        assert_eq!(replay.find(&a).unwrap().answer, list[0].answer);
        assert_eq!(replay.find(&a).unwrap().answer, list[1].answer);
        assert!(replay.find(&a).is_none());
        for _ in 0..3 {
            assert_eq!(replay.find(&b).unwrap().answer, list[2].answer);
        }
        let other = Asked {
            range: Some("bytes=0-1".into()),
            ..b
        };
        assert!(replay.find(&other).is_none());
    }
}
