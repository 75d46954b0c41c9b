//! The files of `--env-file`: one `NAME=value` a line.

use std::collections::BTreeMap;

/// A line that is no assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct EnvironmentFileError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Reads environment variables: `NAME=value` or `export NAME=value`, with `#` remarks and blank lines.
///
/// A value in single quotes is taken as it is; in double quotes `\n`, `\"`, `\\` and `\$` are
/// replaced; without quotes it ends before ` #`. Variables within values are not expanded.
pub fn parse_environment(text: &str) -> Result<BTreeMap<String, String>, EnvironmentFileError> {
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = assignment(line).map_err(|what| EnvironmentFileError {
            line: index + 1,
            what,
        })?;
        variables.insert(name, value);
    }
    Ok(variables)
}

fn assignment(line: &str) -> Result<(String, String), &'static str> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("there is no `=`")?;
    let name = name.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) || name.as_bytes()[0].is_ascii_digit() {
        return Err("the name is not of letters, digits and `_`");
    }
    Ok((name.to_owned(), unquoted(value.trim())?))
}

fn unquoted(value: &str) -> Result<String, &'static str> {
    const OPEN: &str = "the quote is not closed on the line";
    if let Some(rest) = value.strip_prefix('\'') {
        let (inside, _) = rest.split_once('\'').ok_or(OPEN)?;
        return Ok(inside.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else {
        let end = value.find(" #").unwrap_or(value.len());
        return Ok(value[..end].trim_end().to_owned());
    };
    let mut inside = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next().ok_or(OPEN)? {
            '"' => return Ok(inside),
            '\\' => match letters.next().ok_or(OPEN)? {
                'n' => inside.push('\n'),
                letter @ ('"' | '\\' | '$') => inside.push(letter),
                other => inside.extend(['\\', other]),
            },
            letter => inside.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_environment;

    #[test]
    fn reads_assignments_and_says_which_line_is_none() {
        let text =
            "# remark\n\nA=1\nexport B = two # why\nC='x # y'\nD=\"a\\n\\\"b\\\" \\d\"\nE=\n";
        let variables = parse_environment(text).unwrap();
        for (name, value) in [
            ("A", "1"),
            ("B", "two"),
            ("C", "x # y"),
            ("D", "a\n\"b\" \\d"),
            ("E", ""),
        ] {
            assert_eq!(variables[name], value);
        }
        for (text, message) in [
            ("A=1\nB", "line 2: there is no `=`"),
            ("1A=x", "line 1: the name is not of letters, digits and `_`"),
            ("A='x", "line 1: the quote is not closed on the line"),
            ("A=\"x\\", "line 1: the quote is not closed on the line"),
        ] {
            assert_eq!(parse_environment(text).unwrap_err().to_string(), message);
        }
    }
}
