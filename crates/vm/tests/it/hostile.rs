//! Guests made of lies: a thread in the place of QEMU says what no agent would. Needs no guest.

use crate::bench::step;
use bessemer_digest::Digest;
use bessemer_vm::{
    Accelerator, Activity, Bundle, Configuration, Disks, Fault, GuestPath, JailReport,
    LaunchRequest, Launched, Launcher, LauncherError, Machine, ProcessEnd, Qemu, Session,
    SessionError, VmProcess,
};
use bessemer_vm_proto::{
    Decoder, FromGuest, LogChunk, MAX_CONTROL_FRAME, MAX_LOG_FRAME, PROTOCOL_VERSION, RunStatus,
    ToGuest, encode,
};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tempfile::TempDir;

/// How much output a guest may write.
const LOG_LIMIT: u64 = 100;

/// What the thread writes; then its ports end.
#[derive(Debug, Clone, Default)]
struct Lies {
    /// To the control port, at once.
    control: Vec<u8>,
    /// To the log port, when a step was asked for.
    log: Vec<u8>,
    /// To the control port, after that.
    answer: Vec<u8>,
}

impl Lies {
    /// The host may stop listening before everything is said.
    fn tell(&self, mut control: UnixStream, mut log: UnixStream) -> std::io::Result<()> {
        control.write_all(&self.control)?;
        if self.log.is_empty() && self.answer.is_empty() {
            return Ok(());
        }
        let mut requests = Decoder::<ToGuest>::new(MAX_CONTROL_FRAME);
        let mut buffer = [0; 4096];
        loop {
            match requests.next_message() {
                Ok(Some(ToGuest::Run(_))) => break,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    let length = control.read(&mut buffer)?;
                    if length == 0 {
                        return Ok(());
                    }
                    requests.push(&buffer[..length]);
                }
            }
        }
        log.write_all(&self.log)?;
        control.write_all(&self.answer)
    }
}

#[derive(Debug)]
struct LyingLauncher {
    qemu: Qemu,
    lies: Lies,
}

#[derive(Debug)]
struct NoProcess;

impl VmProcess for NoProcess {
    fn kill(&mut self) {}
    fn wait(&mut self, _: Duration) -> Option<ProcessEnd> {
        Some(ProcessEnd::Exited(0))
    }
}

impl Launcher for LyingLauncher {
    fn qemu(&self) -> &Qemu {
        &self.qemu
    }

    fn launch(&self, mut request: LaunchRequest) -> Result<Launched, LauncherError> {
        let events = request.inherited.pop().unwrap();
        let mut pop = || UnixStream::from(request.inherited.pop().unwrap());
        let (log, control): (UnixStream, UnixStream) = (pop(), pop());
        let lies = self.lies.clone();
        let other_ends: [OwnedFd; 3] = [request.console, request.diagnostics, events];
        std::thread::spawn(move || {
            let _ = lies.tell(control, log);
            drop(other_ends);
        });
        Ok(Launched {
            process: Box::new(NoProcess),
            jail: JailReport::default(),
        })
    }
}

fn control(messages: &[FromGuest]) -> Vec<u8> {
    let frames = messages
        .iter()
        .map(|message| encode(message, MAX_CONTROL_FRAME).unwrap());
    frames.collect::<Vec<_>>().concat()
}

fn ready() -> Vec<FromGuest> {
    vec![
        FromGuest::Ready {
            agent: "1\x1b[2J".into(),
        },
        FromGuest::Configured,
    ]
}

fn machine(dir: &TempDir) -> Machine {
    let at = |name: &str| dir.path().join(name);
    let json = r#"{"schema":"bessemer.kernel/v1","release":"0","image":"vmlinuz","acpi":false,
        "tsc_parameters":false,"cmdline":[],"modules":[]}"#;
    fs::write(at("kernel.json"), json).unwrap();
    for name in ["vmlinuz", "agent", "environment", "scratch"] {
        fs::write(at(name), name).unwrap();
    }
    bessemer_vm::create_output(&at("output"), 4096).unwrap();
    let disks = Disks {
        environment: at("environment"),
        sources: None,
        scratch: at("scratch"),
        output: Some(at("output")),
    };
    let bundle = Bundle::load(dir.path(), &at("agent")).unwrap();
    Machine::new("liar", bundle, Accelerator::Tcg, disks)
}

fn launch(lies: Lies) -> Result<Session, SessionError> {
    launch_with(lies, LOG_LIMIT)
}

fn launch_with(lies: Lies, log_bytes: u64) -> Result<Session, SessionError> {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = machine(&dir);
    machine.limits.log_bytes = log_bytes;
    let qemu = Qemu {
        path: "/none".into(),
        version: "0".into(),
        digest: Digest::of("qemu"),
    };
    let launcher = LyingLauncher { qemu, lies };
    match machine.launch(&launcher, &Configuration::default()) {
        Ok(session) => Ok(session),
        Err(bessemer_vm::LaunchError::Session(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_no_agent_never_becomes_a_session() {
    let huge = [
        PROTOCOL_VERSION.to_le_bytes().to_vec(),
        u32::MAX.to_le_bytes().to_vec(),
    ]
    .concat();
    for (bytes, expected) in [
        (
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            "booting the guest: frame has protocol version",
        ),
        (
            huge,
            "booting the guest: frame of 4294967295 bytes exceeds the limit",
        ),
        (
            Vec::new(),
            "booting the guest: guest ended by itself (exit status 0)",
        ),
        (
            control(&ready()[1..]),
            "booting the guest: guest sent `configured` while `ready`",
        ),
        (
            control(&ready()[..1]),
            "preparing the guest's root: guest ended by itself",
        ),
        (
            control(&[FromGuest::Failed {
                message: "no disk\x1b[1m\n".into(),
            }]),
            "booting the guest: guest agent: no disk?[1m",
        ),
    ] {
        let error = launch(Lies {
            control: bytes,
            ..Lies::default()
        })
        .unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_step_cannot_be_lied_about() {
    let exited = |id: &str, log_bytes| FromGuest::Exited {
        id: id.into(),
        status: RunStatus::Exited(0),
        log_bytes,
    };
    let chunk = |length| {
        encode(
            &LogChunk {
                bytes: vec![b'x'; length],
            },
            MAX_LOG_FRAME,
        )
        .unwrap()
    };
    for (answer, log, expected) in [
        (
            Some(exited("main/1", 0)),
            vec![],
            "guest reported the end of step `main/1`",
        ),
        (
            Some(FromGuest::Configured),
            vec![],
            "guest sent `configured` while `exited`",
        ),
        (
            Some(exited("main/0", 50)),
            chunk(10),
            "guest ended by itself",
        ),
        (None, vec![], "guest ended by itself"),
        (None, chunk(101), "wrote more than 100 bytes of output"),
        (None, b"no frame".to_vec(), "frame has protocol version"),
    ] {
        let answer = control(&answer.map(|answer| vec![answer]).unwrap_or_default());
        let mut session = launch(Lies {
            control: control(&ready()),
            log,
            answer,
        })
        .unwrap();
        let error = session
            .run_step(&step("main/0", ""), &mut |_| ())
            .unwrap_err();
        assert_eq!(error.activity, Activity::Step("main/0".into()));
        assert!(!session.is_alive());
        assert!(error.fault.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_truthful_script_is_a_session_and_its_texts_are_harmless() {
    let mut messages = ready();
    messages.push(FromGuest::Archived { bytes: 4097 });
    let mut session = launch(Lies {
        control: control(&messages),
        ..Lies::default()
    })
    .unwrap();
    assert_eq!(session.agent_version(), "1?[2J");
    let error = session
        .archive(&[GuestPath::new("/home").unwrap()])
        .unwrap_err();
    assert_eq!(error.activity, Activity::Archive);
    assert!(
        matches!(
            error.fault,
            Fault::ArchiveLength {
                bytes: 4097,
                disk: 4096
            }
        ),
        "{error}"
    );
    assert!(!session.is_alive());
}

#[test]
fn control_run_with_a_higher_limit_the_same_output_is_taken() {
    let output = LogChunk {
        bytes: vec![b'x'; 101],
    };
    let lies = Lies {
        control: control(&ready()),
        log: encode(&output, MAX_LOG_FRAME).unwrap(),
        answer: control(&[FromGuest::Exited {
            id: "main/0".into(),
            status: RunStatus::Exited(0),
            log_bytes: 101,
        }]),
    };
    let mut taken = 0;
    let mut run = |limit| {
        let mut session = launch_with(lies.clone(), limit).unwrap();
        session.run_step(&step("main/0", ""), &mut |bytes| taken += bytes.len())
    };
    let error = run(LOG_LIMIT).unwrap_err().to_string();
    assert!(error.contains("more than 100 bytes of output"), "{error}");
    assert!(run(101).unwrap().succeeded());
    assert!(taken >= 101, "{taken}");
}
