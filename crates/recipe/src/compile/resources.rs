//! What the recipe asks of a machine: kept as written, refused where nothing can read it.

use super::CompileError;
use super::scope::Scope;
use crate::recipe::Recipe;
use crate::variables::Variables;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use std::collections::BTreeMap;

/// `package.resources`, without what is empty.
pub(crate) fn written(
    recipe: &Recipe,
    base: &Variables,
) -> Result<BTreeMap<String, String>, CompileError> {
    type Rule = (fn(&str) -> bool, &'static str);
    const ANY: Rule = (|_| true, "");
    const NUMBER: Rule = (is_number, "write a whole number, such as `4`");
    const SIZE: Rule = (is_size, "write a number with a unit, such as `8Gi`");
    let written = &recipe.document().package.resources;
    let named = [
        ("cpu", &written.cpu, NUMBER),
        ("cpumodel", &written.cpumodel, ANY),
        ("memory", &written.memory, SIZE),
        ("disk", &written.disk, SIZE),
    ];
    let scope = Scope::new(base);
    let mut resources = BTreeMap::new();
    for (name, text, (rule, hint)) in named.into_iter().filter(|(_, text, _)| !text.is_empty()) {
        let value = scope.text(recipe.source(), text)?;
        if !rule(&value) {
            let message = format!("`{value}` is no amount of {name}");
            return Err(refused(recipe.source(), text, message, hint));
        }
        resources.insert(name.to_owned(), value);
    }
    Ok(resources)
}

/// `package.timeout`, as written.
pub(crate) fn timeout(recipe: &Recipe) -> Result<String, CompileError> {
    let text = &recipe.document().package.timeout;
    if !text.is_empty() && !is_duration(text) {
        let message = format!("`{}` is no duration", text.value);
        let hint = "write hours, minutes and seconds, such as `1h30m`";
        return Err(refused(recipe.source(), text, message, hint));
    }
    Ok(text.value.clone())
}

/// A duration in nanoseconds, as melange prints it.
pub(crate) fn nanoseconds(text: &str) -> Option<u64> {
    if !is_duration(text) {
        return None;
    }
    let mut total: u64 = 0;
    for part in text.split_inclusive(['h', 'm', 's']) {
        let (number, unit) = part.split_at(part.len() - 1);
        let seconds = match unit {
            "h" => 3600,
            "m" => 60,
            _ => 1,
        };
        let number: u64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(seconds)?)?;
    }
    total.checked_mul(1_000_000_000)
}

fn refused(file: &SourceFile, text: &Text, message: String, hint: &str) -> CompileError {
    let diagnostic = file.diagnostic(text.position, message);
    CompileError::Value(Box::new(diagnostic.with_hint(Some(hint.to_owned()))))
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number > 0)
}

/// `8Gi`, `512M`: every unit is binary, as melange reads them.
fn is_size(text: &str) -> bool {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].trim_end_matches(['i', 'B']);
    digits.parse::<u64>().is_ok() && matches!(unit, "K" | "M" | "G" | "T")
}

/// Go's syntax, in whole hours, minutes and seconds.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let Some(next) = unit.strip_prefix(['h', 'm', 's']) else {
            return false;
        };
        if unit.len() == rest.len() {
            return false;
        }
        rest = next;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_from_other_words() {
        for text in ["1h30m", "90s", "2h"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "soon", "90", "h", "1d", "1h 2m"] {
            assert!(!is_duration(text), "{text}");
        }
        assert_eq!(nanoseconds("1h1m1s"), Some(3_661_000_000_000));
        assert_eq!(nanoseconds("soon"), None);
        for text in ["8Gi", "512Mi", "20G", "1T"] {
            assert!(is_size(text), "{text}");
        }
        for text in ["", "8", "lots", "Gi", "8Xi", "1.5Gi"] {
            assert!(!is_size(text), "{text}");
        }
        assert!(is_number("4") && !is_number("0") && !is_number("many"));
    }
}
