//! Single values and lists of them.

use super::{Checked, ENTRIES, Reader, VALUE, short};
use crate::age::Age;
use crate::pattern::Pattern;
use crate::place::Placed;
use bessemer_yaml::{Position, Text, did_you_mean};

impl Reader<'_> {
    /// That `text` is wrong.
    pub(super) fn fail<T>(
        &self,
        text: &Text,
        message: impl Into<String>,
        hint: Option<&str>,
    ) -> Checked<T> {
        self.fail_at(text.position, message, hint)
    }

    /// That what stands at `position` is wrong.
    pub(super) fn fail_at<T>(
        &self,
        position: Option<Position>,
        message: impl Into<String>,
        hint: Option<&str>,
    ) -> Checked<T> {
        let diagnostic = self.source.diagnostic(position, message);
        Err(Box::new(diagnostic.with_hint(hint.map(str::to_owned))))
    }

    /// A list, which is not empty and not too long. One that is not there has no entries.
    pub(super) fn list<'t, T>(
        &self,
        key: &str,
        list: Option<&'t [T]>,
        start: Option<Position>,
    ) -> Checked<&'t [T]> {
        let Some(list) = list else { return Ok(&[]) };
        if list.is_empty() {
            let hint = match key {
                "names" => "a rule is for one name at least; `\"*\"` stands for every one",
                _ => "leave the key out to demand nothing",
            };
            let place = self.place_below(start, key).or(start);
            return self.fail_at(place, format!("`{key}` is an empty list"), Some(hint));
        }
        if list.len() > ENTRIES {
            let message = format!("`{key}` has {} entries, more than {ENTRIES}", list.len());
            return self.fail_at(start, message, None);
        }
        Ok(list)
    }

    /// A value that is there, on one line.
    pub(super) fn value(&self, key: &str, text: &Text) -> Checked<Text> {
        if text.is_empty() {
            let hint = match key {
                "schema" | "id" | "repository" => "write a value",
                _ => "write a value, or leave the key out to demand nothing",
            };
            return self.fail(text, format!("`{key}` has no value"), Some(hint));
        }
        if text.len() > VALUE || text.chars().any(char::is_control) {
            let message = format!("a value of `{key}` is too long, or has control characters");
            return self.fail(text, message, None);
        }
        Ok(text.clone())
    }

    pub(super) fn texts(
        &self,
        key: &str,
        list: Option<&[Text]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Text>>> {
        let Some(list) = list else { return Ok(None) };
        let list = self.list(key, Some(list), start)?.iter();
        let texts = list.map(|text| self.value(key, text));
        texts.collect::<Checked<Vec<_>>>().map(Some)
    }

    pub(super) fn patterns(
        &self,
        key: &str,
        list: Option<&[Text]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Pattern>>> {
        let texts = self.texts(key, list, start)?;
        Ok(texts.map(|texts| texts.into_iter().map(Pattern).collect()))
    }

    pub(super) fn uri(&self, key: &str, text: &Text) -> Checked<Text> {
        let text = self.value(key, text)?;
        let rest = text.split_once("://").map(|(_, rest)| rest);
        let Some(rest) =
            rest.filter(|rest| !rest.is_empty() && !text.contains(char::is_whitespace))
        else {
            let hint =
                "it is compared letter by letter with what provenance says; such as `https://…`";
            return self.fail(&text, format!("`{}` is no URI", short(&text)), Some(hint));
        };
        if rest
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .contains('@')
        {
            let hint = "provenance never names a user or password";
            return self.fail(&text, "the URI has a user in it", Some(hint));
        }
        Ok(text)
    }

    pub(super) fn uris(
        &self,
        key: &str,
        list: Option<&[Text]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Text>>> {
        let Some(texts) = self.texts(key, list, start)? else {
            return Ok(None);
        };
        let texts = texts.iter().map(|text| self.uri(key, text));
        texts.collect::<Checked<Vec<_>>>().map(Some)
    }

    /// Ids of keys, as a trust root has them.
    pub(super) fn keys(
        &self,
        list: Option<&[Text]>,
        start: Option<Position>,
    ) -> Checked<Option<Vec<Text>>> {
        let Some(keys) = self.texts("keys", list, start)? else {
            return Ok(None);
        };
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let wrong = |key: &&Text| key.len() != 64 || !key.bytes().all(digit);
        if let Some(key) = keys.iter().find(wrong) {
            let hint =
                "an id has 64 hexadecimal digits in lower case; trust-root.json has it as `id`";
            return self.fail(
                key,
                format!("`{}` is no id of a key", short(key)),
                Some(hint),
            );
        }
        Ok(Some(keys))
    }

    /// One of the words that may stand there.
    pub(super) fn one_of<T: Copy>(
        &self,
        key: &str,
        text: &Text,
        known: &[(&str, T)],
    ) -> Checked<Placed<T>> {
        let text = self.value(key, text)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text.value) {
            let (value, position) = (*value, text.position);
            return Ok(Placed { value, position });
        }
        let words = known.iter().map(|(word, _)| *word);
        // Every digit is near every other.
        let long = words.clone().filter(|word| word.len() > 1);
        let hint = did_you_mean(&text, long).unwrap_or_else(|| {
            let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
            format!("known here: {}", quoted.join(", "))
        });
        let message = format!("`{key}` cannot be `{}`", short(&text));
        self.fail(&text, message, Some(&hint))
    }

    pub(super) fn words(
        &self,
        key: &str,
        list: Option<&[Text]>,
        known: &[&str],
        start: Option<Position>,
    ) -> Checked<Option<Vec<Text>>> {
        let Some(texts) = self.texts(key, list, start)? else {
            return Ok(None);
        };
        let known: Vec<(&str, ())> = known.iter().map(|word| (*word, ())).collect();
        for text in &texts {
            self.one_of(key, text, &known)?;
        }
        Ok(Some(texts))
    }

    fn maybe<T: Copy>(
        &self,
        key: &str,
        text: Option<&Text>,
        known: &[(&str, T)],
    ) -> Checked<Option<Placed<T>>> {
        let found = text.map(|text| self.one_of(key, text, known));
        found.transpose()
    }

    pub(super) fn required(&self, key: &str, text: Option<&Text>) -> Checked<Option<Placed<bool>>> {
        self.maybe(key, text, &[("required", true), ("optional", false)])
    }

    pub(super) fn accepted(&self, text: Option<&Text>) -> Checked<Option<Placed<bool>>> {
        self.maybe("imports", text, &[("accepted", true), ("refused", false)])
    }

    pub(super) fn isolation(&self, text: Option<&Text>) -> Checked<Option<Placed<bool>>> {
        self.maybe("isolation", text, &[("complete", true), ("any", false)])
    }

    /// A SLSA Build level.
    pub(super) fn level(&self, key: &str, text: Option<&Text>) -> Checked<Option<Placed<u8>>> {
        self.maybe(key, text, &[("0", 0), ("1", 1), ("2", 2), ("3", 3)])
    }

    /// A SLSA Source level; 0 takes the defaults' away.
    pub(super) fn source_level(
        &self,
        key: &str,
        text: Option<&Text>,
    ) -> Checked<Option<Placed<u8>>> {
        let known = [("0", 0), ("1", 1), ("2", 2), ("3", 3), ("4", 4)];
        self.maybe(key, text, &known)
    }

    pub(super) fn age(&self, text: Option<&Text>) -> Checked<Option<Placed<Age>>> {
        let Some(text) = text else { return Ok(None) };
        let text = self.value("max-age", text)?;
        let Some(value) = Age::parse(&text) else {
            let message = format!("`{}` is no span of time", short(&text));
            let hint = "write days or hours, such as `90d` or `36h`";
            return self.fail(&text, message, Some(hint));
        };
        let position = text.position;
        Ok(Some(Placed { value, position }))
    }
}
