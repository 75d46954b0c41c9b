//! Templates as trees. Format: the documentation of Go's text/template.

use super::QueryError;

/// How deep actions and parentheses may be nested.
const MAX_DEPTH: usize = 64;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    /// Prints a value, or gives a variable one.
    Action(Pipeline),
    If(Pipeline, Vec<Node>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    Break,
    Continue,
}

/// Commands, each of which takes the value of the one before as its last argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pipeline {
    /// Variables that take the value, without the dollar sign; two for a range's key and value.
    pub(super) variables: Vec<String>,
    /// Whether they are new: `:=`.
    pub(super) declares: bool,
    pub(super) commands: Vec<Vec<Operand>>,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Bool(bool),
    Int(i64),
    Text(String),
    Nil,
    /// `.A.B`; the dot alone has no fields.
    Dot(Vec<String>),
    /// `$x.A`; the dollar sign alone has the empty name.
    Variable(String, Vec<String>),
    Function(String),
    Parentheses(Box<Pipeline>, Vec<String>),
}

/// A token of an action, and where it is.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Int(i64),
    /// `.A.B`, as its names; none for a dot alone.
    Fields(Vec<String>),
    Variable(String, Vec<String>),
    Open,
    Close(Vec<String>),
    Bar,
    Comma,
    Declare,
    Assign,
}

type Placed<T> = (usize, T);

/// Reads a template.
pub(super) fn parse(template: &str) -> Result<Vec<Node>, QueryError> {
    let pieces = pieces(template)?;
    let mut parser = Parser {
        pieces: &pieces,
        at: 0,
        end: template.len(),
    };
    let (nodes, end) = parser.nodes(0)?;
    match end {
        Closing::Template => Ok(nodes),
        Closing::End(offset) | Closing::Else(offset, _) => {
            Err(wrong(offset, "nothing is open that could end here"))
        }
    }
}

fn wrong(offset: usize, message: impl Into<String>) -> QueryError {
    QueryError::Template {
        offset,
        message: message.into(),
    }
}

enum Piece {
    Text(String),
    Action(usize, Vec<Placed<Token>>),
}

/// Text and actions, blanks trimmed where markers ask for it.
fn pieces(template: &str) -> Result<Vec<Piece>, QueryError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut trim = false;
    let blank = [' ', '\t', '\r', '\n'];
    loop {
        let start = rest.find("{{");
        let text = &rest[..start.unwrap_or(rest.len())];
        let text = if trim {
            text.trim_start_matches(blank)
        } else {
            text
        };
        let Some(start) = start else {
            pieces.push(Piece::Text(text.to_owned()));
            return Ok(pieces);
        };
        let offset = template.len() - rest.len() + start;
        let inside = &rest[start + 2..];
        let marked = inside.starts_with("- ") || inside.starts_with("-\n");
        let text = if marked {
            text.trim_end_matches(blank)
        } else {
            text
        };
        pieces.push(Piece::Text(text.to_owned()));
        let skipped = if marked { 2 } else { 0 };
        let body = &inside[skipped..];
        let (length, tokens) = action(body, offset + 2 + skipped, offset)?;
        let after = &body[length..];
        trim = after.starts_with("-}}");
        rest = &after[if trim { 3 } else { 2 }..];
        if !tokens.is_empty() {
            pieces.push(Piece::Action(offset, tokens));
        }
    }
}

/// The tokens of an action up to `}}` or ` -}}`, and their length in bytes.
fn action(
    body: &str,
    start: usize,
    opened: usize,
) -> Result<(usize, Vec<Placed<Token>>), QueryError> {
    let unclosed = || QueryError::Unclosed { offset: opened };
    let mut tokens = Vec::new();
    if let Some(comment) = body.trim_start().strip_prefix("/*") {
        let end = comment.find("*/").ok_or_else(unclosed)?;
        let from = body.len() - comment.len() + end + 2;
        let blanks = body[from..].len() - body[from..].trim_start().len();
        let rest = &body[from + blanks..];
        if rest.starts_with("}}") || blanks > 0 && rest.starts_with("-}}") {
            return Ok((from + blanks, tokens));
        }
        return Err(wrong(start + from, "a comment has an action to itself"));
    }
    let mut at = 0;
    loop {
        let rest = &body[at..];
        let blanks = rest.len() - rest.trim_start().len();
        let rest = &rest[blanks..];
        at += blanks;
        if rest.is_empty() {
            return Err(unclosed());
        }
        if rest.starts_with("}}") || blanks > 0 && rest.starts_with("-}}") {
            if tokens.is_empty() {
                return Err(wrong(start + at, "an action without a value"));
            }
            return Ok((at, tokens));
        }
        let (token, length) = token(rest, start + at, opened)?;
        tokens.push((start + at, token));
        at += length;
    }
}

fn token(rest: &str, offset: usize, opened: usize) -> Result<(Token, usize), QueryError> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    let first = rest.chars().next().unwrap_or(' ');
    let second = rest.chars().nth(1).unwrap_or(' ');
    Ok(match first {
        '"' => quoted(rest, offset, opened)?,
        '`' => {
            let end = rest[1..].find('`');
            let end = end.ok_or(QueryError::Unclosed { offset: opened })?;
            (Token::Text(rest[1..=end].to_owned()), end + 2)
        }
        '(' => (Token::Open, 1),
        ')' => {
            let (names, length) = fields(&rest[1..]);
            (Token::Close(names), length + 1)
        }
        '|' => (Token::Bar, 1),
        ',' => (Token::Comma, 1),
        ':' if second == '=' => (Token::Declare, 2),
        '=' => (Token::Assign, 1),
        '.' => {
            let (names, length) = fields(rest);
            (Token::Fields(names), length.max(1))
        }
        '$' => {
            let end = 1 + word(&rest[1..]);
            let (names, length) = fields(&rest[end..]);
            (
                Token::Variable(rest[1..end].to_owned(), names),
                end + length,
            )
        }
        '0'..='9' | '-' | '+' => {
            let end = 1 + word(&rest[1..]);
            let number = rest[..end].parse();
            let number = number.map_err(|_| wrong(offset, "not a whole number"))?;
            (Token::Int(number), end)
        }
        c if is_word(c) => (Token::Word(rest[..word(rest)].to_owned()), word(rest)),
        c => return Err(wrong(offset, format!("`{c}` means nothing in an action"))),
    })
}

/// A text in double quotes, with Go's escapes.
fn quoted(rest: &str, offset: usize, opened: usize) -> Result<(Token, usize), QueryError> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((Token::Text(text), at + 1)),
            '\\' => text.push(match letters.next().map(|(_, letter)| letter) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(letter @ ('\\' | '"' | '\'')) => letter,
                _ => return Err(wrong(offset + at, "an escape that is not known")),
            }),
            '\n' => break,
            letter => text.push(letter),
        }
    }
    Err(QueryError::Unclosed { offset: opened })
}

/// `.A.B` at the start of a text: the names, and their length in bytes.
fn fields(text: &str) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(rest) = text[at..].strip_prefix('.') {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let end = end.unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        names.push(rest[..end].to_owned());
        at += end + 1;
    }
    (names, at)
}

/// What ended a list of nodes.
enum Closing {
    Template,
    End(usize),
    /// With the words after `else`.
    Else(usize, Vec<Placed<Token>>),
}

struct Parser<'p> {
    pieces: &'p [Piece],
    at: usize,
    end: usize,
}

impl Parser<'_> {
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Closing), QueryError> {
        let mut nodes = Vec::new();
        if depth > MAX_DEPTH {
            return Err(wrong(self.end, "actions are nested too deeply"));
        }
        while let Some(piece) = self.pieces.get(self.at) {
            self.at += 1;
            let (offset, tokens) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text.clone()));
                    continue;
                }
                Piece::Action(offset, tokens) => (*offset, tokens),
            };
            let word = match &tokens[0].1 {
                Token::Word(word) => word.as_str(),
                _ => "",
            };
            let rest = &tokens[1..];
            match word {
                "end" if rest.is_empty() => return Ok((nodes, Closing::End(offset))),
                "else" => return Ok((nodes, Closing::Else(offset, rest.to_vec()))),
                "break" if rest.is_empty() => nodes.push(Node::Break),
                "continue" if rest.is_empty() => nodes.push(Node::Continue),
                "if" | "with" | "range" => {
                    nodes.push(self.control(word, offset, rest, depth)?);
                }
                "define" | "template" | "block" => {
                    let message = format!("`{word}` is not supported");
                    return Err(wrong(offset, message));
                }
                _ => nodes.push(Node::Action(pipeline(tokens, offset, false)?)),
            }
        }
        Ok((nodes, Closing::Template))
    }

    fn control(
        &mut self,
        word: &str,
        offset: usize,
        tokens: &[Placed<Token>],
        depth: usize,
    ) -> Result<Node, QueryError> {
        let pipeline = pipeline(tokens, offset, word == "range")?;
        let unclosed = || wrong(offset, format!("`{word}` without `end`"));
        let (then, end) = self.nodes(depth + 1)?;
        let otherwise = match end {
            Closing::Template => return Err(unclosed()),
            Closing::End(_) => Vec::new(),
            Closing::Else(at, words) => match words.split_first() {
                None => match self.nodes(depth + 1)? {
                    (nodes, Closing::End(_)) => nodes,
                    (_, Closing::Else(at, _)) => return Err(wrong(at, "a second `else`")),
                    (_, Closing::Template) => return Err(unclosed()),
                },
                Some(((_, Token::Word(again)), rest)) if again == word && word != "range" => {
                    vec![self.control(word, at, rest, depth + 1)?]
                }
                Some(_) => return Err(wrong(at, "words after `else` that mean nothing")),
            },
        };
        Ok(match word {
            "if" => Node::If(pipeline, then, otherwise),
            "with" => Node::With(pipeline, then, otherwise),
            _ => Node::Range(pipeline, then, otherwise),
        })
    }
}

/// The tokens of a whole action as a pipeline.
fn pipeline(tokens: &[Placed<Token>], offset: usize, range: bool) -> Result<Pipeline, QueryError> {
    let mut variables = Vec::new();
    let mut declares = false;
    let mut rest = tokens;
    let assigned = tokens
        .iter()
        .position(|(_, token)| matches!(token, Token::Declare | Token::Assign));
    if let Some(at) = assigned {
        declares = tokens[at].1 == Token::Declare;
        for pair in tokens[..at].chunks(2) {
            match (&pair[0].1, pair.get(1).map(|(_, token)| token)) {
                (Token::Variable(name, fields), None | Some(Token::Comma))
                    if fields.is_empty() && !name.is_empty() =>
                {
                    variables.push(name.clone());
                }
                _ => return Err(wrong(pair[0].0, "no variable to assign to")),
            }
        }
        rest = &tokens[at + 1..];
    }
    if variables.len() > if range { 2 } else { 1 } {
        return Err(wrong(offset, "too many variables"));
    }
    let mut commands = commands(&mut rest, offset, 0)?;
    if !rest.is_empty() {
        return Err(wrong(rest[0].0, "a parenthesis that was not opened"));
    }
    commands.variables = variables;
    commands.declares = declares;
    Ok(commands)
}

fn commands(
    tokens: &mut &[Placed<Token>],
    offset: usize,
    depth: usize,
) -> Result<Pipeline, QueryError> {
    if depth > MAX_DEPTH {
        return Err(wrong(offset, "parentheses are nested too deeply"));
    }
    let mut commands = vec![Vec::new()];
    while let Some(((at, token), rest)) = tokens.split_first() {
        let operand = match token {
            Token::Close(_) => break,
            Token::Bar => {
                *tokens = rest;
                commands.push(Vec::new());
                continue;
            }
            Token::Open => {
                *tokens = rest;
                let inner = self::commands(tokens, *at, depth + 1)?;
                let Some(((_, Token::Close(fields)), rest)) = tokens.split_first() else {
                    return Err(wrong(*at, "a parenthesis that is not closed"));
                };
                *tokens = rest;
                let operand = Operand::Parentheses(Box::new(inner), fields.clone());
                if let Some(command) = commands.last_mut() {
                    command.push(operand);
                }
                continue;
            }
            Token::Word(word) => match word.as_str() {
                "true" => Operand::Bool(true),
                "false" => Operand::Bool(false),
                "nil" => Operand::Nil,
                name => Operand::Function(name.to_owned()),
            },
            Token::Text(text) => Operand::Text(text.clone()),
            Token::Int(number) => Operand::Int(*number),
            Token::Fields(names) => Operand::Dot(names.clone()),
            Token::Variable(name, fields) => Operand::Variable(name.clone(), fields.clone()),
            Token::Comma | Token::Declare | Token::Assign => {
                return Err(wrong(*at, "a sign that has no place here"));
            }
        };
        *tokens = rest;
        if let Some(command) = commands.last_mut() {
            command.push(operand);
        }
    }
    if commands.iter().any(Vec::is_empty) {
        return Err(wrong(offset, "a value is missing"));
    }
    Ok(Pipeline {
        variables: Vec::new(),
        declares: false,
        commands,
    })
}
