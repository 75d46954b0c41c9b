//! Whether two shell texts say the same, whatever their layout.
//!
//! melange prints scripts again through a formatter; what it changes is layout: comments go, blanks
//! and line ends move, `` `a` `` becomes `$(a)`. Here a text becomes its tokens, in which every word,
//! quoted text and here-document is kept to the byte; nothing is reordered, nothing evaluated.

mod words;

use std::fmt::Write as _;

/// A token: a word or an operator as its text, or the end of a command (`;` or a line end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Operator(String),
    End,
}

/// What an open parenthesis or `case` waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Parenthesis,
    Array,
    Case,
}

/// A here-document whose text comes after the line.
struct Pending {
    token: usize,
    delimiter: String,
    strip_tabs: bool,
    /// A quoted delimiter: nothing in the text is expanded.
    literal: bool,
}

/// The tokens of a script, without those that only lay it out.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    settle(Reader::new(script.as_bytes()).list())
}

/// The tokens as a formatter finds them that takes a backslash at the end of a remark for a
/// continuation of the line, which no shell does.
pub(super) fn tokens_with_continued_remarks(script: &str) -> Vec<Token> {
    let mut reader = Reader::new(script.as_bytes());
    reader.continued_remarks = true;
    settle(reader.list())
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    continued_remarks: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            position: 0,
            continued_remarks: false,
        }
    }
}

const OPERATORS: [&str; 23] = [
    "<<<", "<<-", ";;&", "&>>", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "&&", "||", "|&", ";;",
    ";&", "<", ">", "|", "&", "(", ")", ";",
];

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn starts(&self, with: &str) -> bool {
        self.text[self.position.min(self.text.len())..].starts_with(with.as_bytes())
    }

    /// Tokens up to the parenthesis that closes what the caller opened, or the end.
    fn list(&mut self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut pending: Vec<Pending> = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.position += 1,
                b'\\' if self.starts("\\\n") => self.position += 2,
                b'#' => self.comment(),
                b'\n' => {
                    self.position += 1;
                    for document in pending.drain(..) {
                        self.document(&document, &mut tokens);
                    }
                    if open.last() != Some(&Open::Array) {
                        tokens.push(Token::End);
                    }
                }
                _ => {
                    let Some(operator) = OPERATORS.into_iter().find(|o| self.starts(o)) else {
                        self.word_token(&mut tokens, &mut open);
                        continue;
                    };
                    if operator == ")" && open.is_empty() {
                        self.position += 1;
                        return tokens;
                    }
                    self.operator(operator, &mut tokens, &mut open, &mut pending);
                }
            }
        }
        tokens
    }

    fn comment(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.position += 1;
        }
        if self.continued_remarks && self.text[..self.position].ends_with(b"\\") {
            self.position += 1;
        }
    }

    fn word_token(&mut self, tokens: &mut Vec<Token>, open: &mut Vec<Open>) {
        let command = tokens.last().is_none_or(begins_command);
        let word = self.word();
        if command && word == "case" {
            open.push(Open::Case);
        } else if command && word == "esac" && open.last() == Some(&Open::Case) {
            open.pop();
        }
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if digits && matches!(self.peek(), Some(b'<' | b'>')) {
            // `2>x` redirects, `2 >x` does not.
            tokens.push(Token::Operator(word));
            return;
        }
        let array = word.ends_with('=') && self.peek() == Some(b'(');
        tokens.push(Token::Word(word));
        if array {
            self.position += 1;
            open.push(Open::Array);
            tokens.push(Token::Operator("=(".to_owned()));
        }
    }

    fn operator(
        &mut self,
        operator: &str,
        tokens: &mut Vec<Token>,
        open: &mut Vec<Open>,
        pending: &mut Vec<Pending>,
    ) {
        self.position += operator.len();
        match operator {
            ";" => return tokens.push(Token::End),
            "(" => {
                let pattern = open.last() == Some(&Open::Case) && begins_pattern(tokens);
                if pattern {
                    return;
                }
                open.push(Open::Parenthesis);
            }
            ")" if open.last() != Some(&Open::Case) => {
                open.pop();
            }
            "<<" | "<<-" => {
                tokens.push(Token::Operator(operator.to_owned()));
                while matches!(self.peek(), Some(b' ' | b'\t')) {
                    self.position += 1;
                }
                let word = self.word();
                pending.push(Pending {
                    token: tokens.len(),
                    delimiter: word.replace(['\'', '"', '\\'], ""),
                    strip_tabs: operator == "<<-",
                    literal: word.contains(['\'', '"', '\\']),
                });
                return tokens.push(Token::Word(word));
            }
            _ => {}
        }
        tokens.push(Token::Operator(operator.to_owned()));
    }

    /// Reads a here-document's lines and joins them to its delimiter's token.
    fn document(&mut self, document: &Pending, tokens: &mut [Token]) {
        let mut body = String::new();
        while self.position < self.text.len() {
            let rest = &self.text[self.position..];
            let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            self.position = (self.position + length + 1).min(self.text.len());
            let line = String::from_utf8_lossy(&rest[..length]).into_owned();
            let line = if document.strip_tabs {
                line.trim_start_matches('\t')
            } else {
                &line
            };
            if line == document.delimiter {
                break;
            }
            let _ = writeln!(body, "{line}");
        }
        if !document.literal {
            body = Reader::new(body.as_bytes()).expanded();
        }
        if let Some(Token::Word(word)) = tokens.get_mut(document.token) {
            let _ = write!(word, "\n{body}");
        }
    }
}

/// Whether a command may begin after this token.
fn begins_command(token: &Token) -> bool {
    match token {
        Token::End => true,
        Token::Operator(operator) => {
            matches!(
                operator.as_str(),
                "&&" | "||" | "|" | "|&" | "&" | "(" | ")" | ";;"
            )
        }
        Token::Word(word) => matches!(
            word.as_str(),
            "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "{" | "!"
        ),
    }
}

/// Whether the next token begins a pattern of `case`.
fn begins_pattern(tokens: &[Token]) -> bool {
    let last = tokens.iter().rev().find(|token| **token != Token::End);
    match last {
        Some(Token::Operator(operator)) => matches!(operator.as_str(), ";;" | ";&" | ";;&"),
        Some(Token::Word(word)) => word == "in",
        _ => false,
    }
}

/// Drops the ends of commands that no command needs, and the `;;` that `esac` stands for.
fn settle(tokens: Vec<Token>) -> Vec<Token> {
    let mut settled: Vec<Token> = Vec::new();
    for token in tokens {
        match &token {
            Token::End if settled.last().is_none_or(needs_no_end) => continue,
            Token::Operator(operator) if matches!(operator.as_str(), ")" | ";;" | ";&") => {
                drop_end(&mut settled);
            }
            Token::Word(word) if word == "esac" => {
                drop_end(&mut settled);
                let item = Token::Operator(";;".to_owned());
                settled.pop_if(|last| *last == item);
            }
            _ => {}
        }
        settled.push(token);
    }
    drop_end(&mut settled);
    settled
}

fn drop_end(tokens: &mut Vec<Token>) {
    tokens.pop_if(|last| *last == Token::End);
}

fn needs_no_end(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word == "in")
        || begins_command(token)
        || matches!(token, Token::Operator(operator) if matches!(operator.as_str(), ";&" | ";;&"))
}

/// Tokens as one text, for a command substitution within a word.
fn joined(tokens: &[Token]) -> String {
    let text = |token: &Token| match token {
        Token::Word(text) => text.clone(),
        Token::Operator(text) => format!("\u{1}{text}"),
        Token::End => "\u{1};".to_owned(),
    };
    tokens.iter().map(text).collect::<Vec<_>>().join("\u{1f}")
}

#[cfg(test)]
mod tests;
