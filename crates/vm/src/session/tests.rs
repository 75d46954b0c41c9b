//! Ends that a guest forges, with the order of the conversation kept and, as a control, ignored.

use super::*;
use crate::channel::{self, Pairs};
use crate::{Accelerator, JailReport};
use bessemer_digest::Digest;
use bessemer_vm_proto::{MAX_CONTROL_FRAME, encode};
use std::os::fd::OwnedFd;

#[derive(Debug)]
struct NoProcess;

impl VmProcess for NoProcess {
    fn kill(&mut self) {}
    fn wait(&mut self, _: Duration) -> Option<ProcessEnd> {
        Some(ProcessEnd::Exited(0))
    }
}

fn observed() -> Observed {
    Observed {
        accelerator: Accelerator::Tcg,
        machine: "microvm".into(),
        cpu: "max".into(),
        vcpus: 1,
        memory_mib: 1,
        qemu_version: None,
        qemu: None,
        kernel: None,
        kernel_release: "0".into(),
        initramfs: None,
        agent: Digest::of("agent"),
        command_line: String::new(),
        jail: JailReport::default(),
        boot_milliseconds: 0,
    }
}

fn limits() -> Limits {
    let second = Duration::from_secs(5);
    Limits {
        boot: second,
        first_boot: second,
        configure: second,
        archive: second,
        power_off: second,
        log_bytes: 100,
        whole: second,
    }
}

/// A session with a guest that has said all this before anybody asks, and the guest's ends.
fn session(order: Order, said: &[FromGuest]) -> (Result<Session, LaunchError>, [OwnedFd; 5]) {
    let Pairs {
        host,
        guest_control,
        guest_log,
        guest_console,
        guest_diagnostics,
        guest_events,
    } = channel::pairs().unwrap();
    for message in said {
        let frame = encode(message, MAX_CONTROL_FRAME).unwrap();
        rustix::io::write(&guest_control, &frame).unwrap();
    }
    let start = Start {
        launched: Launched {
            process: Box::new(NoProcess),
            jail: JailReport::default(),
        },
        started: Instant::now(),
        channels: host,
        observed: observed(),
        output_bytes: 0,
    };
    let session = Session::start_in(order, start, &limits(), &Configuration::default());
    let ends = [
        guest_control,
        guest_log,
        guest_console,
        guest_diagnostics,
        guest_events,
    ];
    (session, ends)
}

/// A guest that runs nothing and says, for a step that it was not given, that it ended well.
fn forged(order: Order) -> Result<StepOutcome, SessionError> {
    let ready = FromGuest::Ready { agent: "1".into() };
    let (session, _ends) = session(
        order,
        &[ready, FromGuest::Configured, exited_well("main/1")],
    );
    let step = Run {
        id: "main/0".into(),
        argv: vec!["/bin/false".into()],
        directory: GuestPath::new("/").unwrap(),
        environment: [].into(),
        timeout_seconds: 5,
    };
    session.unwrap().run_step(&step, &mut |_| ())
}

fn exited_well(id: &str) -> FromGuest {
    FromGuest::Exited {
        id: id.into(),
        status: RunStatus::Exited(0),
        log_bytes: 0,
    }
}

/// A guest that tells of a step's end where it should say that its root is ready.
fn without_a_root(order: Order) -> Result<(), LaunchError> {
    let ready = FromGuest::Ready { agent: "1".into() };
    let (session, _ends) = session(order, &[ready, exited_well("main/0")]);
    session.map(drop)
}

#[test]
fn forged_ends_are_not_believed() {
    let error = forged(Order::Kept).unwrap_err().to_string();
    assert!(
        error.contains("the end of step `main/1` while `main/0` was running"),
        "{error}"
    );
    let error = without_a_root(Order::Kept).unwrap_err().to_string();
    assert!(error.contains("`exited` while `configured`"), "{error}");
}

#[test]
fn control_run_where_no_order_is_kept_forged_ends_are_believed() {
    assert!(forged(Order::Ignored).unwrap().succeeded());
    without_a_root(Order::Ignored).unwrap();
}
