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

    /// melange's flags of the commands that need no guest, at its version of August 2026.
    const FLAGS: [(&str, &[&str]); 10] = [
        ("query", &[]),
        ("package-version", &[]),
        (
            "lint",
            &[
                "lint-require",
                "lint-warn",
                "out-dir",
                "persist-lint-results",
                "fail-on-lint-warning",
            ],
        ),
        ("license-check", &["fix", "format", "scan-type", "workdir"]),
        ("update-cache", &["cache-dir"]),
        (
            "index",
            &["arch", "merge", "output", "signing-key", "source"],
        ),
        ("sign", &["signing-key"]),
        ("sign-index", &["force", "signing-key"]),
        ("keygen", &["key-size"]),
        (
            "scan",
            &[
                "arch",
                "comments",
                "diff",
                "keyring-append",
                "namespace",
                "package",
                "repository-append",
            ],
        ),
    ];

    #[test]
    fn every_flag_of_melange_is_known() {
        let definition = definition();
        for (name, flags) in FLAGS {
            let command = definition.find_subcommand(name).unwrap();
            let known: Vec<&str> = command
                .get_arguments()
                .filter_map(|flag| flag.get_long())
                .collect();
            for flag in flags.iter().chain(&["log-level"]) {
                assert!(known.contains(flag), "{name} --{flag}");
            }
        }
    }

    /// What people and Makefiles call, with the program's name left out, and what a refusal says.
    const LINES: [(&str, Option<&str>); 36] = [
        ("query a.yaml {{.Package.Name}}", None),
        ("query --log-level info a.yaml x", None),
        (
            "query --log-level debug a.yaml x",
            Some("there are no levels"),
        ),
        ("package-version a.yaml", None),
        ("lint a.apk b.apk", None),
        ("lint --lint-require=dev,opt --lint-warn= a.apk", None),
        (
            "lint --persist-lint-results --out-dir=out https://host/a.apk",
            None,
        ),
        (
            "lint --fail-on-lint-warning a.apk",
            Some("does nothing with it"),
        ),
        ("license-check a.yaml", None),
        ("license-check --fix --format=simple a.yaml", None),
        (
            "license-check --format other a.yaml",
            Some("none of flat, simple"),
        ),
        ("license-check --scan-type deep --workdir w a.apk", None),
        (
            "license-check --scan-type=half .",
            Some("none of shallow, deep"),
        ),
        ("update-cache a.yaml", None),
        ("update-cache --cache-dir c a.yaml", None),
        (
            "update-cache --cache-dir gs://c a.yaml",
            Some("no folder of this machine"),
        ),
        ("index -o APKINDEX.tar.gz a.apk", None),
        (
            "index --signing-key local-melange.rsa -o x/APKINDEX.tar.gz x/a.apk",
            None,
        ),
        ("index -m -s old.tar.gz -a x86_64 a.apk", None),
        (
            "index --merge --source old.tar.gz --arch aarch64 --output o a.apk",
            None,
        ),
        (
            "index --merge=false a.apk",
            Some("unexpected value 'false' for '--merge'"),
        ),
        ("sign a.apk", None),
        ("sign -k key.rsa a.apk b.apk", None),
        ("sign --signing-key=key.rsa a.apk", None),
        ("sign-index APKINDEX.tar.gz", None),
        (
            "sign-index --signing-key=key.rsa APKINDEX.tar.gz --force",
            None,
        ),
        ("sign-index -f APKINDEX.tar.gz", None),
        ("keygen", None),
        ("keygen local-melange.rsa", None),
        ("keygen --key-size 2048 k.rsa", None),
        ("keygen --log-level warn k.rsa", Some("there are no levels")),
        ("scan a.yaml", None),
        (
            "scan --arch aarch64 --diff --comments -p a-dev -r ./packages a.yaml",
            None,
        ),
        (
            "scan --arch x86_64,aarch64 a.yaml",
            Some("one run is for one architecture"),
        ),
        ("scan -k key.rsa.pub a.yaml", Some("does nothing with it")),
        ("scan --namespace wolfi a.yaml", Some("is refused")),
    ];

    #[test]
    fn lines_for_melange_are_taken_or_refused_with_a_reason() {
        for (line, refusal) in LINES {
            let words: Vec<&str> = std::iter::once("bessemer").chain(line.split(' ')).collect();
            match (parsed(&words), refusal) {
                (Ok(()), None) => {}
                (Err(text), Some(part)) => assert!(text.contains(part), "{line}: {text}"),
                (result, _) => panic!("{line}: {result:?}"),
            }
        }
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
