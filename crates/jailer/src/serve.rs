//! The loop: requests from the client, the leashes of its machines, and their ends.

use crate::profile::Profile;
use crate::request::{self, RequestError};
use crate::spawn::{self, Machine, Programs};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The jailer ends: every machine is killed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot wait: {0}")]
    Poll(#[from] Errno),
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Serves until the client goes away.
pub(crate) fn run(programs: &Programs, profile: Profile) -> Result<(), ServeError> {
    let stdin = io::stdin();
    let mut machines = Vec::new();
    let result = serve(programs, profile, stdin.as_fd(), &mut machines);
    for machine in &machines {
        kill(machine);
    }
    for machine in &machines {
        let _ = waitid(WaitId::PidFd(machine.handle.as_fd()), WaitIdOptions::EXITED);
    }
    result
}

fn serve(
    programs: &Programs,
    profile: Profile,
    client: BorrowedFd<'_>,
    machines: &mut Vec<Machine>,
) -> Result<(), ServeError> {
    let mut numbers = 0..;
    loop {
        let mut fds = vec![PollFd::from_borrowed_fd(client, PollFlags::IN)];
        for machine in machines.iter() {
            fds.push(PollFd::new(&machine.handle, PollFlags::IN));
            fds.push(PollFd::new(&machine.leash, PollFlags::IN));
        }
        let next = machines.iter().filter(|machine| !machine.overdue);
        let next = next.map(|machine| machine.deadline).min();
        match poll(&mut fds, until(next).as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        for (machine, ready) in machines.iter().zip(ready[1..].chunks(2)) {
            if ready[1] {
                kill(machine);
            }
        }
        for machine in machines.iter_mut() {
            if !machine.overdue && machine.deadline <= Instant::now() {
                machine.overdue = true;
                kill(machine);
            }
        }
        let mut ended = ready[1..].chunks(2).map(|ready| ready[0]);
        machines.retain(|machine| !(ended.next() == Some(true) && report_end(machine)));
        if ready[0] {
            let Some(request) = request::receive(client)? else {
                return Ok(());
            };
            let number = numbers.next().unwrap_or(u64::MAX);
            match spawn::spawn(programs, profile, number, request) {
                Ok(machine) => {
                    let (profile, layers) = (machine.profile, machine.layers.text());
                    answer(&machine.leash, &format!("started {profile}\n{layers}"));
                    machines.push(machine);
                }
                Err((leash, error)) => answer(&leash, &format!("failed\n{error}")),
            }
        }
    }
}

/// How long to wait: for ever when no machine has a deadline.
fn until(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    // A little more, so that it is over when this returns.
    Timespec::try_from(left + Duration::from_millis(10)).ok()
}

/// A client that has let go of the leash does not want to know.
fn answer(leash: &OwnedFd, text: &str) {
    let _ = send(
        leash,
        text.as_bytes(),
        SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    );
}

fn kill(machine: &Machine) {
    // Fails only when it is gone already.
    let _ = pidfd_send_signal(&machine.handle, Signal::KILL);
}

/// Whether it has really ended; tells the client how.
fn report_end(machine: &Machine) -> bool {
    let id = WaitId::PidFd(machine.handle.as_fd());
    let Ok(Some(status)) = waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) else {
        return false;
    };
    let text = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("ended exited {code}"),
        (None, signal) if machine.overdue => format!("ended limit {}", signal.unwrap_or(0)),
        (None, signal) => format!("ended signaled {}", signal.unwrap_or(0)),
    };
    answer(&machine.leash, &text);
    true
}
