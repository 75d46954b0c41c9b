//! The table of pipelines that are part of Bessemer; the files stand in `pipelines/` at the root
//! of the repository.

use crate::written::PipelineFile;
use bessemer_yaml::decode;
use bessemer_yaml::{Diagnostic, SourceFile};

/// Name and definition of every built-in pipeline, sorted by name. A test decodes all of them: an
/// error is a mistake in a file of this repository.
pub fn builtin_definitions() -> Result<Vec<(&'static str, PipelineFile)>, Box<Diagnostic>> {
    let definition = |(name, text): &(&'static str, &'static str)| {
        let file = SourceFile::new(format!("pipelines/{name}.yaml"), *text);
        Ok((*name, decode(&file)?))
    };
    builtin_pipelines().iter().map(definition).collect()
}

macro_rules! table {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../pipelines/", $name, ".yaml")))),*]
    };
}

/// Name and text of every built-in pipeline, sorted by name.
pub fn builtin_pipelines() -> &'static [(&'static str, &'static str)] {
    table![
        "R/build",
        "autoconf/configure",
        "autoconf/make",
        "autoconf/make-install",
        "cargo/build",
        "cmake/build",
        "cmake/configure",
        "cmake/install",
        "fetch",
        "git-am",
        "git-checkout",
        "go/build",
        "go/build/v2",
        "go/bump",
        "go/covdata",
        "go/install",
        "llvm/covreport",
        "maven/configure-mirror",
        "maven/pombump",
        "meson/compile",
        "meson/configure",
        "meson/install",
        "npm/install",
        "patch",
        "pecl/install",
        "pecl/phpize",
        "perl/cleanup",
        "perl/make",
        "python/build",
        "python/build-wheel",
        "python/import",
        "python/install",
        "python/test",
        "ruby/build",
        "ruby/clean",
        "ruby/install",
        "split/alldocs",
        "split/bin",
        "split/debug",
        "split/dev",
        "split/infodir",
        "split/lib",
        "split/locales",
        "split/manpages",
        "split/select",
        "split/static",
        "strip",
        "xcover/ensure",
        "xcover/profile",
        "xcover/status",
        "xcover/stop",
        "xcover/wait",
    ]
}
