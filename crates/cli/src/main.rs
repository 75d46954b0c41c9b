//! `bessemer`: arguments, printing, progress, exit codes. Each verb is one thin file over a
//! library's operation.

mod arguments;
mod commands;
mod downloads;
mod evidence;
mod exit;
mod fetching;
mod folders;
mod hints;
mod index_file;
mod influence;
mod melange_flags;
mod missing_index;
mod pace;
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
mod transfers;
mod uids;

use arguments::{Arguments, definition};
use clap::FromArgMatches as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let read = switch_words::read(&definition(), std::env::args_os());
    let matches = definition().try_get_matches_from(&read.words);
    let parsed = matches.and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches)?.checked()?;
        Ok((matches, arguments))
    });
    let (matches, arguments) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => without_secrets(error).exit(),
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

/// A value that cannot be read may be an address with a password in it.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let kinds = [ContextKind::InvalidValue, ContextKind::InvalidArg];
    for kind in kinds {
        if let Some(ContextValue::String(value)) = error.get(kind) {
            let shown = bessemer_store::shown(value);
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}

/// Whether a program reads standard output: it was asked for JSON, or the reader is `bessemer build`.
fn wants_json(matches: &clap::ArgMatches) -> bool {
    let Some((name, inner)) = matches.subcommand() else {
        return false;
    };
    let asked = inner.try_get_one::<bool>("json");
    name == "worker" || asked.ok().flatten().copied().unwrap_or(false) || wants_json(inner)
}

#[cfg(test)]
mod tests {
    use super::{definition, without_secrets};

    #[test]
    fn what_cannot_be_read_is_repeated_without_secrets() {
        let address = "htps://me:SECRET@127.0.0.1/x?token=SECRET";
        for words in [
            ["apk", "install", "--root", "a", "-r", address],
            ["apk", "solve", "--index", "a", "-k", address],
        ] {
            let words = std::iter::once("bessemer").chain(words);
            let error = definition().try_get_matches_from(words).unwrap_err();
            assert!(error.to_string().contains("SECRET"), "the test's own sense");
            let shown = without_secrets(error).to_string();
            assert!(shown.contains("htps://127.0.0.1/x"), "{shown}");
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }
}
