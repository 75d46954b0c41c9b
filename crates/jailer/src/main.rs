//! The privileged launcher: `bessemer-jailer serve --profile auto|host|pod --qemu PATH [--proxy PATH]`,
//! with a socket as standard input.
//!
//! It starts two programs, QEMU and a guest's proxy, each time in a jail of its own, for the one
//! client that holds the other end of the socket. It reads nothing but the fixed, length-limited launch request
//! ([`request`]); what the client may choose is QEMU's arguments and the descriptors QEMU inherits,
//! and both take effect inside the jail, under the jail's uid. When the client's end of the socket
//! closes, for whatever reason, every machine is killed and the jailer ends; when the jailer is
//! killed, the kernel kills the machines.

#[cfg(test)]
#[path = "../../vm/tests/it/attempts.rs"]
mod attempts;
mod cgroup;
mod jail;
mod omitted;
mod profile;
mod request;
mod serve;
mod slot;
mod spawn;
#[cfg(test)]
mod weakened;

use spawn::Programs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let usage = "usage: bessemer-jailer serve --profile auto|host|pod --qemu PATH [--proxy PATH] \
                 (a socket is stdin)";
    let ([verb, option, profile, other, path], proxy) = (match &arguments[..] {
        [words @ .., flag, proxy] if words.len() == 5 && flag == "--proxy" => (words, Some(proxy)),
        words => (words, None),
    }) else {
        return fail(usage);
    };
    let profile = profile.to_str().and_then(|text| text.parse().ok());
    let known = verb == "serve" && option == "--profile" && other == "--qemu";
    let Some(profile) = profile.filter(|_| known) else {
        return fail(usage);
    };
    let programs = Programs {
        qemu: PathBuf::from(path),
        proxy: proxy.map(PathBuf::from),
    };
    let mut paths = std::iter::once(&programs.qemu).chain(&programs.proxy);
    if !paths.all(|path| path.is_absolute()) {
        return fail("bessemer-jailer: the paths of programs must be absolute");
    }
    match serve::run(&programs, profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("bessemer-jailer: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
