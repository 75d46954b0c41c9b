//! The order in which messages may come, seen from the host.

use crate::{FromGuest, ToGuest};

/// A message that may not come (or be sent) now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The guest sent something that answers nothing.
    #[error("guest sent `{message}` while {expected} was expected")]
    Unexpected {
        /// Name of the message.
        message: &'static str,
        /// What could have come.
        expected: &'static str,
    },
    /// The guest reported the end of another step than the running one.
    #[error("guest reported the end of step `{got}` while `{running}` was running")]
    OtherStep {
        /// The step the host started.
        running: String,
        /// The step the guest named (at most 64 characters of it, control characters replaced).
        got: String,
    },
    /// The host wants to send a request out of turn: an error of the caller.
    #[error("request `{0}` cannot be sent now")]
    OutOfTurn(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Booting,
    Unconfigured,
    Configuring,
    Idle,
    Running { id: String, shell: bool },
    Archiving,
    Ending,
}

/// The host's view of one session; pure, so that it can be driven by any bytes in a test.
///
/// `Booting → Unconfigured → Configuring → Idle ⇄ {Running, Archiving} → Ending`.
#[derive(Debug, Clone)]
pub struct Conversation {
    state: State,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            state: State::Booting,
        }
    }
}

impl Conversation {
    /// Must be asked before `request` is sent.
    pub fn send(&mut self, request: &ToGuest) -> Result<(), Violation> {
        let next = match (&self.state, request) {
            (State::Unconfigured, ToGuest::Configure(_)) => State::Configuring,
            (State::Idle, ToGuest::Run(run)) => State::Running {
                id: run.id.clone(),
                shell: false,
            },
            (State::Idle, ToGuest::Shell(run)) => State::Running {
                id: run.id.clone(),
                shell: true,
            },
            (State::Running { shell: true, .. }, ToGuest::Input(_)) => return Ok(()),
            (State::Idle, ToGuest::Archive(_)) => State::Archiving,
            (State::Idle | State::Unconfigured, ToGuest::PowerOff) => State::Ending,
            _ => return Err(Violation::OutOfTurn(name_of_request(request))),
        };
        self.state = next;
        Ok(())
    }

    /// Must be told of every message before it is used.
    pub fn receive(&mut self, message: &FromGuest) -> Result<(), Violation> {
        let next = match (&self.state, message) {
            (State::Booting, FromGuest::Ready { .. })
            | (State::Configuring, FromGuest::Failed { .. }) => State::Unconfigured,
            (State::Configuring, FromGuest::Configured)
            | (State::Archiving, FromGuest::Archived { .. } | FromGuest::Failed { .. })
            | (State::Running { .. }, FromGuest::Failed { .. }) => State::Idle,
            (State::Running { id, .. }, FromGuest::Exited { id: got, .. }) => {
                if id != got {
                    let got = got
                        .chars()
                        .take(64)
                        .map(|c| if c.is_control() { '?' } else { c });
                    return Err(Violation::OtherStep {
                        running: id.clone(),
                        got: got.collect(),
                    });
                }
                State::Idle
            }
            // The agent may fail to boot at all, and says so before the machine ends.
            (State::Booting | State::Ending, FromGuest::Failed { .. }) => State::Ending,
            (state, _) => {
                let expected = expected_in(state);
                return Err(Violation::Unexpected {
                    message: name_of_answer(message),
                    expected,
                });
            }
        };
        self.state = next;
        Ok(())
    }
}

fn expected_in(state: &State) -> &'static str {
    match state {
        State::Booting => "`ready`",
        State::Configuring => "`configured`",
        State::Running { .. } => "`exited`",
        State::Archiving => "`archived`",
        State::Unconfigured | State::Idle => "nothing",
        State::Ending => "the end of the machine",
    }
}

fn name_of_request(request: &ToGuest) -> &'static str {
    match request {
        ToGuest::Configure(_) => "configure",
        ToGuest::Run(_) => "run",
        ToGuest::Shell(_) => "shell",
        ToGuest::Input(_) => "input",
        ToGuest::Archive(_) => "archive",
        ToGuest::PowerOff => "power-off",
    }
}

fn name_of_answer(message: &FromGuest) -> &'static str {
    match message {
        FromGuest::Ready { .. } => "ready",
        FromGuest::Configured => "configured",
        FromGuest::Exited { .. } => "exited",
        FromGuest::Archived { .. } => "archived",
        FromGuest::Failed { .. } => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Configuration, GuestPath, Run, RunStatus};

    fn run(id: &str) -> Run {
        Run {
            id: id.into(),
            argv: vec!["/bin/true".into()],
            directory: GuestPath::new("/").unwrap(),
            environment: [].into(),
            timeout_seconds: 1,
        }
    }

    fn exited(id: &str) -> FromGuest {
        FromGuest::Exited {
            id: id.into(),
            status: RunStatus::Exited(0),
            log_bytes: 0,
        }
    }

    fn idle() -> Conversation {
        let mut talk = Conversation::default();
        talk.receive(&FromGuest::Ready { agent: "1".into() })
            .unwrap();
        talk.send(&ToGuest::Configure(Configuration::default()))
            .unwrap();
        talk.receive(&FromGuest::Configured).unwrap();
        talk
    }

    #[test]
    fn a_whole_session_is_in_order() {
        let mut talk = idle();
        talk.send(&ToGuest::Run(run("main/0"))).unwrap();
        talk.receive(&exited("main/0")).unwrap();
        talk.send(&ToGuest::Shell(run("shell"))).unwrap();
        talk.send(&ToGuest::Input(b"exit\n".to_vec())).unwrap();
        talk.receive(&exited("shell")).unwrap();
        talk.send(&ToGuest::Archive(vec![])).unwrap();
        talk.receive(&FromGuest::Archived { bytes: 1024 }).unwrap();
        talk.send(&ToGuest::PowerOff).unwrap();
    }

    #[test]
    fn a_guest_cannot_answer_what_was_not_asked() {
        for message in [
            FromGuest::Ready { agent: "1".into() },
            FromGuest::Configured,
            exited("main/0"),
            FromGuest::Archived { bytes: 0 },
            FromGuest::Failed {
                message: "x".into(),
            },
        ] {
            assert!(idle().receive(&message).is_err(), "{message:?}");
        }
    }

    #[test]
    fn a_guest_cannot_end_another_step() {
        let mut talk = idle();
        talk.send(&ToGuest::Run(run("main/0"))).unwrap();
        let error = talk.receive(&exited("main/1\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "guest reported the end of step `main/1?` while `main/0` was running"
        );
    }

    #[test]
    fn the_host_cannot_ask_out_of_turn() {
        let mut talk = idle();
        assert!(talk.send(&ToGuest::Input(vec![])).is_err());
        assert!(
            talk.send(&ToGuest::Configure(Configuration::default()))
                .is_err()
        );
        talk.send(&ToGuest::Run(run("main/0"))).unwrap();
        assert!(talk.send(&ToGuest::Run(run("main/1"))).is_err());
        assert!(
            talk.send(&ToGuest::Input(vec![])).is_err(),
            "a step takes no input"
        );
    }
}
