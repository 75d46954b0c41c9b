//! `bessemer`: arguments, printing, progress, exit codes. Each verb is one thin file over a
//! library's operation.

mod arguments;
mod commands;
mod downloads;
mod exit;
mod fetching;
mod folders;
mod hints;
mod index_file;
mod influence;
mod melange_flags;
mod missing_index;
mod package_file;
mod pipelines_page;
mod places;
mod print;
mod privilege;
mod programs;
mod services;
mod signing;
mod signing_key;
mod staging;
mod switch_words;
mod uids;

use arguments::{Arguments, definition};
use clap::FromArgMatches as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let read = switch_words::read(&definition(), std::env::args_os());
    let matches = definition().get_matches_from(&read.words);
    let parsed = Arguments::from_arg_matches(&matches);
    let arguments = match parsed.and_then(Arguments::checked) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    // A process that divides itself reads the same words twice.
    if arguments.inherited.is_none() {
        read.say();
    }
    let json = wants_json(&matches);
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
            if json {
                // Nobody reads it any more where this fails.
                drop(print::json(&print::failure_json(&error)));
            }
            ExitCode::from(exit::ERROR)
        }
    }
}

/// Whether a program reads standard output: it was asked for JSON, or the reader is `bessemer build`.
fn wants_json(matches: &clap::ArgMatches) -> bool {
    let Some((name, inner)) = matches.subcommand() else {
        return false;
    };
    let asked = inner.try_get_one::<bool>("json");
    name == "worker" || asked.ok().flatten().copied().unwrap_or(false) || wants_json(inner)
}
