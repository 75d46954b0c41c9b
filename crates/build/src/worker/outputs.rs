//! From the guest's archive to signed packages.

use crate::job::Job;
use crate::metadata::{detect, pkginfo};
use crate::network::{AuthorityError, search_for_authority};
use crate::reporter::{Event, Reporter};
use crate::step_script::OUTPUT;
use crate::worker::linting::{LintError, Linting};
use crate::worker::{capabilities, description};
use bessemer_apk::package::{PkgInfo, ReadError, Reader, Script};
use bessemer_apk::{EntryPath, IndexEntry, Limits as ApkLimits, signature_member};
use bessemer_attest::documents::{LockedPackage, Output};
use bessemer_digest::Digest;
use bessemer_package::detect::{DetectError, Detected};
use bessemer_package::{
    Archive, EmitError, Limits, Metadata, ScanError, Scratch, Tree, Unsigned, sbom,
};
use bessemer_recipe::PackagePlan;
use bessemer_repository::PackageFile;
use bessemer_sift::Certificate;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Signs control members; the signer does it, for a registered invocation only.
pub trait SignControl {
    /// The key's file name and the RSA signature over the SHA-256 of `control`; nothing for a job
    /// that a person could enter, whose packages stay unsigned.
    fn sign_control(
        &mut self,
        control: &[u8],
    ) -> Result<Option<(String, Vec<u8>)>, SignControlError>;
}

/// The signer refused or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the signer did not sign the package")]
pub struct SignControlError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why packages could not be made from what the guest left.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The archive is not acceptable.
    #[error("what the guest left on the output disk cannot be taken")]
    Scan(#[from] ScanError),
    /// The archive or a package file cannot be read or written.
    #[error("cannot read or write a package's files")]
    Io(#[from] std::io::Error),
    /// What a package needs and provides could not be found.
    #[error("cannot find what package {package} needs and provides")]
    Detect {
        /// Which package.
        package: String,
        /// What went wrong.
        source: DetectError,
    },
    /// An output would have others trust this guest's network.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A package has what it may not have, or could not be looked at.
    #[error(transparent)]
    Lint(#[from] LintError),
    /// A package could not be written.
    #[error("cannot write package {package}")]
    Emit {
        /// Which package.
        package: String,
        /// What went wrong.
        source: EmitError,
    },
    /// No SBOM could be written.
    #[error("cannot write the SBOM of package {package}")]
    Sbom {
        /// Which package.
        package: String,
        /// What went wrong.
        source: sbom::SbomError,
    },
    /// The evaluated recipe could not be written.
    #[error("cannot write the evaluated recipe")]
    Configuration(#[from] serde_json::Error),
    /// A finished package does not read back.
    #[error("a finished package does not read back")]
    ReadBack(#[from] ReadError),
    /// The signer refused.
    #[error(transparent)]
    Sign(#[from] SignControlError),
    /// A name in the plan is no path.
    #[error("package name `{0}` is no file name")]
    Name(String),
}

/// A finished package on this host.
#[derive(Debug, Clone)]
pub struct BuiltPackage {
    /// What goes into the record.
    pub output: Output,
    /// The finished file.
    pub path: PathBuf,
    /// Its SBOM, canonical bytes as they are in the package.
    pub sbom: Vec<u8>,
    /// SHA-1 of the control member.
    pub control_sha1: [u8; 20],
    /// What it needs, provides and replaces, as its `.PKGINFO` says.
    pub info: PkgInfo,
    /// What an index says of the file.
    pub entry: IndexEntry,
    /// Size of the signature member in bytes.
    pub signature_size: u64,
}

impl BuiltPackage {
    /// What an index says of the file.
    pub fn index_entry(&self) -> IndexEntry {
        self.entry.clone()
    }

    /// The file as a lock of a test environment names it.
    pub fn package_file(&self) -> PackageFile {
        let locked = LockedPackage {
            name: self.output.package.clone(),
            version: self.output.version.clone(),
            architecture: self.output.architecture.clone(),
            uri: format!("file:{}", self.output.file),
            sha256: self.output.sha256,
            size: self.output.size,
            control_sha1: hex::encode(self.control_sha1),
            attestation: None,
            from_build: true,
        };
        PackageFile {
            locked,
            path: self.path.clone(),
        }
    }
}

/// What packages are made from.
#[derive(Debug)]
pub(super) struct Outputs<'a> {
    /// Plan, lock and what somebody outside chose.
    pub(super) job: &'a Job,
    /// Where the finished files go.
    pub(super) directory: &'a Path,
    /// What may not be in a package.
    pub(super) linting: &'a Linting,
    /// Of the guest's proxy, for a guest that had one.
    pub(super) authority: Option<&'a Certificate>,
}

impl Outputs<'_> {
    /// Reads the archive, splits it, detects dependencies, runs the linters, writes SBOMs and
    /// signed packages. No package is written or signed before all have passed their linters.
    pub(super) fn make(
        &self,
        archive: File,
        signer: &mut dyn SignControl,
        reporter: &mut dyn Reporter,
    ) -> Result<Vec<BuiltPackage>, OutputError> {
        let whole = Archive::scan(archive, &Limits::default())?;
        if let Some(own) = self.authority {
            search_for_authority(own, &whole, self.directory)?;
        }
        let plans: Vec<&PackagePlan> = std::iter::once(&self.job.plan.package)
            .chain(&self.job.plan.subpackages)
            .collect();
        let mut trees = plans
            .iter()
            .map(|plan| subtree(&whole, &plan.name))
            .collect::<Result<Vec<Tree>, OutputError>>()?;
        for (plan, tree) in plans.iter().zip(&mut trees) {
            for path in capabilities::set(tree, plan) {
                let name = &plan.name;
                reporter.report(Event::Note(&format!(
                    "setcap: {name} has no file {path}, so no capability is set on it"
                )));
            }
        }
        let siblings: Vec<&Tree> = trees.iter().collect();
        let mut found = Vec::new();
        for (plan, tree) in plans.iter().zip(&trees) {
            let detected = detect(plan, tree, &siblings);
            found.push(detected.map_err(|source| OutputError::Detect {
                package: plan.name.clone(),
                source,
            })?);
        }
        let packages: Vec<_> = plans.iter().copied().zip(&trees).collect();
        self.linting
            .run(&packages, &self.job.plan.configuration, reporter)?;
        let mut built = Vec::new();
        for ((plan, tree), detected) in packages.into_iter().zip(found) {
            built.push(self.package(plan, tree, detected, signer)?);
        }
        built.sort_by(|one, two| one.output.file.cmp(&two.output.file));
        Ok(built)
    }

    fn package(
        &self,
        plan: &PackagePlan,
        tree: &Tree,
        detected: Detected,
        signer: &mut dyn SignControl,
    ) -> Result<BuiltPackage, OutputError> {
        let version = plan.full_version();
        let sbom = description::sbom(self.job, plan).map_err(|source| OutputError::Sbom {
            package: plan.name.clone(),
            source,
        })?;
        let metadata = Metadata {
            info: self.info(plan, detected),
            scripts: scripts(plan),
            melange_yaml: Some(description::evaluated_recipe(self.job)?),
        };
        let added = BTreeMap::from([(sbom::path(&plan.name, &version), sbom.clone())]);
        let failed = |source| OutputError::Emit {
            package: plan.name.clone(),
            source,
        };
        let epoch = self.job.plan.source_date_epoch;
        let unsigned = bessemer_package::emit(&metadata, tree, &added, epoch, self.directory)
            .map_err(failed)?;
        let member = match signer.sign_control(&unsigned.control)? {
            Some((key, signature)) => {
                signature_member(&format!(".SIGN.RSA256.{key}"), &signature, epoch)
            }
            None => Vec::new(),
        };
        let file = format!("{}-{version}.apk", plan.name);
        let path = self.directory.join(&file);
        let info = unsigned.info.clone();
        let control_sha1 = unsigned.control_sha1;
        let mut output = self.output(plan, &version, &unsigned, &sbom, file);
        let scratch = Scratch::new(self.directory);
        let emitted = unsigned.attach(&member, &path, &scratch).map_err(failed)?;
        (output.sha256, output.size) = (emitted.sha256, emitted.size);
        let entry = index_entry(&path)?;
        let signature_size = member.len() as u64;
        Ok(BuiltPackage {
            output,
            path,
            sbom,
            control_sha1,
            info,
            entry,
            signature_size,
        })
    }

    fn output(
        &self,
        plan: &PackagePlan,
        version: &str,
        unsigned: &Unsigned,
        sbom: &[u8],
        file: String,
    ) -> Output {
        Output {
            file,
            sha256: Digest::of(b""),
            size: 0,
            package: plan.name.clone(),
            version: version.to_owned(),
            architecture: self.job.plan.architecture.clone(),
            control_sha256: unsigned.control_sha256,
            data_sha256: unsigned.data_summary.sha256,
            sbom: Digest::of(sbom),
        }
    }

    /// Its recipe's word, what was found in its files, and what the command line says of both.
    fn info(&self, plan: &PackagePlan, detected: Detected) -> PkgInfo {
        let parameters = &self.job.spec.external_parameters;
        let mut info = pkginfo(&self.job.plan, plan, detected);
        info.maintainer.clone_from(&parameters.namespace);
        if parameters.strip_origin_name {
            info.origin.clone_from(&plan.name);
        }
        info
    }
}

/// Reads the finished file back: what the index says comes from the file itself.
fn index_entry(path: &Path) -> Result<IndexEntry, OutputError> {
    let file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    let reader = Reader::open(
        std::io::BufReader::new(file.into_file()),
        ApkLimits::default(),
    )?;
    Ok(IndexEntry::from_package(&reader.header().control, size))
}

fn subtree(whole: &Tree, package: &str) -> Result<Tree, OutputError> {
    let path = format!("{}/{package}", OUTPUT.trim_start_matches('/'));
    let prefix = EntryPath::new(path).map_err(|_| OutputError::Name(package.to_owned()))?;
    Ok(whole.subtree(&prefix))
}

fn scripts(plan: &PackagePlan) -> BTreeMap<Script, Vec<u8>> {
    const KINDS: [(&str, Script); 7] = [
        ("post-deinstall", Script::PostDeinstall),
        ("post-install", Script::PostInstall),
        ("post-upgrade", Script::PostUpgrade),
        ("pre-deinstall", Script::PreDeinstall),
        ("pre-install", Script::PreInstall),
        ("pre-upgrade", Script::PreUpgrade),
        ("trigger", Script::Trigger),
    ];
    KINDS
        .iter()
        .filter_map(|(name, script)| {
            plan.scriptlets
                .get(*name)
                .map(|text| (*script, text.clone().into_bytes()))
        })
        .collect()
}
