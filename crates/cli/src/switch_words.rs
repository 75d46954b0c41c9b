//! `--debug true`: melange's flag parser takes no separate word for a switch. The switch is on, and
//! the word is one more argument, which melange's commands for one recipe ignore. Makefiles for
//! melange have such words, so they are left out here, and never in silence.

use crate::print;
use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;

/// Commands with nothing to name behind the recipe, or nothing that is named so. Others may mean the
/// word: `query`'s template, a package's file.
const VERBS: [&str; 6] = [
    "build",
    "compile",
    "license-check",
    "scan",
    "sign-index",
    "test",
];

/// A command line without such words, and what to say of each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) words: Vec<OsString>,
    warnings: Vec<String>,
}

impl Read {
    /// Names the switches and how to turn them off.
    pub(crate) fn say(&self) {
        for warning in &self.warnings {
            print::warning(warning);
        }
    }
}

/// Leaves out the words behind switches, of commands that melange has too.
pub(crate) fn read(definition: &Command, words: impl IntoIterator<Item = OsString>) -> Read {
    let mut words = words.into_iter();
    let mut read = Read {
        // The program's own name may be that of a command.
        words: words.by_ref().take(1).collect(),
        warnings: Vec::new(),
    };
    let (mut command, mut before) = (None, None);
    for word in words.by_ref() {
        let text = word.to_str().unwrap_or_default();
        if let (Some(switch), "true" | "false") = (before.take(), text) {
            read.warnings.push(warning(switch, text));
            continue;
        }
        match command {
            None => command = definition.find_subcommand(text),
            Some(command) => before = switch(command, text),
        }
        let last = text == "--";
        read.words.push(word);
        if last {
            break;
        }
    }
    read.words.extend(words);
    read
}

/// The switch that this word is, without a value of its own.
fn switch<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.strip_prefix("--")?;
    let mut arguments = command.get_arguments();
    let named = arguments.find(|argument| argument.get_long() == Some(name))?;
    let ours = VERBS.contains(&command.get_name());
    (ours && (takes_no_value(named) || takes_equals(named))).then_some(named)
}

fn takes_no_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::SetTrue)
}

/// `--flag` or `--flag=false`.
fn takes_equals(argument: &Arg) -> bool {
    let optional = argument
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    optional && argument.is_require_equals_set()
}

fn warning(switch: &Arg, word: &str) -> String {
    let flag = switch.get_long().unwrap_or_default();
    let off = if takes_no_value(switch) {
        "without it, it is off".to_owned()
    } else {
        format!("`--{flag}=false` switches it off")
    };
    format!(
        "`--{flag} {word}`: the switch is on and the word `{word}` is left out, as melange reads it too; {off}"
    )
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::arguments::definition;
    use std::ffi::OsString;

    fn kept(line: &str) -> (String, Vec<String>) {
        let read = read(&definition(), line.split(' ').map(OsString::from));
        let words = read.words.join(std::ffi::OsStr::new(" "));
        (words.into_string().unwrap(), read.warnings)
    }

    #[test]
    fn a_word_behind_a_switch_is_left_out_and_named() {
        let (line, warnings) = kept(
            "bessemer build a.yaml --generate-index false --arch x86_64 --strip-origin-name true --rm true",
        );
        assert_eq!(
            line,
            "bessemer build a.yaml --generate-index --arch x86_64 --strip-origin-name --rm"
        );
        assert_eq!(
            warnings[0],
            "`--generate-index false`: the switch is on and the word `false` is left out, as melange reads it too; `--generate-index=false` switches it off"
        );
        assert_eq!(warnings.len(), 3);
        let (line, warnings) =
            kept("bessemer --inherited x test a.yaml --debug false --quiet true");
        assert_eq!(line, "bessemer --inherited x test a.yaml --debug --quiet");
        assert!(
            warnings[1].ends_with("without it, it is off"),
            "{warnings:?}"
        );
    }

    #[test]
    fn words_that_may_be_meant_stay() {
        for line in [
            "bessemer build true --debug=false",
            "bessemer build --license true a.yaml",
            "bessemer build a.yaml --debug false.yaml",
            "bessemer build -- --debug true",
            "bessemer query a.yaml --json true",
            "bessemer sign --json true",
            "bessemer apk version --test true false",
            "build compile a.yaml --debug",
        ] {
            assert_eq!(kept(line), (line.to_owned(), Vec::new()));
        }
    }
}
