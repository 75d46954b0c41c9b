//! `if:` expressions.
//!
//! ```text
//! expr := atom (("&&" | "||") atom)*     left to right, equal precedence
//! atom := "(" expr ")" | value ("==" | "!=") value
//! value := '…' | "…" | ${{name}}
//! ```
//!
//! A variable may stand bare or inside quotes; both compare its value.

use crate::substitute::{SubstituteError, substitute};

/// Why a condition cannot be decided; `offset` is a byte offset in the expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error("expected {expected} in condition")]
    Expected {
        expected: &'static str,
        offset: usize,
    },
    #[error("condition is nested too deeply")]
    Depth { offset: usize },
    #[error(transparent)]
    Variable(#[from] SubstituteError),
}

impl ConditionError {
    pub(crate) fn offset(&self) -> usize {
        match self {
            Self::Expected { offset, .. } | Self::Depth { offset } => *offset,
            Self::Variable(error) => error.offset(),
        }
    }
}

const MAX_DEPTH: usize = 32;

/// Decides a condition; empty means yes.
pub(crate) fn holds<'v>(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'v str>,
) -> Result<bool, ConditionError> {
    if text.trim().is_empty() {
        return Ok(true);
    }
    let mut parser = Parser {
        text,
        position: 0,
        lookup,
    };
    let value = parser.expression(0)?;
    parser.skip_space();
    if parser.position < text.len() {
        return Err(parser.expected("`&&`, `||` or the end"));
    }
    Ok(value)
}

struct Parser<'t, F> {
    text: &'t str,
    position: usize,
    lookup: F,
}

impl<'v, F: Fn(&str) -> Option<&'v str>> Parser<'_, F> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn expected(&self, expected: &'static str) -> ConditionError {
        ConditionError::Expected {
            expected,
            offset: self.position,
        }
    }

    fn expression(&mut self, depth: usize) -> Result<bool, ConditionError> {
        if depth > MAX_DEPTH {
            return Err(ConditionError::Depth {
                offset: self.position,
            });
        }
        let mut value = self.atom(depth)?;
        loop {
            if self.take("&&") {
                value &= self.atom(depth)?;
            } else if self.take("||") {
                value |= self.atom(depth)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn atom(&mut self, depth: usize) -> Result<bool, ConditionError> {
        if self.take("(") {
            let value = self.expression(depth + 1)?;
            return if self.take(")") {
                Ok(value)
            } else {
                Err(self.expected("`)`"))
            };
        }
        let left = self.value()?;
        let equal = if self.take("==") {
            true
        } else if self.take("!=") {
            false
        } else {
            return Err(self.expected("`==` or `!=`"));
        };
        let right = self.value()?;
        Ok((left == right) == equal)
    }

    fn value(&mut self) -> Result<String, ConditionError> {
        self.skip_space();
        let start = self.position;
        let shift = |error: SubstituteError| ConditionError::Variable(error.shifted(start));
        match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let raw = self.quoted(quote)?;
                substitute(&raw, &self.lookup).map_err(shift)
            }
            Some('$') if self.rest().starts_with("${{") => {
                let end = self
                    .rest()
                    .find("}}")
                    .map_or(self.rest().len(), |end| end + 2);
                let token = &self.text[start..start + end];
                let value = substitute(token, &self.lookup).map_err(shift)?;
                self.position += end;
                Ok(value)
            }
            _ => Err(self.expected("a quoted text or `${{…}}`")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ConditionError> {
        let mut value = String::new();
        let mut letters = self.text[self.position + 1..].char_indices();
        while let Some((index, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.position += 1 + index + 1;
                    return Ok(value);
                }
                '\\' => match letters.next().map(|(_, escaped)| escaped) {
                    Some(escaped @ ('\\' | '\'' | '"')) => value.push(escaped),
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some(other) => value.extend(['\\', other]),
                    None => value.push('\\'),
                },
                _ => value.push(letter),
            }
        }
        Err(self.expected("a closing quote"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(text: &str) -> Result<bool, ConditionError> {
        holds(text, |name| (name == "build.arch").then_some("x86_64"))
    }

    #[test]
    fn decides() {
        for (text, expected) in [
            ("", true),
            ("  ", true),
            ("${{build.arch}} == 'x86_64'", true),
            ("'${{build.arch}}' == \"x86_64\"", true),
            ("${{ build.arch }}!='aarch64'", true),
            ("'a' == 'b' && 'a' == 'a'", false),
            // Equal precedence, left to right: (true || true) && false.
            ("'a' == 'a' || 'a' == 'a' && 'a' == 'b'", false),
            ("'a' == 'a' || ('a' == 'a' && 'a' == 'b')", true),
            (r"'it\'s' == 'it\'s'", true),
            (r"'a\qb' == 'a\\qb'", true),
        ] {
            assert_eq!(run(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for (text, message, offset) in [
            ("true", "expected a quoted text or `${{…}}` in condition", 0),
            ("'a'", "expected `==` or `!=` in condition", 3),
            (
                "'a' == 'b' 'c'",
                "expected `&&`, `||` or the end in condition",
                11,
            ),
            ("('a' == 'a'", "expected `)` in condition", 11),
            ("'a' == 'a", "expected a closing quote in condition", 7),
            ("'a' == ${{x}}", "variable `x` is not defined", 7),
            ("'a' == ${{x", "`${{` without a closing `}}`", 7),
        ] {
            let error = run(text).unwrap_err();
            assert_eq!(
                (error.to_string().as_str(), error.offset()),
                (message, offset),
                "{text}"
            );
        }
        assert!(run(&"(".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"([()'"=!&| \\né]|\$\{\{|\}\}){0,30}"#) {
            let _ = run(&text);
        }
    }
}
