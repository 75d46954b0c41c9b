//! What the command line adds to a recipe: environment variables, packages, and what packages are to
//! say of where they come from.

use anyhow::{Context, Result, bail};
use bessemer_attest::derive::is_publishable;
use bessemer_attest::documents::{LockedFile, Parameters};
use bessemer_digest::Digest;
use bessemer_recipe::{CompileOptions, parse_environment};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Larger than any file of environment variables (1 MiB).
const MAX_FILE: u64 = 1 << 20;

/// What shapes the environment of a build.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Additions {
    #[command(flatten)]
    pub(crate) environment: EnvironmentFiles,
    /// Package to add to the build environment; may be repeated
    #[arg(
        long = "package-append",
        value_name = "CONSTRAINT",
        value_delimiter = ','
    )]
    pub(crate) packages: Vec<String>,
    /// Commit that packages say they come from, unless the recipe says it. Nothing checks it
    #[arg(long, value_name = "COMMIT")]
    pub(crate) git_commit: Option<String>,
    /// C library in `host.triplet.*`
    #[arg(
        long = "override-host-triplet-libc-substitution-flavor",
        default_value = GNU,
        value_parser = [GNU, "musl"],
        value_name = "gnu|musl"
    )]
    pub(crate) libc: String,
}

/// The C library that nothing has to say.
const GNU: &str = "gnu";

/// Files of environment variables.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EnvironmentFiles {
    /// File of environment variables (`NAME=value` lines) beneath the recipe's own; may be repeated,
    /// and of a variable that several have the first one's value is taken. Names and values are
    /// published, in packages and provenance
    #[arg(long = "env-file", value_name = "FILE", value_delimiter = ',')]
    pub(crate) files: Vec<PathBuf>,
}

/// What environment files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// The files, by name and digest, as they were named.
    pub(crate) files: Vec<LockedFile>,
    /// All files' variables.
    pub(crate) variables: BTreeMap<String, String>,
}

impl EnvironmentFiles {
    /// Reads them. Of a variable that several files have, the first file's value is taken, as with
    /// melange.
    pub(crate) fn read(&self) -> Result<Environment> {
        let mut environment = Environment::default();
        for path in &self.files {
            let shown = path.display();
            let unreadable = || format!("cannot read the environment file {shown}");
            let size = std::fs::metadata(path).with_context(unreadable)?;
            if size.len() > MAX_FILE {
                bail!(
                    "{shown} has {} bytes; it is no environment file",
                    size.len()
                );
            }
            let text = std::fs::read_to_string(path).with_context(unreadable)?;
            let variables = parse_environment(&text)
                .with_context(|| format!("cannot read variables from {shown}"))?;
            // The signer would refuse it too, but only after the build.
            if let Some((name, _)) = variables.iter().find(|(_, value)| !is_publishable(value)) {
                bail!(
                    "{shown}: the value of {name} has control characters or more than 4096 bytes, and provenance cannot state it"
                );
            }
            for (name, value) in variables {
                environment.variables.entry(name).or_insert(value);
            }
            environment.files.push(LockedFile {
                path: path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                sha256: Digest::of(&text),
            });
        }
        Ok(environment)
    }
}

impl Additions {
    /// Gives a compilation what these flags say.
    pub(crate) fn apply(&self, environment: &Environment, options: &mut CompileOptions<'_>) {
        options.environment.clone_from(&environment.variables);
        options.packages.clone_from(&self.packages);
        options.commit.clone_from(&self.git_commit);
        options.libc.clone_from(&self.libc);
    }
}

/// What packages and SBOMs are to say of the recipe, beside what it says itself. Somebody's word:
/// it is repeated and recorded, and nothing checks it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Claims {
    /// Who packages say maintains them, and the vendor part of their package URLs
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Repository that SBOMs say the recipe is from. Nothing checks it
    #[arg(long, value_name = "URL")]
    pub(crate) git_repo_url: Option<String>,
    /// Licence that SBOMs say the recipe itself is under
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) license: Option<String>,
    /// Let each package name itself as its origin
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = false,
        hide_possible_values = true,
        value_name = "true|false"
    )]
    pub(crate) strip_origin_name: bool,
}

/// Fills in what the flags say; what is as it would be without them is left out.
pub(crate) fn record(
    additions: &Additions,
    claims: &Claims,
    environment: Environment,
    parameters: Parameters,
) -> Result<Parameters> {
    let said = |flag: &str, text: &Option<String>| -> Result<Option<String>> {
        let text = text.clone().filter(|text| !text.is_empty());
        match &text {
            Some(text) if !is_publishable(text) => {
                bail!("{flag} has control characters or more than 4096 bytes")
            }
            _ => Ok(text),
        }
    };
    Ok(Parameters {
        environment_files: environment
            .files
            .into_iter()
            .map(|file| file.path)
            .collect(),
        environment: environment.variables,
        extra_packages: additions.packages.clone(),
        namespace: said("--namespace", &claims.namespace)?,
        git_commit: said("--git-commit", &additions.git_commit)?,
        git_repository_url: said("--git-repo-url", &claims.git_repo_url)?,
        recipe_license: said("--license", &claims.license)?,
        strip_origin_name: claims.strip_origin_name,
        host_triplet_libc: Some(additions.libc.clone()).filter(|libc| libc != GNU),
        ..parameters
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[&str]) -> (tempfile::TempDir, EnvironmentFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = texts.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(format!("{number}.env"));
            fs_err::write(&path, text).unwrap();
            path
        });
        let files = EnvironmentFiles {
            files: files.collect(),
        };
        (folder, files)
    }

    #[test]
    fn the_first_file_that_has_a_variable_wins() {
        let (_folder, files) = files(&["A=1\n", "export A=2\nB='x y'\n"]);
        let read = files.read().unwrap();
        assert_eq!(read.variables["A"], "1");
        assert_eq!(read.variables["B"], "x y");
        let named: Vec<_> = read.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(named, ["0.env", "1.env"]);
        assert_eq!(read.files[0].sha256, Digest::of("A=1\n"));
    }

    #[test]
    fn what_provenance_cannot_state_is_refused_before_anything_is_built() {
        let (_folder, files) = files(&["A=\"one\\ntwo\"\n"]);
        let error = files.read().unwrap_err().to_string();
        assert!(error.contains("0.env: the value of A"), "{error}");
        let claims = Claims {
            namespace: Some("a\u{1b}b".to_owned()),
            ..Claims::default()
        };
        let recorded = record(
            &Additions::default(),
            &claims,
            Environment::default(),
            Parameters::default(),
        );
        assert!(recorded.unwrap_err().to_string().contains("--namespace"));
    }
}
