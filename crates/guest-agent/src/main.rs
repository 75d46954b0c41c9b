//! The agent: PID 1 in the microVM.
//!
//! It loads the modules it was packed with, finds disks and ports by name, assembles the root, and
//! then does what the host asks on the control port, one request at a time: run a step, archive
//! results, power off. It trusts the host and is trusted by nobody: a step runs as root beside it
//! and may do to it what it likes.

mod archive;
mod boot;
mod devices;
mod direct;
mod network;
mod root;
mod serve;
mod shell;
mod step;
mod unanswered;

use std::io::Write as _;

fn main() -> std::process::ExitCode {
    if std::process::id() != 1 {
        return direct::run();
    }
    if let Err(error) = serve::run() {
        // The console is what the host shows when an agent never answers.
        let _ = writeln!(std::io::stderr(), "bessemer-agent: {error}");
    }
    boot::power_off();
    std::process::ExitCode::FAILURE
}
