//! Flags of melange that mean nothing here, or something that is not wanted. None is ever silently
//! ignored: a value that asks for what happens anyway is taken, any other is refused with a reason
//! and what to do instead.

mod tables;

pub(crate) use tables::{
    BuildTable, CompileTable, LintTable, PlainTable, RebuildTable, ScanTable, TestTable,
};

use crate::print;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::marker::PhantomData;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `--flag VALUE`.
    Value,
    /// `--flag` or `--flag=false`.
    Switch,
}

/// Flags in a table that melange knows by a letter, too.
const SHORT: [(&str, char); 1] = [("keyring-append", 'k')];

/// One flag of melange's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Without the two dashes.
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// Values that ask for what happens anyway.
    pub(crate) accepted: &'static [&'static str],
    /// Why other values are refused.
    pub(crate) why: &'static str,
    /// What to do instead.
    pub(crate) hint: &'static str,
    /// Whether every value is taken all the same, since it changes nothing; `why` and `hint` are
    /// said once.
    pub(crate) noted: bool,
}

/// The flags of one command.
pub(crate) trait Table {
    /// In melange's order.
    const FLAGS: &'static [Flag];
}

/// The flags of `bessemer build`.
pub(crate) type BuildFlags = Flags<BuildTable>;
/// The flags of `bessemer compile`.
pub(crate) type CompileFlags = Flags<CompileTable>;
/// The flags of commands of which only the global ones are not taken.
pub(crate) type PlainFlags = Flags<PlainTable>;
/// The flags of `bessemer lint`.
pub(crate) type LintFlags = Flags<LintTable>;
/// The flags of `bessemer rebuild`.
pub(crate) type RebuildFlags = Flags<RebuildTable>;
/// The flags of `bessemer scan`.
pub(crate) type ScanFlags = Flags<ScanTable>;
/// The flags of `bessemer test`.
pub(crate) type TestFlags = Flags<TestTable>;

/// Stands in a command's arguments for the flags of a table. Once it was parsed, no flag asks for
/// anything; what is left is what to say of those that were taken without any effect.
#[derive(Debug)]
pub(crate) struct Flags<T> {
    notes: Vec<String>,
    table: PhantomData<T>,
}

impl<T> Clone for Flags<T> {
    fn clone(&self) -> Self {
        Self {
            notes: self.notes.clone(),
            table: PhantomData,
        }
    }
}

impl<T> Default for Flags<T> {
    /// None of them was used.
    fn default() -> Self {
        Self {
            notes: Vec::new(),
            table: PhantomData,
        }
    }
}

impl<T> Flags<T> {
    /// Says of each flag that was taken and has no effect why it has none.
    pub(crate) fn say(&self) {
        for note in &self.notes {
            print::note(note);
        }
    }
}

impl<T: Table> Args for Flags<T> {
    fn augment_args(command: Command) -> Command {
        T::FLAGS.iter().fold(command, |command, flag| {
            let short = SHORT.iter().find(|(name, _)| *name == flag.name);
            let argument = Arg::new(flag.name)
                .long(flag.name)
                .short(short.map(|(_, letter)| *letter))
                .hide(true)
                .action(ArgAction::Append);
            command.arg(match flag.takes {
                Takes::Value => argument.num_args(1),
                Takes::Switch => argument
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true"),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Table> FromArgMatches for Flags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut notes = Vec::new();
        for flag in T::FLAGS {
            let given = matches.get_many::<String>(flag.name).into_iter().flatten();
            let mut others = given.filter(|value| !flag.accepted.contains(&value.as_str()));
            match others.next() {
                Some(_) if flag.noted => {
                    notes.push(format!("--{}: {}; {}", flag.name, flag.why, flag.hint));
                }
                Some(value) => return Err(refusal(flag, value)),
                None => {}
            }
        }
        Ok(Self {
            notes,
            table: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        Self::from_arg_matches(matches).map(drop)
    }
}

fn refusal(flag: &Flag, value: &str) -> Error {
    let asked = match flag.takes {
        Takes::Switch if value == "true" => format!("--{}", flag.name),
        Takes::Switch => format!("--{}={value}", flag.name),
        Takes::Value => format!("--{} {value}", flag.name),
    };
    let text = format!(
        "`{asked}` is refused: {}\n  hint: {}\n",
        flag.why, flag.hint
    );
    Error::raw(ErrorKind::InvalidValue, text)
}

#[cfg(test)]
mod tests;
