//! What a package says of its making: `.PKGINFO`, the evaluated recipe, the SBOM.

use super::contents::{Contents, SBOMS};
use super::sbom::{Described, described};
use crate::commands::recipe_file::render;
use crate::print::{Hint, plain_line};
use anyhow::{Context, Result, anyhow, bail};
use bessemer_apk::PkgInfo;
use bessemer_attest::derive::is_publishable;
use bessemer_attest::documents::{LockedFile, Parameters};
use bessemer_digest::Digest;
use bessemer_recipe::{Evaluated, Plan};
use std::path::{Path, PathBuf};

/// The file of the control member that is the evaluated recipe.
pub(super) const RECIPE: &str = ".melange.yaml";
/// What melange writes for what nobody said.
const UNKNOWN: &str = "unknown";

/// A package that is to be built again.
#[derive(Debug, Clone)]
pub(super) struct Original {
    pub(super) path: PathBuf,
    /// Its file's name, fit to be printed.
    pub(super) file: String,
    pub(super) info: PkgInfo,
    pub(super) recipe_sha256: Digest,
    pub(super) contents: Contents,
    evaluated: Evaluated,
    described: Described,
}

impl Original {
    /// Reads a package, which a stranger may have made. An error says what it lacks.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let contents = Contents::read(path)?;
        let file = plain_line(&contents.facts.file);
        let Some(recipe) = contents.control.files.get(RECIPE) else {
            let error = anyhow!("{file} has no {RECIPE}, so nothing says how it was built");
            return Err(error.context(Hint(
                "packages have one when Bessemer made them, or melange since 2024".to_owned(),
            )));
        };
        let text = String::from_utf8_lossy(recipe);
        let name = format!("{file}: {RECIPE}");
        let evaluated = match Evaluated::parse(&name, &text) {
            Ok(evaluated) => evaluated,
            Err(error) => bail!(render(error.diagnostic())),
        };
        if let Some(loose) = evaluated.packages().iter().find(|it| !it.contains('=')) {
            let loose = plain_line(loose);
            let error = anyhow!("{file}: its recipe asks for `{loose}` without a version");
            return Err(error.context(Hint(
                "only packages whose environment is recorded can be built again".to_owned(),
            )));
        }
        let info = contents.control.pkginfo.clone();
        let sbom = format!("{SBOMS}{}-{}.spdx.json", info.name, info.version);
        let sbom = contents
            .members
            .get(&sbom)
            .and_then(|member| member.text.as_deref());
        let sbom = sbom.with_context(|| format!("{file} has no SBOM"))?;
        let described = described(sbom).with_context(|| format!("{file}: cannot read its SBOM"))?;
        Ok(Self {
            path: path.to_path_buf(),
            recipe_sha256: Digest::of(recipe),
            file,
            info,
            contents,
            evaluated,
            described,
        })
    }

    /// The build that it is of: the main package's name, its version, the architecture.
    pub(super) fn origin(&self) -> (String, String, String) {
        let package = &self.evaluated.recipe().document().package;
        (
            package.name.value.clone(),
            self.info.version.clone(),
            self.info.arch.clone(),
        )
    }

    /// Whether both carry the same recipe, date and claims.
    pub(super) fn same_build(&self, other: &Self) -> bool {
        let of = |it: &Self| (it.recipe_sha256, it.info.build_date, it.parameters());
        of(self) == of(other)
    }

    /// The plan of the build, for the package's own architecture and source date.
    pub(super) fn plan(&self) -> Result<Plan> {
        let date = self.info.build_date.unwrap_or(0);
        match self.evaluated.compile(&self.info.arch, date) {
            Ok(compiled) => Ok(compiled.plan),
            Err(error) => match error.diagnostic() {
                Some(diagnostic) => bail!(render(diagnostic)),
                None => Err(error.into()),
            },
        }
    }

    /// What the command line of the build said that packages repeat.
    pub(super) fn parameters(&self) -> Parameters {
        let said = |text: &Option<String>| {
            let text = text.clone();
            text.filter(|text| !text.is_empty() && is_publishable(text))
        };
        let main = &self.evaluated.recipe().document().package.name.value;
        let own = self.info.name == self.info.origin && self.info.name != *main;
        Parameters {
            architecture: self.info.arch.clone(),
            namespace: said(&self.info.maintainer)
                .or_else(|| said(&self.described.namespace))
                .filter(|name| name != UNKNOWN || self.info.maintainer.is_some()),
            git_commit: said(&self.described.commit),
            git_repository_url: said(&self.described.repository),
            recipe_license: said(&self.described.license),
            strip_origin_name: own,
            original_recipe: self
                .described
                .recipe
                .clone()
                .map(|(path, sha256)| LockedFile {
                    path: plain_line(&path),
                    sha256,
                }),
            ..Parameters::default()
        }
    }
}
