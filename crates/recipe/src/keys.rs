//! The length of keys.
//!
//! YAML takes a key without a question mark before it up to 1,024 characters, quotes and escapes
//! included (YAML 1.2.2, section 7.4.2). The evaluated recipe in a package is JSON, which has no
//! question marks: a longer key would give a package whose recipe nobody can read.

use serde_json::Value;

/// The longest key, in bytes of its JSON spelling.
pub(crate) const MAX_KEY_BYTES: usize = 1000;
/// Characters of a key that an error shows.
const SHOWN: usize = 40;

/// How the first key that is too long starts.
pub(crate) fn too_long(value: &Value) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            if is_too_long(key) {
                return Some(key.chars().take(SHOWN).collect());
            }
            too_long(value)
        }),
        Value::Array(list) => list.iter().find_map(too_long),
        _ => None,
    }
}

fn is_too_long(key: &str) -> bool {
    // An escape takes six bytes at most: most keys need not be spelled to be judged.
    key.len() > MAX_KEY_BYTES / 6 && Value::from(key).to_string().len() > MAX_KEY_BYTES
}
