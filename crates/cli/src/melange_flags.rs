//! Flags of melange that mean nothing here, or something that is not wanted. None is ever silently
//! ignored: a value that asks for what happens anyway is taken, any other is refused with a reason
//! and what to do instead.

mod tables;

pub(crate) use tables::{BuildTable, CompileTable, LintTable, PlainTable, ScanTable, TestTable};

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
/// The flags of `bessemer license-check`.
pub(crate) type LicenseCheckFlags = PlainFlags;
/// The flags of `bessemer update-cache`.
pub(crate) type UpdateCacheFlags = PlainFlags;
/// The flags of `bessemer lint`.
pub(crate) type LintFlags = Flags<LintTable>;
/// The flags of `bessemer scan`.
pub(crate) type ScanFlags = Flags<ScanTable>;
/// The flags of `bessemer test`.
pub(crate) type TestFlags = Flags<TestTable>;

/// Stands in a command's arguments for the flags of a table. It holds nothing: once it was parsed,
/// no flag asks for anything.
#[derive(Debug)]
pub(crate) struct Flags<T>(PhantomData<T>);

impl<T> Clone for Flags<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T: Table> Args for Flags<T> {
    fn augment_args(command: Command) -> Command {
        T::FLAGS.iter().fold(command, |command, flag| {
            let argument = Arg::new(flag.name)
                .long(flag.name)
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
        for flag in T::FLAGS {
            let given = matches.get_many::<String>(flag.name).into_iter().flatten();
            for value in given {
                if !flag.accepted.contains(&value.as_str()) {
                    return Err(refusal(flag, value));
                }
            }
        }
        Ok(Self(PhantomData))
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
mod tests {
    use crate::arguments::definition;
    use clap::FromArgMatches as _;

    fn parsed(words: &[&str]) -> Result<(), String> {
        let refused = |error: clap::Error| error.to_string();
        let mut matches = definition().try_get_matches_from(words).map_err(refused)?;
        crate::arguments::Arguments::from_arg_matches_mut(&mut matches)
            .map(drop)
            .map_err(refused)
    }

    #[test]
    fn what_happens_anyway_may_be_asked_for() {
        let words = ["--runner", "qemu", "--generate-provenance", "--rm=true"];
        parsed(&[&["bessemer", "build", "a.yaml"][..], &words].concat()).unwrap();
        parsed(&["bessemer", "build", "a.yaml", "--generate-index=false"]).unwrap();
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_a_reason_and_a_hint() {
        let refused = |words: &[&str]| {
            parsed(&[&["bessemer", "build", "a.yaml"][..], words].concat()).unwrap_err()
        };
        assert_eq!(
            refused(&["--runner", "docker"]),
            "error: `--runner docker` is refused: every build runs in a microVM of its own\n  hint: leave it out; --accelerator chooses how the microVM runs\n"
        );
        assert!(refused(&["--rm=false"]).contains("--keep"));
        for flag in ["--env-file=a", "--log-policy=b", "--strip-origin-name"] {
            let text = refused(&[flag]);
            assert!(
                text.contains("is refused") && text.contains("hint: "),
                "{text}"
            );
        }
    }
}
