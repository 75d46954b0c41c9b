//! From the command line to images: what `build` and `publish` have in common.

use super::file::{FileArguments, FormatArgument};
use super::session::{Session, SessionArguments};
use super::vcs;
use crate::print;
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_apk::Dependency;
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::{LockedIndex, LockedKey};
use bessemer_digest::Digest;
use bessemer_image::lock::Lock;
use bessemer_image::packages::take_locked;
use bessemer_image::{
    Bases, BuildOptions, Built, Compression, Contents, Epoch, Format, Key, Loaded, Offers, build,
    chosen_contents, locked_contents, resolve,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[derive(Debug, clap::Args)]
pub(super) struct AssemblyArguments {
    #[command(flatten)]
    pub(super) file: FileArguments,
    #[command(flatten)]
    pub(super) session: SessionArguments,
    /// Further constraint on packages; may be repeated
    #[arg(
        short,
        long = "package-append",
        value_name = "CONSTRAINT",
        value_delimiter = ','
    )]
    pub(super) packages: Vec<String>,
    /// A lock of the image file: its packages and keys, and no others
    #[arg(long, value_name = "FILE")]
    pub(super) lockfile: Option<PathBuf>,
    /// Time of the image (RFC 3339), if no package is newer; the environment's `SOURCE_DATE_EPOCH`
    /// is its time in any case
    #[arg(long)]
    build_date: Option<jiff::Timestamp>,
    /// Annotation, `key:value`, instead of the image file's of that key; may be repeated
    #[arg(long, value_name = "KEY:VALUE", value_delimiter = ',')]
    annotations: Vec<String>,
    #[command(flatten)]
    pub(super) format: FormatArgument,
    /// How archives are compressed; erofs images are not [default: gzip]
    #[arg(long, value_enum)]
    compression: Option<CompressionArgument>,
    /// Say in index and images which commit of which git repository the image file is in, where it
    /// has no `vcs-url`
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true
    )]
    vcs: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CompressionArgument {
    Gzip,
    Zstd,
}

/// Images, and everything that went into them.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) loaded: Loaded,
    pub(super) session: Session,
    /// For each architecture its packages, sorted as the images are.
    pub(super) contents: Vec<Contents>,
    pub(super) inputs: Inputs,
    pub(super) epoch: Epoch,
    /// `gzip` or `zstd`; `none` where layers are erofs images.
    pub(super) compression: &'static str,
    /// Annotations of the command line.
    pub(super) annotations: Vec<(String, String)>,
    pub(super) built: Built,
    /// What is only needed while the images are written.
    pub(super) scratch: TempDir,
}

/// What packages were chosen from.
#[derive(Debug)]
pub(super) struct Inputs {
    keys: Vec<Key>,
    /// Digest of the keys' files.
    pub(super) believed: Vec<LockedKey>,
    pub(super) indexes: Vec<LockedIndex>,
    /// Digest of the lock file.
    pub(super) lock: Option<Digest>,
}

impl Inputs {
    fn new(keys: Vec<Key>, indexes: Vec<LockedIndex>, lock: Option<Digest>) -> Self {
        let believed = keys.iter().map(|key| LockedKey {
            name: key.name.clone(),
            sha256: Digest::of(key.pem.as_bytes()),
        });
        Self {
            believed: believed.collect(),
            keys,
            indexes,
            lock,
        }
    }
}

impl AssemblyArguments {
    /// Builds the images. With a trust root, what lies beside packages decides which of several files
    /// of one package is taken.
    pub(super) fn assemble(&self, root: Option<&TrustRoot>) -> Result<Assembly> {
        let mut loaded = self.file.load()?;
        self.format.apply(&mut loaded)?;
        let (compression, compression_name) = self.compression(&loaded)?;
        let annotations = annotate(&mut loaded, &self.annotations)?;
        let vcs_url = &mut loaded.configuration.vcs_url;
        if self.vcs && vcs_url.is_empty() {
            *vcs_url = vcs::probe(&self.file.config).unwrap_or_default();
        }
        if loaded.configuration.contents.baseimage.is_some() {
            self.check_base()?;
        }
        let appended = append_packages(&mut loaded, &self.packages)?;
        let session = self.session.open(&loaded)?;
        let (mut contents, inputs) = match &self.lockfile {
            Some(path) => {
                let bases = self.file.bases(&loaded, &session)?;
                locked(&loaded, &session, path, &appended, bases)?
            }
            None => chosen(&loaded, &session, root)?,
        };
        contents.sort_by_key(|contents| contents.arch);
        let scratch = tempfile::Builder::new()
            .prefix("image-")
            .tempdir_in(&session.cache)?;
        let epoch = epoch(self.build_date)?;
        let options = BuildOptions {
            epoch,
            compression,
            store: &session.store,
            scratch: scratch.path(),
        };
        let built = build(&loaded.configuration, &contents, &inputs.keys, options)?;
        Ok(Assembly {
            compression: compression_name,
            loaded,
            session,
            contents,
            inputs,
            epoch,
            annotations,
            built,
            scratch,
        })
    }
}

impl AssemblyArguments {
    /// How archives are compressed, and what that is called.
    fn compression(&self, loaded: &Loaded) -> Result<(Compression, &'static str)> {
        if loaded.configuration.format == Some(Format::Erofs) {
            if self.compression.is_some() {
                bail!("an erofs image is not compressed: --compression is for the format `tar`");
            }
            return Ok((Compression::None, "none"));
        }
        Ok(match self.compression {
            None | Some(CompressionArgument::Gzip) => (Compression::Gzip, "gzip"),
            Some(CompressionArgument::Zstd) => (Compression::Zstd, "zstd"),
        })
    }

    /// An image on a base is built with a lock, which names the base by its digests.
    fn check_base(&self) -> Result<()> {
        if self.lockfile.is_none() {
            let why = anyhow!(
                "an image on a base is built with a lock, which names the base by its digests"
            );
            let file = self.file.config.display();
            let hint = format!("bessemer image lock {file}, then give it with --lockfile");
            return Err(why.context(print::Hint(hint)));
        }
        Ok(())
    }
}

/// What the repositories offer now.
fn chosen(
    loaded: &Loaded,
    session: &Session,
    root: Option<&TrustRoot>,
) -> Result<(Vec<Contents>, Inputs)> {
    let configuration = &loaded.configuration;
    let offers = session.offers(configuration)?;
    let none = Bases::new();
    let choices = resolve(configuration, &offers, &none)?;
    let contents = chosen_contents(configuration, &choices, &offers, session.taking(root))?;
    let indexes = indexes(&offers);
    Ok((contents, Inputs::new(offers.keys, indexes, None)))
}

fn indexes(offers: &Offers) -> Vec<LockedIndex> {
    let repositories = offers.architectures.iter();
    let repositories = repositories.flat_map(|(_, repositories)| repositories);
    let indexes = repositories.map(|repository| LockedIndex {
        uri: repository.uri.clone(),
        sha256: repository.snapshot,
        key: repository.key.clone(),
        tag: repository.tag.clone(),
    });
    indexes.collect()
}

/// What a lock says. No repository is asked for anything but packages.
fn locked(
    loaded: &Loaded,
    session: &Session,
    path: &Path,
    appended: &[Dependency],
    mut bases: Bases,
) -> Result<(Vec<Contents>, Inputs)> {
    let text = fs_err::read_to_string(path).context("cannot read the lock")?;
    let shown = || format!("cannot use the lock {}", path.display());
    let lock = Lock::parse(&text).with_context(shown)?;
    lock.check(loaded, &session.archs, appended, &bases)
        .with_context(shown)?;
    let mut contents = Vec::new();
    for arch in &session.archs {
        let packages = take_locked(&lock, *arch, session.access()).with_context(shown)?;
        let base = bases.remove(arch);
        contents.push(locked_contents(
            &loaded.configuration,
            *arch,
            packages,
            base,
        )?);
    }
    let digest = Digest::of(text.as_bytes());
    Ok((contents, Inputs::new(lock.keys(), Vec::new(), Some(digest))))
}

fn append_packages(loaded: &mut Loaded, more: &[String]) -> Result<Vec<Dependency>> {
    let packages = &mut loaded.configuration.contents.packages;
    let mut appended = Vec::new();
    for text in more {
        appended.push(text.parse()?);
        if !packages.contains(text) {
            packages.push(text.clone());
        }
    }
    Ok(appended)
}

/// Keys of annotations are as apko takes them.
fn annotate(loaded: &mut Loaded, annotations: &[String]) -> Result<Vec<(String, String)>> {
    let mut seen: Vec<(String, String)> = Vec::new();
    for text in annotations {
        let parts = text.split_once(':').filter(|(_, value)| !value.is_empty());
        let Some((key, value)) = parts else {
            bail!("the annotation `{text}` is not `key:value`");
        };
        let usable =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if key.is_empty() || !key.bytes().all(usable) {
            bail!("the annotation `{key}` has other characters than `a-z`, `0-9`, `-` and `.`");
        }
        if seen.iter().any(|(known, _)| known == key) {
            bail!("the annotation `{key}` is given twice");
        }
        seen.push((key.to_owned(), value.to_owned()));
        let all = &mut loaded.configuration.annotations;
        all.insert(key.to_owned(), value.to_owned());
    }
    Ok(seen)
}

/// `SOURCE_DATE_EPOCH` says when; a date only says since when.
fn epoch(build_date: Option<jiff::Timestamp>) -> Result<Epoch> {
    let given = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty());
    if let Some(value) = given {
        let text = value.to_string_lossy().trim().to_owned();
        let seconds = text.parse();
        let seconds = seconds
            .with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`, not a number of seconds"))?;
        return Ok(Epoch::Exactly(seconds));
    }
    let date = build_date.map_or(0, jiff::Timestamp::as_second);
    let date = u64::try_from(date).map_err(|_| anyhow!("the build date is before 1970"))?;
    Ok(Epoch::AtLeast(date))
}
