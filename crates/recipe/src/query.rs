//! Asking a recipe for single values.

use crate::recipe::Recipe;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `{{` without `}}`.
    #[error("`{{{{` without a closing `}}}}` at byte {offset}")]
    Unclosed {
        /// Byte offset in the template.
        offset: usize,
    },
    /// Not a field of a recipe, or one that is not a single value.
    #[error("`{field}` is not a field that can be queried; there are: {}", FIELDS.join(", "))]
    Field {
        /// What the template asks for.
        field: String,
    },
}

/// The fields that [`query`] knows.
const FIELDS: [&str; 8] = [
    ".Package.Name",
    ".Package.Version",
    ".Package.Epoch",
    ".Package.FullVersion",
    ".Package.Description",
    ".Package.URL",
    ".Package.Commit",
    ".Package.LicenseExpression",
];

/// Fills a Go-style template from the recipe as written: `{{ .Package.Name }}`, `{{.Vars.NAME}}`.
///
/// Only field access is supported, with trimming markers (`{{-`, `-}}`) accepted and applied.
pub fn query(recipe: &Recipe, template: &str) -> Result<String, QueryError> {
    let mut result = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let offset = template.len() - rest.len() + start;
        let inside = &rest[start + 2..];
        let end = inside.find("}}").ok_or(QueryError::Unclosed { offset })?;
        result.push_str(&rest[..start]);
        let action = &inside[..end];
        rest = &inside[end + 2..];
        if action.starts_with('-') {
            result.truncate(result.trim_end().len());
        }
        if action.len() > 1 && action.ends_with('-') {
            rest = rest.trim_start();
        }
        result.push_str(&field(recipe, action.trim_matches('-').trim())?);
    }
    result.push_str(rest);
    Ok(result)
}

/// `name-version-rEPOCH` of the main package, as written.
pub fn package_version(recipe: &Recipe) -> String {
    let package = &recipe.document().package;
    format!(
        "{}-{}-r{}",
        package.name.value, package.version.value, package.epoch
    )
}

fn field(recipe: &Recipe, field: &str) -> Result<String, QueryError> {
    let document = recipe.document();
    let package = &document.package;
    let licenses = || {
        let licenses = package
            .copyright
            .iter()
            .map(|entry| entry.license.value.as_str());
        licenses.collect::<Vec<_>>().join(" AND ")
    };
    let value = match field {
        ".Package.Name" => package.name.value.clone(),
        ".Package.Version" => package.version.value.clone(),
        ".Package.Epoch" => package.epoch.to_string(),
        ".Package.FullVersion" => format!("{}-r{}", package.version.value, package.epoch),
        ".Package.Description" => package.description.value.clone(),
        ".Package.URL" => package.url.value.clone(),
        ".Package.Commit" => package.commit.value.clone(),
        ".Package.LicenseExpression" => licenses(),
        other => {
            let variable = other
                .strip_prefix(".Vars.")
                .and_then(|name| document.vars.get(name));
            let unknown = || QueryError::Field {
                field: other.chars().take(80).collect(),
            };
            variable.ok_or_else(unknown)?.value.clone()
        }
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceFile;

    #[test]
    fn answers_and_refuses() {
        let text = "package:\n  name: a\n  version: 1.10\n  epoch: 2\n  copyright:\n    - license: MIT\n    - license: Zlib\nvars:\n  x: y\n";
        let recipe = Recipe::parse(SourceFile::new("a.yaml", text)).unwrap();
        assert_eq!(package_version(&recipe), "a-1.10-r2");
        for (template, expected) in [
            ("", ""),
            ("{{ .Package.Name }}/{{.Package.Version}}", "a/1.10"),
            ("x {{- .Package.FullVersion -}} y", "x1.10-r2y"),
            (
                "{{.Package.LicenseExpression}} {{.Vars.x}}",
                "MIT AND Zlib y",
            ),
        ] {
            assert_eq!(query(&recipe, template).unwrap(), expected);
        }
        assert_eq!(
            query(&recipe, "a{{"),
            Err(QueryError::Unclosed { offset: 1 })
        );
        assert!(query(&recipe, "{{ range .X }}").is_err());
        assert!(query(&recipe, "{{-}}").is_err());
    }
}
