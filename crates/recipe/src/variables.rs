//! The variables a recipe defines and those every build has.

use crate::compile::{CompileError, CompileOptions};
use crate::recipe::Recipe;
use crate::substitute::{SubstituteError, resolve_all, substitute, substitute_known};
use bessemer_yaml::Text;
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Names to values, such as `package.name`.
pub(crate) type Variables = BTreeMap<String, String>;

/// The workspace in the guest; `package.srcdir`.
pub(crate) const WORKSPACE: &str = "/home/build";
/// Where packages' files are installed; `targets.outdir`.
pub(crate) const OUTPUT: &str = "/home/build/melange-out";

/// Variables common to all packages of a recipe.
pub(crate) fn of_recipe(
    recipe: &Recipe,
    options: &CompileOptions<'_>,
) -> Result<Variables, CompileError> {
    let document = recipe.document();
    let package = &document.package;
    let mut written: BTreeMap<String, Text> = BTreeMap::new();
    written.insert("package.name".into(), package.name.clone());
    written.insert("package.version".into(), package.version.clone());
    for (name, text) in &document.vars {
        written.insert(format!("vars.{name}"), text.clone());
    }
    for (name, value) in &options.variables {
        written.insert(
            format!("vars.{name}"),
            Text {
                value: value.clone(),
                position: None,
            },
        );
    }
    for name in &options.build_options {
        for (variable, text) in document
            .options
            .get(name)
            .iter()
            .flat_map(|option| &option.vars)
        {
            written.insert(format!("vars.{variable}"), text.clone());
        }
    }
    let raw: Variables = written
        .iter()
        .map(|(name, text)| (name.clone(), text.value.clone()))
        .collect();
    let mut variables = of_machine(&options.architecture, &options.libc);
    for name in document.options.keys().chain(&options.build_options) {
        let enabled = options.build_options.contains(name);
        variables.insert(format!("options.{name}.enabled"), enabled.to_string());
    }
    variables.insert("package.epoch".into(), package.epoch.to_string());
    let known = |name: &str| variables.get(name).map(String::as_str);
    let resolved = resolve_all(&raw, known).map_err(|(name, error)| {
        CompileError::variable(recipe.source(), &written[&name], &error, [])
    })?;
    check_version(recipe, &resolved["package.version"])?;
    variables.extend(resolved);
    let full = format!("{}-r{}", variables["package.version"], package.epoch);
    variables.insert("package.full-version".into(), full);
    transform(recipe, &mut variables)?;
    let description = substitute_known(&package.description, |name| {
        variables.get(name).map(String::as_str)
    });
    variables.insert("package.description".into(), description);
    let destination = format!("{OUTPUT}/{}", variables["package.name"]);
    variables.insert("targets.destdir".into(), destination);
    Ok(variables)
}

/// apk's grammar of versions, without the epoch. It is a constant: were it no regular expression,
/// every version would be refused.
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(~[0-9a-f]+)?$",
    )
    .ok()
});

fn check_version(recipe: &Recipe, version: &str) -> Result<(), CompileError> {
    let text = &recipe.document().package.version;
    let grammar = VERSION.as_ref();
    if grammar.is_some_and(|grammar| grammar.is_match(version)) {
        return Ok(());
    }
    let message = format!("`{version}` is not a version");
    let hint = "numbers with dots, then perhaps a letter and suffixes such as `_rc1`".to_owned();
    let diagnostic = recipe
        .source()
        .diagnostic(text.position, message)
        .with_hint(Some(hint));
    Err(CompileError::Value(Box::new(diagnostic)))
}

fn replace(recipe: &Recipe, text: &Text, variables: &Variables) -> Result<String, CompileError> {
    substitute(text, |name| variables.get(name).map(String::as_str)).map_err(
        |error: SubstituteError| {
            let names = variables.keys().map(String::as_str);
            CompileError::variable(recipe.source(), text, &error, names)
        },
    )
}

/// Sets what `var-transforms` make. As in melange's RE2, `\d`, `\w` and `\s` are of ASCII.
fn transform(recipe: &Recipe, variables: &mut Variables) -> Result<(), CompileError> {
    for transform in &recipe.document().var_transforms {
        let from = replace(recipe, &transform.from, variables)?;
        let pattern = replace(recipe, &transform.pattern, variables)?;
        let regex = Regex::new(&pattern).map_err(|error| {
            let detail = error.to_string();
            let detail = detail.trim_start_matches("found ");
            let message = format!("regular expression is not valid: {detail}");
            CompileError::value(recipe.source(), &transform.pattern, message)
        })?;
        let replacement = replace(recipe, &transform.replace, variables)?;
        let value = regex.replace_all(&from, replacement.as_str()).into_owned();
        variables.insert(format!("vars.{}", transform.to.value), value);
    }
    Ok(())
}

/// Variables that depend on the target machine only.
fn of_machine(architecture: &str, libc: &str) -> Variables {
    let pairs = [
        ("package.srcdir", WORKSPACE.to_owned()),
        ("targets.outdir", OUTPUT.to_owned()),
        ("build.arch", architecture.to_owned()),
        ("build.goarch", go_architecture(architecture).to_owned()),
        ("host.triplet.gnu", gnu_triplet(architecture, libc)),
        ("host.triplet.rust", rust_triplet(architecture, libc)),
        ("cross.triplet.gnu.glibc", gnu_triplet(architecture, "gnu")),
        ("cross.triplet.gnu.musl", gnu_triplet(architecture, "musl")),
        (
            "cross.triplet.rust.glibc",
            rust_triplet(architecture, "gnu"),
        ),
        (
            "cross.triplet.rust.musl",
            rust_triplet(architecture, "musl"),
        ),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// apk's spelling of an architecture, from apk's or OCI's.
pub(crate) fn apk_architecture(name: &str) -> &str {
    match name {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" | "i386" => "x86",
        "arm/v6" => "armhf",
        "arm/v7" => "armv7",
        "loong64" => "loongarch64",
        other => other,
    }
}

/// OCI's spelling of an architecture, from apk's or OCI's.
pub(crate) fn oci_architecture(name: &str) -> &str {
    match apk_architecture(name) {
        "armhf" => "arm/v6",
        "armv7" => "arm/v7",
        other => go_architecture(other),
    }
}

fn go_architecture(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "armhf" | "armv7" => "arm",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn gnu_triplet(architecture: &str, libc: &str) -> String {
    match architecture {
        "x86_64" => format!("x86_64-pc-linux-{libc}"),
        "x86" => format!("i486-pc-linux-{libc}"),
        "armhf" => format!("arm-unknown-linux-{libc}eabihf"),
        "armv7" => format!("armv7l-unknown-linux-{libc}eabihf"),
        "ppc64le" => format!("powerpc64le-unknown-linux-{libc}"),
        "s390x" => format!("s390x-ibm-linux-{libc}"),
        other => format!("{other}-unknown-linux-{libc}"),
    }
}

fn rust_triplet(architecture: &str, libc: &str) -> String {
    match architecture {
        "x86" => format!("i686-unknown-linux-{libc}"),
        "armhf" => format!("armv6-unknown-linux-{libc}eabihf"),
        "armv7" => format!("armv7-unknown-linux-{libc}eabihf"),
        "ppc64le" => format!("powerpc64le-unknown-linux-{libc}"),
        other => format!("{other}-unknown-linux-{libc}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triplets_follow_melange() {
        for (architecture, gnu, rust, go) in [
            (
                "x86_64",
                "x86_64-pc-linux-gnu",
                "x86_64-unknown-linux-gnu",
                "amd64",
            ),
            (
                "aarch64",
                "aarch64-unknown-linux-gnu",
                "aarch64-unknown-linux-gnu",
                "arm64",
            ),
            (
                "armv7",
                "armv7l-unknown-linux-gnueabihf",
                "armv7-unknown-linux-gnueabihf",
                "arm",
            ),
            (
                "s390x",
                "s390x-ibm-linux-gnu",
                "s390x-unknown-linux-gnu",
                "s390x",
            ),
        ] {
            let variables = of_machine(architecture, "gnu");
            assert_eq!(variables["host.triplet.gnu"], gnu);
            assert_eq!(variables["host.triplet.rust"], rust);
            assert_eq!(variables["build.goarch"], go);
        }
    }
}
