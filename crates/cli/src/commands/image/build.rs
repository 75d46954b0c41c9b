//! `bessemer image build`.

use super::bills::{BillArguments, Named};
use super::file::FileArguments;
use super::output;
use super::session::{Session, SessionArguments};
use super::vcs;
use crate::print;
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_apk::Dependency;
use bessemer_image::lock::Lock;
use bessemer_image::oci::{ImageIndex, write_archive, write_layout};
use bessemer_image::packages::take_locked;
use bessemer_image::{
    BuildOptions, Compression, Contents, Epoch, Key, Loaded, build, chosen_contents,
    locked_contents, resolve,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image build image.yaml example/app:1 app.tar\n  bessemer image build image.yaml example/app:1 layout/ --lockfile image.lock.json --arch host"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: FileArguments,
    /// What the image is called in an archive: `name:tag`
    tag: String,
    /// An archive that is made, or a directory that is there, for an OCI layout
    output: PathBuf,
    #[command(flatten)]
    session: SessionArguments,
    /// Further constraint on packages; may be repeated
    #[arg(
        short,
        long = "package-append",
        value_name = "CONSTRAINT",
        value_delimiter = ','
    )]
    packages: Vec<String>,
    /// A lock of the image file: its packages and keys, and no others
    #[arg(long, value_name = "FILE")]
    lockfile: Option<PathBuf>,
    /// Time of the image (RFC 3339), if no package is newer; the environment's `SOURCE_DATE_EPOCH`
    /// is its time in any case
    #[arg(long)]
    build_date: Option<jiff::Timestamp>,
    /// Annotation, `key:value`, instead of the image file's of that key; may be repeated
    #[arg(long, value_name = "KEY:VALUE", value_delimiter = ',')]
    annotations: Vec<String>,
    /// How layers are compressed
    #[arg(long, value_enum, default_value = "gzip")]
    compression: CompressionArgument,
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
    #[command(flatten)]
    bills: BillArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CompressionArgument {
    Gzip,
    Zstd,
}

/// Builds the images and writes them where they are to go.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut loaded = arguments.file.load()?;
    annotate(&mut loaded, &arguments.annotations)?;
    let vcs_url = &mut loaded.configuration.vcs_url;
    if arguments.vcs && vcs_url.is_empty() {
        *vcs_url = vcs::probe(&arguments.file.config).unwrap_or_default();
    }
    let appended = append_packages(&mut loaded, &arguments.packages)?;
    let session = arguments.session.open(&loaded)?;
    let (contents, keys) = match &arguments.lockfile {
        Some(path) => locked(&loaded, &session, path, &appended)?,
        None => chosen(&loaded, &session)?,
    };
    let scratch = tempfile::Builder::new()
        .prefix("image-")
        .tempdir_in(&session.cache)?;
    let options = BuildOptions {
        epoch: epoch(arguments.build_date)?,
        compression: match arguments.compression {
            CompressionArgument::Gzip => Compression::Gzip,
            CompressionArgument::Zstd => Compression::Zstd,
        },
        store: &session.store,
        scratch: scratch.path(),
    };
    let built = build(&loaded.configuration, &contents, &keys, options)?;
    write(&built.images, &arguments.tag, &arguments.output)?;
    let named = Named {
        tag: &arguments.tag,
        vcs_url: &loaded.configuration.vcs_url,
    };
    arguments.bills.write(&built, named, &arguments.output)?;
    report(&built.images, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

/// What the repositories offer now.
fn chosen(loaded: &Loaded, session: &Session) -> Result<(Vec<Contents>, Vec<Key>)> {
    let configuration = &loaded.configuration;
    let offers = session.offers(configuration)?;
    let choices = resolve(configuration, &offers)?;
    let contents = chosen_contents(configuration, &choices, &offers, session.taking())?;
    Ok((contents, offers.keys))
}

/// What a lock says. No repository is asked for anything but packages.
fn locked(
    loaded: &Loaded,
    session: &Session,
    path: &Path,
    appended: &[Dependency],
) -> Result<(Vec<Contents>, Vec<Key>)> {
    let text = fs_err::read_to_string(path).context("cannot read the lock")?;
    let shown = || format!("cannot use the lock {}", path.display());
    let lock = Lock::parse(&text).with_context(shown)?;
    lock.check(loaded, &session.archs, appended)
        .with_context(shown)?;
    let mut contents = Vec::new();
    for arch in &session.archs {
        let packages = take_locked(&lock, *arch, session.access()).with_context(shown)?;
        contents.push(locked_contents(&loaded.configuration, *arch, packages)?);
    }
    Ok((contents, lock.keys()))
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
fn annotate(loaded: &mut Loaded, annotations: &[String]) -> Result<()> {
    let mut seen = Vec::new();
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
        if seen.contains(&key) {
            bail!("the annotation `{key}` is given twice");
        }
        seen.push(key);
        let all = &mut loaded.configuration.annotations;
        all.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
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

fn write(images: &ImageIndex, tag: &str, output: &Path) -> Result<()> {
    if output.is_dir() {
        return Ok(write_layout(images, output)?);
    }
    output::write(output, |out| Ok(write_archive(images, tag, out)?))
        .with_context(|| format!("cannot write {}", output.display()))
}

fn report(images: &ImageIndex, as_json: bool) -> Result<()> {
    let digest = |blob: &bessemer_image::oci::Blob| format!("sha256:{}", blob.digest.hex());
    if !as_json {
        return print::line(format_args!("{}", digest(&images.index)));
    }
    let all = images.images.iter().map(|image| {
        let layers = image.layers.iter().map(|layer| {
            json!({
                "digest": format!("sha256:{}", layer.digest.hex()),
                "diffId": format!("sha256:{}", layer.diff_id.hex()),
                "size": layer.size,
                "cached": layer.cached,
            })
        });
        json!({
            "arch": image.arch,
            "manifest": digest(&image.manifest),
            "config": digest(&image.config),
            "layers": layers.collect::<Vec<_>>(),
        })
    });
    print::json(&json!({"index": digest(&images.index), "images": all.collect::<Vec<_>>()}))
}
