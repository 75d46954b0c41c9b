//! What may change a build, and where provenance says so: every flag, argument, environment
//! variable and implied file, assigned once. Tests hold the table against the command line's
//! definition, and `docs/reference/flags.md` is written from it.

mod reference;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use reference::markdown;

/// What something on the command line has to do with what a build makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Influence {
    /// Somebody outside chooses it: this field of `externalParameters`.
    External(&'static str),
    /// The operator chooses it: this field of `internalParameters`.
    Internal(&'static str),
    /// Recorded elsewhere; the text says where and what.
    Recorded(&'static str),
    /// A build with it gets no statement from any signer.
    Unattested,
    /// It changes nothing that is built; the text says why.
    None(&'static str),
}

/// One flag or argument of one or several commands.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Commands as they are typed: `build`, `bootstrap debian`; empty for the program's own.
    pub(crate) commands: &'static [&'static str],
    /// `--flag` or `<argument>`.
    pub(crate) flag: &'static str,
    pub(crate) influence: Influence,
}

/// What a command's definition calls its flag or argument, in the table's words.
fn name(argument: &clap::Arg) -> String {
    argument.get_long().map_or_else(
        || format!("<{}>", argument.get_id()),
        |long| format!("--{long}"),
    )
}

/// Every flag and argument of the program, with the command that has it.
fn defined(command: &clap::Command) -> Vec<(String, clap::Arg)> {
    let mut found = Vec::new();
    let mut pending = vec![(String::new(), command.clone())];
    while let Some((path, command)) = pending.pop() {
        let arguments = command.get_arguments().cloned();
        found.extend(arguments.map(|argument| (path.clone(), argument)));
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            pending.push((path, inner.clone()));
        }
    }
    found
}
