//! `bessemer-proxy`: serves one guest; see [`bessemer_proxy::serve`]. Takes no arguments.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(error) = bessemer_proxy::serve() else {
        return ExitCode::SUCCESS;
    };
    let mut text = format!("bessemer-proxy: {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}
