//! Splitting a command into words as a POSIX shell does, without any expansion.
//!
//! The rules are those of `github.com/google/shlex`, with which apko splits `entrypoint.command` and
//! `cmd`: spaces part words, `'` keeps everything, `"` keeps everything but `\`, `\` takes the next
//! character as it is, and `#` where a word could start begins a comment.

/// Why a text is not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SplitError {
    /// A quote is opened and not closed.
    #[error("a quote is not closed")]
    Quote,
    /// The text ends after a backslash.
    #[error("nothing follows the last backslash")]
    Escape,
}

/// The words of a command.
pub(crate) fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => {
                for skipped in characters.by_ref() {
                    if skipped == '\n' {
                        break;
                    }
                }
            }
            '\'' => single_quoted(&mut characters, word.get_or_insert_default())?,
            '"' => double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => {
                let next = characters.next().ok_or(SplitError::Escape)?;
                word.get_or_insert_default().push(next);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(
    characters: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), SplitError> {
    loop {
        match characters.next().ok_or(SplitError::Quote)? {
            '\'' => return Ok(()),
            other => word.push(other),
        }
    }
}

fn double_quoted(
    characters: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), SplitError> {
    loop {
        match characters.next().ok_or(SplitError::Quote)? {
            '"' => return Ok(()),
            '\\' => word.push(characters.next().ok_or(SplitError::Escape)?),
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell_does() {
        let cases: [(&str, &[&str]); 8] = [
            ("/bin/sh -l", &["/bin/sh", "-l"]),
            ("  a\t b\n", &["a", "b"]),
            ("a 'b  c' d", &["a", "b  c", "d"]),
            (r#"a "b \" c"d"#, &["a", "b \" cd"]),
            (r"a\ b c\\", &["a b", "c\\"]),
            ("a '' b", &["a", "", "b"]),
            ("a # comment\nb#c", &["a", "b#c"]),
            ("", &[]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
        for (text, error) in [
            ("a 'b", SplitError::Quote),
            ("a \"b", SplitError::Quote),
            ("a\\", SplitError::Escape),
        ] {
            assert_eq!(split(text), Err(error), "{text}");
        }
    }
}
