//! `bessemer`: arguments, printing, progress, exit codes. Each verb is one thin file over a
//! library's operation.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod arguments;
mod commands;
mod places;
mod print;
mod privilege;
mod programs;
mod services;
mod signing;
mod uids;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let result = if privilege::must_divide(&arguments) {
        privilege::divide(&arguments)
    } else {
        commands::run(arguments)
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            print::failure(&error);
            ExitCode::FAILURE
        }
    }
}
