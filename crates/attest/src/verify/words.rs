//! Strangers' texts in messages: cut, and with nothing in them that commands a terminal.

use std::error::Error;

/// Most characters of one text.
const SHOWN: usize = 200;

/// A stranger's text for a message: not long, and nothing in it that commands a terminal.
pub fn shown(text: &str) -> String {
    text.chars().take(SHOWN).map(harmless).collect()
}

/// Puts a mark in the place of control characters, and of those that are not seen or turn the
/// direction of what follows: with them a message reads as another.
pub fn harmless(char: char) -> char {
    let unseen = matches!(char,
        '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    if unseen || char.is_control() {
        char::REPLACEMENT_CHARACTER
    } else {
        char
    }
}

/// The first of some texts, each as it is [`shown`], and how many more there are.
pub fn listed(texts: &[impl AsRef<str>], most: usize) -> String {
    let first = texts.iter().take(most).map(|text| shown(text.as_ref()));
    let first: Vec<String> = first.collect();
    match texts.len().saturating_sub(most) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A number of things: `1 index`, `2 indexes`.
pub(crate) fn many(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// An error with its causes in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
