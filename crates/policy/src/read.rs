//! From what is written to what is meant: each value is checked where it stands.

mod expectations;
mod values;
mod verifiers;

use crate::Policy;
use crate::expectations::{ImageExpectations, PackageExpectations, Rule, SourceVerifier};
use crate::pattern::Pattern;
use crate::written::{self, Document};
use bessemer_digest::Digest;
use bessemer_yaml::{Diagnostic, Position, SourceFile, Text};

/// The version of the language.
pub(crate) const SCHEMA: &str = "bessemer.policy/v1";
/// Most rules, and most entries of any list.
const ENTRIES: usize = 10_000;
/// Longest value, in bytes; a key in PEM is far shorter.
const VALUE: usize = 4_096;

/// Something that was found wrong.
type Checked<T> = Result<T, Box<Diagnostic>>;

/// What checks need to point at a place, and to read keys.
pub(crate) struct Reader<'a> {
    source: &'a SourceFile,
    key_file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(
        source: &'a SourceFile,
        key_file: &'a dyn Fn(&str) -> Result<String, String>,
    ) -> Self {
        Self { source, key_file }
    }

    pub(crate) fn policy(&self, document: &Document) -> Checked<Policy> {
        self.schema(&document.schema)?;
        let verifiers = self.verifiers(document.source_verifiers.as_deref())?;
        let start = self.place_of("defaults:");
        let defaults = document.defaults.as_ref();
        let defaults = defaults.map(|written| self.package(written, start));
        let defaults = defaults.transpose()?.unwrap_or_default();
        let mut packages = Vec::new();
        let rules = document.packages.as_deref();
        for written in self.list("packages", rules, self.place_of("packages:"))? {
            let rule = self.rule(written.names.as_deref(), &packages, "packages", |start| {
                let expect = written.expect.clone().unwrap_or_default();
                Ok(self.package(&expect, start)?.over(&defaults))
            })?;
            self.vouched(&rule.expect, &verifiers)?;
            packages.push(rule);
        }
        let mut images = Vec::new();
        let rules = document.images.as_deref();
        for written in self.list("images", rules, self.place_of("images:"))? {
            let rule = self.rule(written.names.as_deref(), &images, "images", |start| {
                let expect = written.expect.clone().unwrap_or_default();
                self.image(&expect, start)
            })?;
            images.push(rule);
        }
        Ok(Policy {
            file: self.source.name.clone(),
            digest: Digest::of(&self.source.text),
            verifiers,
            packages,
            images,
        })
    }

    fn schema(&self, schema: &Text) -> Checked<()> {
        if schema.position.is_none() {
            let start = Position { line: 1, column: 1 };
            let hint = format!("begin with `schema: {SCHEMA}`");
            return self.fail_at(Some(start), "key `schema` is missing", Some(&hint));
        }
        let schema = &self.value("schema", schema)?;
        if schema.value != SCHEMA {
            let message = format!(
                "`{}` is no version of policies that is known",
                short(schema)
            );
            return self.fail(schema, message, Some(&format!("this one reads `{SCHEMA}`")));
        }
        Ok(())
    }

    /// A rule, whose names no earlier one has.
    fn rule<E>(
        &self,
        names: Option<&[Text]>,
        earlier: &[Rule<E>],
        list: &str,
        expect: impl FnOnce(Option<Position>) -> Checked<E>,
    ) -> Checked<Rule<E>> {
        let start = self.place_of(&format!("{list}:"));
        let Some(names) = names else {
            let message = format!("a rule of `{list}` has no `names`");
            let hint = "say for which: `names: [openssl, openssl-*]`, or `names: [\"*\"]` for all";
            return self.fail_at(start, message, Some(hint));
        };
        let names = self
            .patterns("names", Some(names), start)?
            .unwrap_or_default();
        for name in &names {
            let takes = |other: &Pattern| other.0.value == "*" || other.0.value == name.0.value;
            let mut before = earlier.iter().filter(|rule| rule.names.iter().any(takes));
            if let Some(rule) = before.next() {
                let line = rule.position().map_or(0, |position| position.line);
                let message = format!("`{}` never gets to this rule", short(&name.0));
                let hint = format!(
                    "the first rule whose names match counts, and that is the one of line {line}; put the general rule last"
                );
                return self.fail(&name.0, message, Some(&hint));
            }
        }
        let expect = expect(names.first().and_then(|name| name.0.position))?;
        Ok(Rule { names, expect })
    }

    /// What asks for source attestations needs somebody who makes them.
    fn vouched(&self, expect: &PackageExpectations, verifiers: &[SourceVerifier]) -> Checked<()> {
        match expect.needs_verifiers() {
            Some((key, position)) if verifiers.is_empty() => {
                let message =
                    format!("`{key}` is demanded, and nobody is named who could vouch for it");
                let hint = "name them with their keys in `source-verifiers`";
                self.fail_at(position, message, Some(hint))
            }
            _ => Ok(()),
        }
    }

    /// Where a key stands on a line of its own, from `start` on: an empty list has no place itself.
    fn place_below(&self, start: Option<Position>, key: &str) -> Option<Position> {
        let skip = usize::try_from(start?.line).ok()?.checked_sub(1)?;
        let lines = (1_u64..).zip(self.source.text.lines()).skip(skip);
        let mut found = lines.filter_map(|(line, text)| {
            let written = text.trim_start_matches([' ', '-']);
            let rest = written.strip_prefix(key)?;
            let column = (text.len() - written.len()) as u64 + 1;
            rest.starts_with(':').then_some(Position { line, column })
        });
        found.next()
    }

    /// Where a line begins with this, if one does: for what is missing.
    fn place_of(&self, start: &str) -> Option<Position> {
        let lines = (1_u64..).zip(self.source.text.lines());
        let mut lines = lines.filter(|(_, line)| line.starts_with(start));
        lines.next().map(|(line, _)| Position { line, column: 1 })
    }
}

/// A value in a message.
fn short(text: &Text) -> String {
    text.value.chars().take(100).collect()
}

impl Reader<'_> {
    /// What is expected of images.
    fn image(
        &self,
        written: &written::ImageExpectations,
        start: Option<Position>,
    ) -> Checked<ImageExpectations> {
        Ok(ImageExpectations {
            builders: self.uris("builders", written.builders.as_deref(), start)?,
            keys: self.keys(written.keys.as_deref(), start)?,
            min_level: self.level("min-level", written.min_level.as_ref())?,
            sbom: self.required("sbom", written.sbom.as_ref())?,
            max_age: self.age(written.max_age.as_ref())?,
            package_min_level: self
                .level("package-min-level", written.package_min_level.as_ref())?,
            imports: self.accepted(written.imports.as_ref())?,
            unverified: self.texts("unverified", written.unverified.as_deref(), start)?,
            unverified_base: self.accepted(written.unverified_base.as_ref())?,
        })
    }
}
