//! The privileged launcher: `bessemer-jailer serve --qemu PATH`, with a socket as standard input.
//!
//! It starts one program, QEMU, each time in a jail of its own, for the one client that holds the
//! other end of the socket. It reads nothing but the fixed, length-limited launch request
//! ([`request`]); what the client may choose is QEMU's arguments and the descriptors QEMU inherits,
//! and both take effect inside the jail, under the jail's uid. When the client's end of the socket
//! closes, for whatever reason, every machine is killed and the jailer ends; when the jailer is
//! killed, the kernel kills the machines.

mod jail;
mod request;
mod serve;
mod slot;
mod spawn;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let qemu = match &arguments[..] {
        [verb, option, path] if verb == "serve" && option == "--qemu" => PathBuf::from(path),
        _ => return fail("usage: bessemer-jailer serve --qemu PATH (with a socket as stdin)"),
    };
    if !qemu.is_absolute() {
        return fail("bessemer-jailer: the path of QEMU must be absolute");
    }
    match serve::run(&qemu) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("bessemer-jailer: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
