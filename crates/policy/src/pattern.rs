//! Patterns of names, refs and paths: `*` stands for any characters, none and `/` among them.

use bessemer_yaml::Text;

/// A pattern as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) Text);

impl Pattern {
    /// Whether it stands for the whole of `text`. The time is bounded by the product of the lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        matches(self.0.value.as_bytes(), text.as_bytes())
    }
}

/// Goes back to the last `*` alone: what an earlier one took need not be tried again, because the
/// later one can take as much.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, taken)) = back else {
                    return false;
                };
                back = Some((star, taken + 1));
                at = star + 1;
                read = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("tiny", "tiny", true),
            ("tiny", "tiny-doc", false),
            ("tiny-*", "tiny-doc", true),
            ("tiny-*", "tiny-", true),
            ("tiny-*", "tiny", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-doc", "a-doc-doc", true),
            ("*-doc", "a-docs", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("refs/tags/v*", "refs/tags/v1/2", true),
            ("**", "x", true),
            ("é*", "é1", true),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = "a*".repeat(1_000) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 10_000]));
    }
}
