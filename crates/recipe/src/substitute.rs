//! `${{ name }}` tokens.
//!
//! One engine for every field: white space inside the braces is allowed and an unknown name is an
//! error, whatever the field.

use std::collections::BTreeMap;

/// A part of a text: literal, or a variable's name and the byte offset of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Literal(&'a str),
    Variable { name: &'a str, offset: usize },
}

/// Why a text cannot be substituted; `offset` is the byte offset of the token within the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubstituteError {
    #[error("`${{{{` without a closing `}}}}`")]
    Unclosed { offset: usize },
    #[error("`{name}` is not a variable name")]
    Name { name: String, offset: usize },
    #[error("variable `{name}` is not defined")]
    Undefined { name: String, offset: usize },
    #[error("variable `{name}` depends on itself")]
    Cycle { name: String, offset: usize },
    #[error("variables refer to each other more than {MAX_DEPTH} deep")]
    Depth { offset: usize },
    #[error("the text is longer than {MAX_BYTES} bytes with its variables filled in")]
    Long { offset: usize },
}

/// The longest result of a substitution; keeps variables that double each other in bounds.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most nested references between variables.
const MAX_DEPTH: usize = 32;

impl SubstituteError {
    /// The same error, `by` bytes further into the text.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        match &mut self {
            Self::Unclosed { offset }
            | Self::Name { offset, .. }
            | Self::Undefined { offset, .. }
            | Self::Cycle { offset, .. }
            | Self::Depth { offset }
            | Self::Long { offset } => *offset += by,
        }
        self
    }

    pub(crate) fn offset(&self) -> usize {
        match self {
            Self::Unclosed { offset }
            | Self::Name { offset, .. }
            | Self::Undefined { offset, .. }
            | Self::Cycle { offset, .. }
            | Self::Depth { offset }
            | Self::Long { offset } => *offset,
        }
    }
}

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// Splits a text into literals and tokens.
pub(crate) fn parts(text: &str) -> Result<Vec<Part<'_>>, SubstituteError> {
    let mut parts = Vec::new();
    let mut position = 0;
    // Most texts have no token, and one character is found faster than three.
    if !text.is_empty() && !text.contains('$') {
        return Ok(vec![Part::Literal(text)]);
    }
    while let Some(found) = text[position..].find(OPEN) {
        let offset = position + found;
        if found > 0 {
            parts.push(Part::Literal(&text[position..offset]));
        }
        let inside = offset + OPEN.len();
        let length = text[inside..]
            .find(CLOSE)
            .ok_or(SubstituteError::Unclosed { offset })?;
        let name = text[inside..inside + length].trim_matches([' ', '\t', '\r', '\n']);
        if !is_name(name) {
            let name = name.chars().take(60).collect();
            return Err(SubstituteError::Name { name, offset });
        }
        parts.push(Part::Variable { name, offset });
        position = inside + length + CLOSE.len();
    }
    if position < text.len() {
        parts.push(Part::Literal(&text[position..]));
    }
    Ok(parts)
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // `+` is legal in package names, which occur in `targets.package.NAME`.
    !name.is_empty() && name.bytes().all(|byte| allowed(byte) || byte == b'+')
}

/// Replaces every token by what `lookup` finds.
pub(crate) fn substitute<'v>(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, SubstituteError> {
    let mut result = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            Part::Literal(literal) => result.push_str(literal),
            Part::Variable { name, offset } => {
                let value = lookup(name).ok_or_else(|| SubstituteError::Undefined {
                    name: name.to_owned(),
                    offset,
                })?;
                if result.len() + value.len() > MAX_BYTES {
                    return Err(SubstituteError::Long { offset });
                }
                result.push_str(value);
            }
        }
    }
    Ok(result)
}

/// Replaces the tokens that can be replaced and leaves the rest as written: for texts that are
/// only shown to people, where melange does the same.
pub(crate) fn substitute_known<'v>(text: &str, lookup: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let (before, token) = rest.split_at(start);
        result.push_str(before);
        let end = token
            .find(CLOSE)
            .map_or(token.len(), |end| end + CLOSE.len());
        if let Ok(value) = substitute(&token[..end], &lookup) {
            result.push_str(&value);
            rest = &token[end..];
        } else {
            result.push_str(OPEN);
            rest = &token[OPEN.len()..];
        }
    }
    result.push_str(rest);
    result
}

/// Resolves variables that may refer to each other and to `outer`, whatever their order.
///
/// On failure the name of the variable whose text is wrong comes with the error.
pub(crate) fn resolve_all<'o>(
    raw: &BTreeMap<String, String>,
    outer: impl Fn(&str) -> Option<&'o str>,
) -> Result<BTreeMap<String, String>, (String, SubstituteError)> {
    let mut resolver = Resolver {
        raw,
        outer,
        done: BTreeMap::new(),
        active: Vec::new(),
    };
    for name in raw.keys() {
        resolver.resolve(name)?;
    }
    Ok(resolver.done)
}

struct Resolver<'a, F> {
    raw: &'a BTreeMap<String, String>,
    outer: F,
    done: BTreeMap<String, String>,
    active: Vec<String>,
}

impl<'o, F: Fn(&str) -> Option<&'o str>> Resolver<'_, F> {
    fn resolve(&mut self, name: &str) -> Result<(), (String, SubstituteError)> {
        if self.done.contains_key(name) {
            return Ok(());
        }
        let text = &self.raw[name];
        self.active.push(name.to_owned());
        for part in parts(text).map_err(|error| (name.to_owned(), error))? {
            let Part::Variable {
                name: inner,
                offset,
            } = part
            else {
                continue;
            };
            if !self.raw.contains_key(inner) {
                continue;
            }
            let cyclic = self.active.iter().any(|active| active == inner);
            if cyclic {
                let error = SubstituteError::Cycle {
                    name: inner.to_owned(),
                    offset,
                };
                return Err((name.to_owned(), error));
            }
            if self.active.len() > MAX_DEPTH {
                return Err((name.to_owned(), SubstituteError::Depth { offset }));
            }
            self.resolve(inner)?;
        }
        self.active.pop();
        let lookup = |key: &str| {
            let own = self.done.get(key).map(String::as_str);
            own.or_else(|| (self.outer)(key))
        };
        let value = substitute(text, lookup).map_err(|error| (name.to_owned(), error))?;
        self.done.insert(name.to_owned(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(text: &str) -> Result<String, SubstituteError> {
        substitute(text, |name| match name {
            "package.name" => Some("zlib"),
            "empty" => Some(""),
            "nested" => Some("${{package.name}}"),
            _ => None,
        })
    }

    #[test]
    fn replaces_tokens_once_and_allows_spaces() {
        for (text, expected) in [
            ("", ""),
            ("plain $HOME ${HOME} {{x}}", "plain $HOME ${HOME} {{x}}"),
            ("${{package.name}}", "zlib"),
            ("a${{ package.name\n}}b${{empty}}c", "azlibbc"),
            ("${{nested}}", "${{package.name}}"),
            ("$${{package.name}}}", "$zlib}"),
        ] {
            assert_eq!(run(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (text, message, offset) in [
            ("ab${{package.name", "`${{` without a closing `}}`", 2),
            ("${{}}", "`` is not a variable name", 0),
            ("x ${{a b}}", "`a b` is not a variable name", 2),
            ("x ${{no.such}}", "variable `no.such` is not defined", 2),
        ] {
            let error = run(text).unwrap_err();
            assert_eq!(
                (error.to_string().as_str(), error.offset()),
                (message, offset)
            );
        }
    }

    #[test]
    fn shown_texts_keep_what_is_unknown() {
        let lookup = |name: &str| (name == "a").then_some("A");
        for (text, expected) in [
            ("${{a}} ${{ b == c }} ${{a}}", "A ${{ b == c }} A"),
            ("${{a} and ${{a}}", "${{a} and A"),
            ("${{", "${{"),
        ] {
            assert_eq!(substitute_known(text, lookup), expected);
        }
    }

    #[test]
    fn resolves_references_in_any_order_and_refuses_cycles() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect()
        };
        let outer = |name: &str| (name == "o").then_some("outer");
        let done = resolve_all(
            &map(&[("a", "<${{b}}>"), ("b", "${{c}}"), ("c", "${{o}}")]),
            outer,
        );
        assert_eq!(done.unwrap()["a"], "<outer>");
        let cycle = resolve_all(&map(&[("a", "${{b}}"), ("b", "${{a}}")]), outer).unwrap_err();
        assert_eq!(cycle.0, "b");
        assert_eq!(cycle.1.to_string(), "variable `a` depends on itself");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", inner in r"(\$\{\{|\}\}|[a-z. é]){0,20}") {
            let _ = run(&text);
            let _ = run(&inner);
        }
    }
}
