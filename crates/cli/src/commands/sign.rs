//! `bessemer sign` and `bessemer sign-index`.

use crate::melange_flags::PlainFlags;
use crate::{index_file, print, signing_key};
use anyhow::{Context, Result, bail};
use bessemer_apk::package::Reader;
use bessemer_apk::{Limits, read_index};
use bessemer_digest::{Digest, HashingWriter};
use bessemer_package::replace_whole;
use serde_json::json;
use std::fs::{File, Permissions};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer sign --signing-key local.rsa packages/x86_64/*.apk")]
pub(crate) struct Arguments {
    /// The packages. A signed package is another file: attestations of the old one do not match it
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// The private key, RSA in PEM; its file name, with `.pub`, is what apk looks for
    #[arg(short = 'k', long, default_value = "local-melange.rsa")]
    signing_key: PathBuf,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer sign-index --signing-key local.rsa packages/x86_64/APKINDEX.tar.gz"
)]
pub(crate) struct IndexArguments {
    /// The index
    index: PathBuf,
    /// The private key, RSA in PEM; its file name, with `.pub`, is what apk looks for
    #[arg(long, default_value = "melange.rsa")]
    signing_key: PathBuf,
    /// Replace a signature that is there
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Makes the signature member over these bytes; its second argument is the member's time.
type Sign<'a> = dyn Fn(&[u8], u64) -> Result<Vec<u8>> + 'a;

/// Replaces the signature of each package.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let key = &arguments.signing_key;
    let mut signed = Vec::new();
    for path in &arguments.packages {
        let digest = sign_package(path, &|message, mtime| {
            signing_key::signature(key, message, mtime)
        })
        .with_context(|| format!("cannot sign {}", path.display()))?;
        if !arguments.json {
            print::line(format_args!("{}", path.display()))?;
        }
        signed.push(json!({"path": path, "sha256": digest}));
    }
    if arguments.json {
        let member = signing_key::member_name(key);
        print::json(&json!({"signature": member, "packages": signed}))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces the file by one with another signature, and returns its digest. The data goes from file
/// to file, however large it is.
fn sign_package(path: &Path, sign: &Sign<'_>) -> Result<Digest> {
    let (path, permissions) = regular(path)?;
    let mut file = File::open(&path)?;
    let reader = Reader::open(BufReader::new(&mut file), Limits::default())
        .context("the file is no package")?;
    let header = reader.header();
    let mtime = header.control.pkginfo.build_date.unwrap_or(0);
    let member = sign(&header.control.bytes, mtime)?;
    let start = header.signature_member.len() as u64;
    drop(reader);
    file.seek(SeekFrom::Start(start))?;
    replace(&path, permissions, |target| {
        let mut target = HashingWriter::new(target);
        target.write_all(&member)?;
        io::copy(&mut file, &mut target)?;
        Ok(target.digest())
    })
}

/// Writes another file in its place, with the same mode.
fn replace<T>(
    path: &Path,
    permissions: Permissions,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T> {
    let replaced = replace_whole(path, |target| {
        target.set_permissions(permissions)?;
        write(target)
    });
    replaced.context("cannot replace it")
}

/// Where the file itself is, which a link may lead to, and its mode: another signature changes
/// neither. What is no file is not waited for.
fn regular(path: &Path) -> Result<(PathBuf, Permissions)> {
    let path = fs_err::canonicalize(path)?;
    let metadata = fs_err::metadata(&path)?;
    if !metadata.is_file() {
        bail!("{} is no regular file", path.display());
    }
    Ok((path, metadata.permissions()))
}

/// Puts a signature in front of an index; one that is signed is left alone without `--force`.
pub(crate) fn index(arguments: &IndexArguments) -> Result<ExitCode> {
    let key = &arguments.signing_key;
    let (path, permissions) = regular(&arguments.index)?;
    let bytes = index_file::read(&path)?;
    let signed = signed_index(&bytes, arguments.force, &|message, mtime| {
        signing_key::signature(key, message, mtime)
    })
    .with_context(|| format!("cannot sign {}", arguments.index.display()))?;
    if let Some(signed) = &signed {
        replace(&path, permissions, |target| target.write_all(signed))
            .with_context(|| format!("cannot sign {}", arguments.index.display()))?;
    }
    let path = &arguments.index;
    if arguments.json {
        print::json(&json!({
            "path": path,
            "signed": signed.is_some(),
            "sha256": Digest::of(signed.as_deref().unwrap_or(&bytes)),
        }))?;
    } else if signed.is_some() {
        print::line(format_args!("{}", path.display()))?;
    } else {
        print::note("the index is signed already; --force replaces the signature");
    }
    Ok(ExitCode::SUCCESS)
}

/// The index with its signature in front; none when it is to be left alone.
pub(super) fn signed_index(bytes: &[u8], force: bool, sign: &Sign<'_>) -> Result<Option<Vec<u8>>> {
    let archive = read_index(bytes, Limits::default()).context("the file is no index")?;
    if !archive.signatures.is_empty() && !force {
        return Ok(None);
    }
    let unsigned = &bytes[archive.unsigned];
    let member = sign(unsigned, 0)?;
    Ok(Some([member.as_slice(), unsigned].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_apk::{Index, Keyring, signature_member, write_index};
    use bessemer_signer::{make_key_pair, sign_with_file};
    use std::process::Command;

    /// The member, made without a process: what a key's file signs is tested with the signer.
    fn sign_with(key: &Path) -> impl Fn(&[u8], u64) -> Result<Vec<u8>> + '_ {
        |message, mtime| {
            let signature = sign_with_file(key, message)?;
            let name = signing_key::member_name(key);
            Ok(signature_member(&name, &signature, mtime))
        }
    }

    #[test]
    fn a_signed_index_reads_back_through_our_reader_and_tar() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("local.rsa");
        let public = make_key_pair(&key, 2048).unwrap();
        let unsigned = write_index(&Index::default()).unwrap();
        let signed = signed_index(&unsigned, false, &sign_with(&key))
            .unwrap()
            .unwrap();
        let archive = read_index(&signed, Limits::default()).unwrap();
        let mut keyring = Keyring::new();
        keyring
            .add("local.rsa.pub", &fs_err::read_to_string(public).unwrap())
            .unwrap();
        let body = &signed[archive.unsigned.clone()];
        assert_eq!(body, unsigned);
        keyring.verify(&archive.signatures, body).unwrap();
        assert!(keyring.verify(&archive.signatures, &body[1..]).is_err());
        let path = directory.path().join("APKINDEX.tar.gz");
        fs_err::write(&path, &signed).unwrap();
        let listed = Command::new("tar").arg("-tzf").arg(&path).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        assert_eq!(
            String::from_utf8(listed.stdout).unwrap(),
            ".SIGN.RSA256.local.rsa.pub\nAPKINDEX\nDESCRIPTION\n"
        );
    }

    #[test]
    fn a_signed_file_keeps_its_mode_and_the_links_to_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs_err::write(at("a.apk"), "").unwrap();
        fs_err::set_permissions(at("a.apk"), Permissions::from_mode(0o640)).unwrap();
        symlink("a.apk", at("link")).unwrap();
        let (path, permissions) = regular(&at("link")).unwrap();
        assert_eq!(path.file_name().unwrap(), "a.apk");
        assert_eq!(permissions.mode() & 0o7777, 0o640);
        assert!(regular(directory.path()).is_err(), "a folder");
        assert!(regular(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_signed_index_is_left_alone_unless_forced() {
        let directory = tempfile::tempdir().unwrap();
        let (old, new) = ["old.rsa", "new.rsa"]
            .map(|name| directory.path().join(name))
            .into();
        make_key_pair(&old, 2048).unwrap();
        make_key_pair(&new, 2048).unwrap();
        let unsigned = write_index(&Index::default()).unwrap();
        let signed = signed_index(&unsigned, false, &sign_with(&old))
            .unwrap()
            .unwrap();
        assert_eq!(
            signed_index(&signed, false, &sign_with(&new)).unwrap(),
            None
        );
        let again = signed_index(&signed, true, &sign_with(&new))
            .unwrap()
            .unwrap();
        let archive = read_index(&again, Limits::default()).unwrap();
        assert_eq!(archive.signatures.len(), 1, "the old one is gone");
        assert_eq!(archive.signatures[0].key, "new.rsa.pub");
        assert_eq!(&again[archive.unsigned], unsigned);
    }
}
