//! Values of templates, printed as Go prints them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A pointer to nothing.
    Nil,
    /// What a map has under a key that is not in it.
    Missing,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// Fields by their Go names, in Go's order.
    Struct(Vec<(&'static str, Value)>),
}

impl Value {
    /// Whether `if` takes it for true: anything but what is empty or zero.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::Missing => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Struct(_) => true,
        }
    }

    /// As `%v` prints it.
    pub(super) fn shown(&self) -> String {
        let joined = |values: &mut dyn Iterator<Item = String>| {
            let values: Vec<String> = values.collect();
            values.join(" ")
        };
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Missing => "<no value>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::List(list) => format!("[{}]", joined(&mut list.iter().map(Self::shown))),
            Self::Map(map) => {
                let mut entries = map
                    .iter()
                    .map(|(key, value)| format!("{key}:{}", value.shown()));
                format!("map[{}]", joined(&mut entries))
            }
            Self::Struct(fields) => {
                let fields = &mut fields.iter().map(|(_, value)| value.shown());
                format!("{{{}}}", joined(fields))
            }
        }
    }

    /// What Go would call it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Missing => "nothing",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Struct(_) => "a structure",
        }
    }

    /// Order of two of one kind.
    pub(super) fn compared(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Bool(one), Self::Bool(other)) if one == other => Some(Ordering::Equal),
            _ => None,
        }
    }
}
