//! A version cut into the pieces that are compared one by one.

use std::cmp::Ordering;

/// One piece. The declaration is in ascending order of what a version may go on with: a version
/// that ends is greater than one that goes on with a pre-release, and smaller than any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `_alpha`, `_beta`, `_pre`, `_rc`, by rank.
    PreRelease(usize),
    /// Nothing follows.
    End,
    /// `-r4`.
    Revision(Number),
    /// `~3f5a`.
    Commit(String),
    /// The number of a suffix.
    SuffixNumber(Number),
    /// `_cvs`, `_svn`, `_git`, `_hg`, `_p`, by rank.
    PostRelease(usize),
    /// `b` in `1.2b`.
    Letter(u8),
    /// A number after a dot.
    Component(String),
    /// The first number.
    First(Number),
}

/// A decimal number of any length, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number(String);

const PRE_RELEASES: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const POST_RELEASES: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

impl Number {
    fn new(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }

    fn compare(a: &str, b: &str) -> Ordering {
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    }
}

impl Token {
    /// Position in the declaration.
    fn rank(&self) -> u8 {
        match self {
            Self::PreRelease(_) => 0,
            Self::End => 1,
            Self::Revision(_) => 2,
            Self::Commit(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::PostRelease(_) => 5,
            Self::Letter(_) => 6,
            Self::Component(_) => 7,
            Self::First(_) => 8,
        }
    }

    /// The order of two versions that are equal up to here and go on with these.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::PreRelease(a), Self::PreRelease(b))
            | (Self::PostRelease(a), Self::PostRelease(b)) => a.cmp(b),
            (Self::Revision(a), Self::Revision(b))
            | (Self::SuffixNumber(a), Self::SuffixNumber(b))
            | (Self::First(a), Self::First(b)) => Number::compare(&a.0, &b.0),
            (Self::Commit(a), Self::Commit(b)) => a.cmp(b),
            (Self::Letter(a), Self::Letter(b)) => a.cmp(b),
            // As Gentoo and apk-tools: a leading zero makes it a decimal fraction.
            (Self::Component(a), Self::Component(b))
                if a.starts_with('0') || b.starts_with('0') =>
            {
                a.cmp(b)
            }
            (Self::Component(a), Self::Component(b)) => Number::compare(a, b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Cuts `text` up; `None` when it is outside the grammar.
pub(super) fn tokenize(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    tokens.push(Token::First(Number::new(digits(&mut rest)?)));
    numbers(&mut rest, &mut tokens)?;
    while let Some(tail) = rest.strip_prefix('_') {
        rest = tail;
        tokens.push(suffix(take(&mut rest, |byte| byte.is_ascii_lowercase())?)?);
        if let Some(number) = digits(&mut rest) {
            tokens.push(Token::SuffixNumber(Number::new(number)));
        }
    }
    if let Some(tail) = rest.strip_prefix('~') {
        rest = tail;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        tokens.push(Token::Commit(take(&mut rest, hex)?.to_owned()));
    }
    if let Some(tail) = rest.strip_prefix("-r") {
        rest = tail;
        tokens.push(Token::Revision(Number::new(digits(&mut rest)?)));
    }
    rest.is_empty().then_some(tokens)
}

/// Takes `.5`, `b` and `b5` for as long as they come; a dot must not follow a letter.
fn numbers(rest: &mut &str, tokens: &mut Vec<Token>) -> Option<()> {
    loop {
        match rest.bytes().next() {
            Some(b'.') => {
                *rest = &rest[1..];
                tokens.push(Token::Component(digits(rest)?.to_owned()));
            }
            Some(letter @ b'a'..=b'z') => {
                *rest = &rest[1..];
                tokens.push(Token::Letter(letter));
                match digits(rest) {
                    Some(number) => tokens.push(Token::Component(number.to_owned())),
                    None => return Some(()),
                }
            }
            _ => return Some(()),
        }
    }
}

fn suffix(name: &str) -> Option<Token> {
    let rank = |names: &[&str]| names.iter().position(|candidate| *candidate == name);
    rank(&PRE_RELEASES)
        .map(Token::PreRelease)
        .or_else(|| rank(&POST_RELEASES).map(Token::PostRelease))
}

fn digits<'a>(rest: &mut &'a str) -> Option<&'a str> {
    take(rest, |byte| byte.is_ascii_digit())
}

/// Takes what `accepts` from the front of `rest`; `None` when that is nothing.
fn take<'a>(rest: &mut &'a str, accepts: impl Fn(u8) -> bool) -> Option<&'a str> {
    let end = rest
        .bytes()
        .position(|byte| !accepts(byte))
        .unwrap_or(rest.len());
    let (taken, tail) = rest.split_at(end);
    *rest = tail;
    (!taken.is_empty()).then_some(taken)
}
