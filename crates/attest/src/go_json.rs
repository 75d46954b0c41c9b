//! JSON as Go's `encoding/json` writes it: apko's files are made with that, and so are the files of images
//! and their SPDX documents here, whose digests are signed.

use serde::Serialize;

/// Characters that Go escapes in texts, so that a document may stand in HTML.
const ESCAPED: [(char, &str); 5] = [
    ('<', "\\u003c"),
    ('>', "\\u003e"),
    ('&', "\\u0026"),
    ('\u{2028}', "\\u2028"),
    ('\u{2029}', "\\u2029"),
];

/// A document in one line, with a newline at the end.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(escaped(&serde_json::to_string(value)?) + "\n")
}

/// A document indented by two, with a newline at the end.
pub fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(escaped(&serde_json::to_string_pretty(value)?) + "\n")
}

/// These characters stand in texts alone, never between them.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match ESCAPED.iter().find(|(escaped, _)| *escaped == character) {
            Some((_, by)) => text.push_str(by),
            None => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_may_stand_in_html() {
        let text = super::line(&["<a href=\"x&y\">", "\u{2028}é"]).unwrap();
        let expected = r#"["\u003ca href=\"x\u0026y\"\u003e","\u2028é"]"#;
        assert_eq!(text, expected.to_owned() + "\n");
        let again: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(again, ["<a href=\"x&y\">", "\u{2028}é"]);
    }
}
