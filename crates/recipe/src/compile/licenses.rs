//! Licences that are none of the SPDX list. melange takes any text, so they are warned of.

use super::scope::Scope;
use crate::recipe::Recipe;
use crate::variables::Variables;
use bessemer_yaml::Diagnostic;
use bessemer_yaml::did_you_mean;
use spdx::identifiers::LICENSES;

/// What the words between names are.
const OPERATORS: [&str; 3] = ["AND", "OR", "WITH"];
/// How a name begins that is described elsewhere.
const REFERENCES: [&str; 2] = ["LicenseRef-", "DocumentRef-"];
/// What says nothing about a licence, in SPDX's words.
const NOTHING: [&str; 2] = ["NOASSERTION", "NONE"];

pub(super) fn warnings(recipe: &Recipe, variables: &Variables) -> Vec<Diagnostic> {
    let copyright = &recipe.document().package.copyright;
    let scope = Scope::new(variables);
    let warning = |entry: &crate::written::Copyright| {
        let license = scope.shown(&entry.license);
        let name = unknown(&license)?;
        let message = format!("`{name}` is no licence of the SPDX list");
        let place = recipe.source().diagnostic(entry.license.position, message);
        Some(place.with_hint(Some(hint(name))))
    };
    copyright.iter().filter_map(warning).collect()
}

/// The first name of an expression that is neither on the list nor a reference.
fn unknown(license: &str) -> Option<&str> {
    let words = license.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let is_known = |at: usize| {
        let word = words[at];
        let exception = at > 0 && words[at - 1] == "WITH";
        OPERATORS.contains(&word)
            || NOTHING.contains(&word)
            || REFERENCES.iter().any(|start| word.starts_with(start))
            || exception && spdx::exception_id(word).is_some()
            || !exception && spdx::license_id(word.trim_end_matches('+')).is_some()
    };
    let unknown = (0..words.len()).find(|at| !is_known(*at))?;
    Some(words[unknown])
}

fn hint(name: &str) -> String {
    let names = || LICENSES.iter().map(|license| license.name);
    let spelt = names().find(|known| known.eq_ignore_ascii_case(name));
    // The crate's list of common mistakes; it also answers for the start of a longer text.
    let meant = || spdx::imprecise_license_id(name).filter(|(_, length)| *length == name.len());
    if let Some(known) = spelt.or_else(|| Some(meant()?.0.name)) {
        return format!("did you mean `{known}`?");
    }
    did_you_mean(name, names())
        .unwrap_or_else(|| "a licence that is not listed is named `LicenseRef-…`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{hint, unknown};

    #[test]
    fn names_that_are_not_listed() {
        for (license, found) in [
            ("MIT", None),
            ("", None),
            ("MIT OR (Apache-2.0 AND GPL-2.0+)", None),
            ("GPL-2.0-only WITH Classpath-exception-2.0", None),
            ("LicenseRef-Own", None),
            ("NOASSERTION", None),
            ("MIT OR Foo", Some("Foo")),
            ("MIT WITH Foo", Some("Foo")),
            ("Apache 2.0", Some("Apache")),
            ("custom", Some("custom")),
        ] {
            assert_eq!(unknown(license), found, "{license}");
        }
    }

    #[test]
    fn hints() {
        assert_eq!(hint("BSD-3-clause"), "did you mean `BSD-3-Clause`?");
        assert_eq!(hint("Apache-2"), "did you mean `Apache-2.0`?");
        assert!(hint("totally-own-terms").contains("LicenseRef-"));
    }
}
