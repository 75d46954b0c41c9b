//! Licence expressions as SPDX has them (SPDX 2.3, annex D).
//!
//! Recipes may name licences that SPDX does not list. Such a name becomes a reference to a licence
//! that the document itself describes, `LicenseRef-…`.

use std::collections::BTreeMap;

/// The SPDX licence list that expressions refer to; the one that the `spdx` crate has.
pub(super) const LICENSE_LIST: &str = "3.29";
/// Says nothing about a licence.
pub(super) const UNKNOWN: &str = "NOASSERTION";
const REFERENCE: &str = "LicenseRef-";
const ELSEWHERE: &str = "DocumentRef-";

/// An expression, and what its references stand for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expression {
    /// As the document has it.
    pub(super) text: String,
    /// Names as declared, by reference.
    pub(super) extracted: BTreeMap<String, String>,
}

/// The word of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    Name(&'a str),
}

impl Expression {
    /// Reads what a recipe declares. What is no expression is taken for one name.
    pub(super) fn of(declared: &str) -> Self {
        let declared = declared.trim();
        if declared.is_empty() || declared == UNKNOWN || declared == "NONE" {
            let text = if declared.is_empty() {
                UNKNOWN
            } else {
                declared
            };
            return Self {
                text: text.to_owned(),
                extracted: BTreeMap::new(),
            };
        }
        let words = words(declared);
        let mut expression = Self::default();
        if is_expression(&words) {
            for (index, word) in words.iter().enumerate() {
                let exception = index > 0 && words[index - 1] == Word::With;
                expression.push(*word, exception);
            }
        } else {
            expression.text = expression.reference(declared);
        }
        expression
    }

    /// Several expressions that all hold.
    pub(super) fn all(declared: &[&str]) -> Self {
        let mut whole = Self::default();
        for one in declared {
            let one = Self::of(one);
            if !whole.text.is_empty() {
                whole.text.push_str(" AND ");
            }
            let alternative = declared.len() > 1 && one.text.contains(" OR ");
            let text = if alternative {
                format!("({})", one.text)
            } else {
                one.text
            };
            whole.text.push_str(&text);
            whole.extracted.extend(one.extracted);
        }
        if whole.text.is_empty() {
            whole.text.push_str(UNKNOWN);
        }
        whole
    }

    fn push(&mut self, word: Word<'_>, exception: bool) {
        let text = match word {
            Word::Open => "(".to_owned(),
            Word::Close => ")".to_owned(),
            Word::And => "AND".to_owned(),
            Word::Or => "OR".to_owned(),
            Word::With => "WITH".to_owned(),
            Word::Name(name) if exception => name.to_owned(),
            Word::Name(name) => self.license(name),
        };
        if !(self.text.is_empty() || self.text.ends_with('(') || text == ")") {
            self.text.push(' ');
        }
        self.text.push_str(&text);
    }

    fn license(&mut self, name: &str) -> String {
        let (plain, later) = match name.strip_suffix('+') {
            Some(plain) => (plain, "+"),
            None => (name, ""),
        };
        if let Some(known) = spdx::license_id(plain) {
            return format!("{}{later}", known.name);
        }
        let is_own = name.starts_with(REFERENCE) && reference(name) == name;
        if is_own || name.starts_with(ELSEWHERE) {
            if is_own {
                self.extracted.insert(name.to_owned(), name.to_owned());
            }
            return name.to_owned();
        }
        self.reference(name)
    }

    fn reference(&mut self, name: &str) -> String {
        let id = reference(name);
        self.extracted.insert(id.clone(), name.to_owned());
        id
    }
}

/// `LicenseRef-` and the name, with `-` for what an id may not have.
fn reference(name: &str) -> String {
    let own = name.strip_prefix(REFERENCE).filter(|rest| !rest.is_empty());
    let name = own.unwrap_or(name);
    let kept = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '-';
    let id: String = name
        .chars()
        .map(|char| if kept(char) { char } else { '-' })
        .collect();
    format!("{REFERENCE}{id}")
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for mut part in text.split_whitespace() {
        while let Some(at) = part.find(['(', ')']) {
            words.extend((at > 0).then(|| word(&part[..at])));
            words.push(if part[at..].starts_with('(') {
                Word::Open
            } else {
                Word::Close
            });
            part = &part[at + 1..];
        }
        words.extend((!part.is_empty()).then(|| word(part)));
    }
    words
}

fn word(text: &str) -> Word<'_> {
    match text {
        "AND" | "and" => Word::And,
        "OR" | "or" => Word::Or,
        "WITH" | "with" => Word::With,
        name => Word::Name(name),
    }
}

/// Whether names and operators alternate and parentheses close.
fn is_expression(words: &[Word<'_>]) -> bool {
    let mut depth = 0_usize;
    let mut wants_name = true;
    for (index, word) in words.iter().enumerate() {
        match word {
            Word::Open if wants_name => depth += 1,
            Word::Close if !wants_name && depth > 0 => depth -= 1,
            Word::Name(_) if wants_name => wants_name = false,
            Word::With if !wants_name && matches!(words[index - 1], Word::Name(_)) => {
                let exception = match words.get(index + 1) {
                    Some(Word::Name(name)) => spdx::exception_id(name),
                    _ => None,
                };
                // SPDX 2.3 has no references to exceptions.
                if exception.is_none() {
                    return false;
                }
                wants_name = true;
            }
            Word::And | Word::Or if !wants_name => wants_name = true,
            _ => return false,
        }
    }
    depth == 0 && !wants_name
}

#[cfg(test)]
mod tests {
    use super::{Expression, LICENSE_LIST};

    /// What is declared, the expression, and the references in it with their names.
    type Case = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    );
    const CASES: [Case; 15] = [
        ("MIT", "MIT", &[]),
        ("", "NOASSERTION", &[]),
        ("NOASSERTION", "NOASSERTION", &[]),
        ("GPL-2.0+", "GPL-2.0+", &[]),
        ("GPL-2.0-or-later", "GPL-2.0-or-later", &[]),
        (
            "MIT and (BSD-3-Clause or Apache-2.0)",
            "MIT AND (BSD-3-Clause OR Apache-2.0)",
            &[],
        ),
        (
            "GPL-3.0-or-later WITH GCC-exception-3.1",
            "GPL-3.0-or-later WITH GCC-exception-3.1",
            &[],
        ),
        (
            "PROPRIETARY",
            "LicenseRef-PROPRIETARY",
            &[("LicenseRef-PROPRIETARY", "PROPRIETARY")],
        ),
        (
            "MIT AND my_own",
            "MIT AND LicenseRef-my-own",
            &[("LicenseRef-my-own", "my_own")],
        ),
        (
            "LicenseRef-x",
            "LicenseRef-x",
            &[("LicenseRef-x", "LicenseRef-x")],
        ),
        (
            "Public Domain",
            "LicenseRef-Public-Domain",
            &[("LicenseRef-Public-Domain", "Public Domain")],
        ),
        (
            "MIT AND",
            "LicenseRef-MIT-AND",
            &[("LicenseRef-MIT-AND", "MIT AND")],
        ),
        (
            "MIT WITH my-exception",
            "LicenseRef-MIT-WITH-my-exception",
            &[("LicenseRef-MIT-WITH-my-exception", "MIT WITH my-exception")],
        ),
        ("(MIT", "LicenseRef--MIT", &[("LicenseRef--MIT", "(MIT")]),
        (
            "MIT) OR (ISC",
            "LicenseRef-MIT--OR--ISC",
            &[("LicenseRef-MIT--OR--ISC", "MIT) OR (ISC")],
        ),
    ];

    #[test]
    fn names_that_spdx_does_not_list_become_references() {
        for (declared, text, extracted) in CASES {
            let found = Expression::of(declared);
            assert_eq!(found.text, text, "{declared}");
            let names: Vec<(&str, &str)> = found
                .extracted
                .iter()
                .map(|(id, name)| (id.as_str(), name.as_str()))
                .collect();
            assert_eq!(names, extracted, "{declared}");
            if !text.starts_with("NO") {
                spdx::Expression::parse_mode(text, spdx::ParseMode::LAX).unwrap();
            }
        }
    }

    #[test]
    fn several_expressions_all_hold() {
        assert_eq!(Expression::all(&[]).text, "NOASSERTION");
        assert_eq!(Expression::all(&["MIT OR ISC"]).text, "MIT OR ISC");
        assert_eq!(
            Expression::all(&["MIT OR ISC", "Zlib"]).text,
            "(MIT OR ISC) AND Zlib"
        );
    }

    #[test]
    fn the_list_is_the_crates() {
        assert!(spdx::license_version().starts_with(LICENSE_LIST));
    }

    proptest::proptest! {
        #[test]
        fn anything_becomes_an_expression(declared in "[A-Za-z0-9()+. _-]{0,40}") {
            let text = Expression::of(&declared).text;
            if text != "NOASSERTION" && text != "NONE" {
                let parsed = spdx::Expression::parse_mode(&text, spdx::ParseMode::LAX);
                proptest::prop_assert!(parsed.is_ok(), "{declared:?}: {text:?}");
            }
        }
    }
}
