//! `bessemer`: arguments, printing, progress, exit codes. Each verb is one thin file over a
//! library's operation.

mod arguments;
mod commands;
mod exit;
mod hints;
mod influence;
mod melange_flags;
mod pipelines_page;
mod places;
mod print;
mod privilege;
mod programs;
mod services;
mod signing;
mod signing_key;
mod staging;
mod uids;

use arguments::{Arguments, definition};
use clap::FromArgMatches as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut matches = definition().get_matches();
    let arguments = match Arguments::from_arg_matches_mut(&mut matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let result = if privilege::must_divide(&arguments) {
        privilege::divide(&arguments)
    } else {
        privilege::leave_session(&arguments);
        commands::run(arguments)
    };
    match result {
        Ok(code) => code,
        Err(error) if print::reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            print::failure(&error);
            ExitCode::from(exit::ERROR)
        }
    }
}
