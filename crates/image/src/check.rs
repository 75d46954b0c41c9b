//! From what is written to what is meant: each value is checked where it stands.

mod accounts;
mod base;
mod contents;
mod paths;

pub(crate) use base::BESIDE_BASE;

use crate::Architecture;
use crate::configuration::{
    Certificates, Configuration, Entrypoint, Format, Layering, NamedContent,
};
use crate::pem;
use crate::shell_words::split;
use crate::written::{self, Document};
use bessemer_yaml::{Diagnostic, SourceFile, Text, did_you_mean};
use std::collections::BTreeMap;

/// Something that was found wrong.
pub(crate) type Checked<T> = Result<T, Box<Diagnostic>>;

/// Checks one file by itself; what it includes is not looked at.
pub(crate) fn check(file: &SourceFile, document: &Document) -> Checked<Configuration> {
    let check = Check { file };
    for command in [&document.entrypoint.command, &document.cmd] {
        check.command(command)?;
    }
    check.nothing_beside_base(document)?;
    Ok(Configuration {
        contents: check.contents(&document.contents)?,
        entrypoint: check.entrypoint(&document.entrypoint)?,
        cmd: document.cmd.value.clone(),
        stop_signal: document.stop_signal.value.clone(),
        work_dir: document.work_dir.value.clone(),
        accounts: check.accounts(&document.accounts)?,
        archs: check.architectures(&document.archs)?,
        environment: check.environment(&document.environment)?,
        paths: check.paths(&document.paths)?,
        vcs_url: document.vcs_url.value.clone(),
        annotations: values(&document.annotations),
        volumes: texts(&document.volumes),
        layering: check.layering(document.layering.as_ref())?,
        format: check.format(&document.format)?,
        certificates: check.certificates(document.certificates.as_ref())?,
    })
}

/// What the checks need to point at a place.
#[derive(Debug, Clone, Copy)]
struct Check<'a> {
    file: &'a SourceFile,
}

fn values(map: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    let pair = |(key, text): (&String, &Text)| (key.clone(), text.value.clone());
    map.iter().map(pair).collect()
}

fn texts(list: &[Text]) -> Vec<String> {
    list.iter().map(|text| text.value.clone()).collect()
}

impl Check<'_> {
    /// That `text` is wrong.
    fn fail<T>(self, text: &Text, message: impl Into<String>, hint: Option<&str>) -> Checked<T> {
        let diagnostic = self.file.diagnostic(text.position, message);
        Err(Box::new(diagnostic.with_hint(hint.map(str::to_owned))))
    }

    /// One of the words that may stand there.
    fn one_of<T: Copy>(self, text: &Text, what: &str, known: &[(&str, T)]) -> Checked<T> {
        if let Some((_, found)) = known.iter().find(|(word, _)| *word == text.value) {
            return Ok(*found);
        }
        let words = known.iter().map(|(word, _)| *word);
        let hint = did_you_mean(text, words.clone()).unwrap_or_else(|| {
            let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
            format!("known here: {}", quoted.join(", "))
        });
        self.fail(
            text,
            format!("unknown {what} `{}`", text.value),
            Some(&hint),
        )
    }

    /// A number that may be written as YAML 1.1 and 1.2 write one: `0o755`, `0755`, `0x1ed`, `493`.
    fn number(self, text: &Text, what: &str, most: u32) -> Checked<u32> {
        let digits = text.value.replace('_', "");
        let (digits, base) = match digits.as_bytes() {
            [b'0', b'o', ..] => (&digits[2..], 8),
            [b'0', b'x', ..] => (&digits[2..], 16),
            [b'0', b'b', ..] => (&digits[2..], 2),
            [b'0', _, ..] => (&digits[1..], 8),
            _ => (&digits[..], 10),
        };
        let number = match u64::from_str_radix(digits, base) {
            Ok(number) if !digits.starts_with('+') => number,
            _ => {
                let message = format!("{what} `{}` is not a number", text.value);
                return self.fail(text, message, None);
            }
        };
        match u32::try_from(number) {
            Ok(number) if number <= most => Ok(number),
            _ => {
                let message = format!(
                    "{what} `{}` is larger than {}",
                    text.value,
                    limit(what, most)
                );
                self.fail(text, message, None)
            }
        }
    }

    /// The same where there may be none.
    fn optional_number(self, text: &Text, what: &str) -> Checked<Option<u32>> {
        if text.is_empty() {
            return Ok(None);
        }
        self.number(text, what, u32::MAX).map(Some)
    }

    fn command(self, text: &Text) -> Checked<()> {
        match split(text) {
            Ok(_) => Ok(()),
            Err(error) => {
                let message = format!("a shell cannot split this command: {error}");
                self.fail(text, message, None)
            }
        }
    }

    fn entrypoint(self, written: &written::Entrypoint) -> Checked<Entrypoint> {
        if !written.kind.is_empty() {
            self.one_of(
                &written.kind,
                "type of entrypoint",
                &[("service-bundle", ())],
            )?;
        }
        for (name, command) in &written.services {
            let usable = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
            if !usable || name.chars().any(char::is_control) {
                return self.fail(
                    command,
                    format!("`{name}` cannot be a service's name"),
                    None,
                );
            }
        }
        Ok(Entrypoint {
            kind: written.kind.value.clone(),
            command: written.command.value.clone(),
            shell_fragment: written.shell_fragment.value.clone(),
            services: values(&written.services),
        })
    }

    fn architectures(self, written: &[Text]) -> Checked<Vec<Architecture>> {
        let mut archs = Vec::new();
        for text in written {
            match text.parse() {
                Ok(arch) if !archs.contains(&arch) => archs.push(arch),
                Ok(_) => {}
                Err(_) if text.value == "all" || text.value == "host" => {
                    let message = format!("`{}` is a word for --arch only", text.value);
                    return self.fail(text, message, Some("leave `archs` out to mean all"));
                }
                Err(_) => {
                    let hint = did_you_mean(text, Architecture::names());
                    let message = format!("unknown architecture `{}`", text.value);
                    return self.fail(text, message, hint.as_deref());
                }
            }
        }
        Ok(archs)
    }

    fn environment(self, written: &BTreeMap<String, Text>) -> Checked<BTreeMap<String, String>> {
        for (name, text) in written {
            if name.is_empty() || name.contains(['=', '\0']) || text.contains('\0') {
                let message = format!("`{name}` cannot be a variable of a process");
                return self.fail(text, message, None);
            }
        }
        Ok(values(written))
    }

    fn layering(self, written: Option<&written::Layering>) -> Checked<Option<Layering>> {
        let Some(written) = written else {
            return Ok(None);
        };
        let budget = self.optional_number(&written.budget, "budget")?;
        if !written.strategy.is_empty() {
            self.one_of(&written.strategy, "strategy", &[("origin", ())])?;
        } else if budget.is_some_and(|budget| budget > 0) {
            let hint = Some("add `strategy: origin`");
            return self.fail(&written.budget, "a budget needs a strategy", hint);
        }
        Ok(Some(Layering {
            strategy: written.strategy.value.clone(),
            budget: budget.unwrap_or_default(),
        }))
    }

    fn format(self, written: &Text) -> Checked<Option<Format>> {
        if written.is_empty() {
            return Ok(None);
        }
        let known = [("tar", Format::Tar), ("erofs", Format::Erofs)];
        self.one_of(written, "format", &known).map(Some)
    }

    fn certificates(
        self,
        written: Option<&written::Certificates>,
    ) -> Checked<Option<Certificates>> {
        let Some(written) = written else {
            return Ok(None);
        };
        Ok(Some(Certificates {
            additional: self.named_contents(&written.additional, "certificate", "CERTIFICATE")?,
            providers: texts(&written.providers),
        }))
    }

    /// Names that are safe as file names, each with exactly one PEM block with this label.
    fn named_contents(
        self,
        written: &[written::NamedContent],
        what: &str,
        label: &str,
    ) -> Checked<Vec<NamedContent>> {
        let mut all: Vec<NamedContent> = Vec::new();
        for one in written {
            if one.name.is_empty() {
                return self.fail(&one.content, format!("a {what} has no name"), None);
            }
            if !is_safe_name(&one.name) {
                let message = format!("`{}` cannot be the name of a {what}", one.name.value);
                let hint = "letters, digits and `_.-`, not starting with a dot";
                return self.fail(&one.name, message, Some(hint));
            }
            self.pem(&one.content, what, label)?;
            all.push(NamedContent {
                name: one.name.value.clone(),
                content: one.content.value.clone(),
            });
        }
        Ok(all)
    }

    fn pem(self, text: &Text, what: &str, label: &str) -> Checked<()> {
        let blocks = match pem::blocks(text) {
            Ok(blocks) => blocks,
            Err(error) => return self.fail(text, format!("not a {what}: {error}"), None),
        };
        match &blocks[..] {
            [block] if block.label == label && block.is_sequence() => Ok(()),
            [block] if block.label == label => {
                self.fail(text, format!("not a {what}: its content is not DER"), None)
            }
            [block] => {
                let message = format!("not a {what}: found `{}`, expected `{label}`", block.label);
                self.fail(text, message, None)
            }
            [] => self.fail(text, format!("not a {what}: it has no PEM block"), None),
            _ => {
                let hint = format!("write one entry for each {what}");
                self.fail(text, format!("more than one {what}"), Some(&hint))
            }
        }
    }
}

/// A limit as it is written for what it limits.
fn limit(what: &str, most: u32) -> String {
    match what {
        "mode" => format!("0o{most:o}"),
        _ => most.to_string(),
    }
}

/// apko's `certNameRegex`: `^[a-zA-Z0-9_-]+[a-zA-Z0-9_.-]*$`.
fn is_safe_name(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.starts_with('.') && name.bytes().all(letters)
}
