//! The built-in functions of Go's text/template.

use super::QueryError;
use super::value::Value;
use std::cmp::Ordering;

/// Widest that a number in `printf` may make a text.
const MAX_WIDTH: usize = 1000;

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, QueryError> {
    let wrong = |message: &str| Err(QueryError::Value(format!("`{name}` {message}")));
    match (name, arguments) {
        ("and" | "or", []) => wrong("needs an argument"),
        ("and", values) => Ok(decided(values, false)),
        ("or", values) => Ok(decided(values, true)),
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("len", [value]) => match value {
            Value::Text(text) => Ok(count(text.len())),
            Value::List(list) => Ok(count(list.len())),
            Value::Map(map) => Ok(count(map.len())),
            other => wrong(&format!("has no answer for {}", other.kind())),
        },
        ("index", [value, keys @ ..]) => index(value, keys),
        ("slice", [value, ends @ ..]) if ends.len() <= 2 => slice(value, ends),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            Ok(Value::Bool(others.iter().any(|other| first == other)))
        }
        ("ne", [one, other]) => Ok(Value::Bool(one != other)),
        ("lt" | "le" | "gt" | "ge", [one, other]) => match one.compared(other) {
            Some(order) => Ok(Value::Bool(match name {
                "lt" => order == Ordering::Less,
                "le" => order != Ordering::Greater,
                "gt" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })),
            None => wrong(&format!(
                "cannot compare {} with {}",
                one.kind(),
                other.kind()
            )),
        },
        ("print", values) => Ok(Value::Text(printed(values))),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(Value::shown).collect();
            Ok(Value::Text(format!("{}\n", words.join(" "))))
        }
        ("printf", [Value::Text(format), values @ ..]) => formatted(format, values),
        (
            "not" | "len" | "index" | "slice" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "printf",
            _,
        ) => wrong("has the wrong number or kind of arguments"),
        _ => wrong("is not a function that is known"),
    }
}

/// The first value that decides, else the last.
fn decided(values: &[Value], by: bool) -> Value {
    let found = values.iter().find(|value| value.is_true() == by);
    found.or(values.last()).cloned().unwrap_or(Value::Nil)
}

fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn index(value: &Value, keys: &[Value]) -> Result<Value, QueryError> {
    let mut value = value.clone();
    for key in keys {
        value = match (value, key) {
            (Value::List(list), Value::Int(at)) => {
                let found = usize::try_from(*at).ok().and_then(|at| list.get(at));
                let length = list.len();
                let message = format!("index {at} is not below {length}");
                found.cloned().ok_or(QueryError::Value(message))?
            }
            // Go's zero value for a key that is not there; all maps here hold texts.
            (Value::Map(map), Value::Text(key)) => {
                map.get(key).cloned().unwrap_or(Value::Text(String::new()))
            }
            (value, key) => {
                let message = format!("{} has no index that is {}", value.kind(), key.kind());
                return Err(QueryError::Value(message));
            }
        };
    }
    Ok(value)
}

fn slice(value: &Value, ends: &[Value]) -> Result<Value, QueryError> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        other => {
            let message = format!("`slice` has no answer for {}", other.kind());
            return Err(QueryError::Value(message));
        }
    };
    let at = |index: usize, default: usize| match ends.get(index) {
        None => Some(default),
        Some(Value::Int(at)) => usize::try_from(*at).ok(),
        Some(_) => None,
    };
    let outside = || QueryError::Value(format!("`slice` goes beyond 0 to {length}"));
    let (from, to) = at(0, 0).zip(at(1, length)).ok_or_else(outside)?;
    let cut = match value {
        Value::Text(text) => text.get(from..to).map(|text| Value::Text(text.to_owned())),
        Value::List(list) => list.get(from..to).map(|list| Value::List(list.to_vec())),
        _ => None,
    };
    cut.ok_or_else(outside)
}

/// Go's `Sprint`: a blank between neighbours neither of which is a text.
fn printed(values: &[Value]) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            text.push(' ');
        }
        text.push_str(&value.shown());
    }
    text
}

/// Go's `Sprintf` with the verbs that recipes' values need.
fn formatted(format: &str, values: &[Value]) -> Result<Value, QueryError> {
    let mut text = String::new();
    let mut values = values.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = letters.next_if(|c| c.is_ascii_digit() || *c == '-') {
            flags.push(flag);
        }
        let verb = letters.next();
        if verb == Some('%') {
            text.push('%');
            continue;
        }
        let missing = || QueryError::Value(format!("`printf` of `{format}` has too few values"));
        let value = values.next().ok_or_else(missing)?;
        let shown = match (verb, value) {
            (Some('v'), value)
            | (Some('s'), value @ (Value::Text(_) | Value::List(_)))
            | (Some('d'), value @ Value::Int(_))
            | (Some('t'), value @ Value::Bool(_)) => value.shown(),
            (Some('q'), Value::Text(text)) => format!("{text:?}"),
            _ => {
                let verb = verb.map_or_else(String::new, String::from);
                let message = format!("`printf` cannot print {} with `%{verb}`", value.kind());
                return Err(QueryError::Value(message));
            }
        };
        let width = flags
            .trim_start_matches('-')
            .parse()
            .unwrap_or(0)
            .min(MAX_WIDTH);
        let padded = if flags.starts_with('-') {
            format!("{shown:<width$}")
        } else if flags.starts_with('0') {
            format!("{shown:0>width$}")
        } else {
            format!("{shown:>width$}")
        };
        text.push_str(&padded);
    }
    if values.next().is_some() {
        let message = format!("`printf` of `{format}` has too many values");
        return Err(QueryError::Value(message));
    }
    Ok(Value::Text(text))
}
